//! One file that needs nothing else: markup, style, script and data in one piece.
//!
//! The hard part is that the data is somebody else's: a key may be called `</script>`. It is
//! embedded as JSON in which no character can end the element it is in, the script reads it and
//! writes text only, and a policy in the page's head names the one script and the one style that
//! may run by their hashes, so that nothing that slipped in would.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

const MARKUP: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// In this order, in one function's scope.
const SCRIPTS: [&str; 5] = [
    include_str!("page/data.js"),
    include_str!("page/draw.js"),
    include_str!("page/panel.js"),
    include_str!("page/view.js"),
    include_str!("page/page.js"),
];

/// The page that shows `data`.
pub(super) fn page(title: &str, data: &Value) -> String {
    let script = format!("(() => {{\n\"use strict\";\n{}}})();\n", SCRIPTS.join("\n"));
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        hash(&script),
        hash(STYLE)
    );
    // One pass, so that no part is looked for in what another brought in.
    let mut page = String::new();
    let mut rest = MARKUP;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("the page's own marks are closed");
        page.push_str(before);
        match name {
            "policy" => page.push_str(&policy),
            "title" => page.push_str(&as_text(title)),
            "style" => page.push_str(STYLE),
            "data" => page.push_str(&as_json(data)),
            "script" => page.push_str(&script),
            other => unreachable!("the page has no part '{other}'"),
        }
        rest = after;
    }
    page + rest
}

/// As a policy names it.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Text between tags.
fn as_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// JSON in which nothing ends a script, begins a comment or ends a line of JavaScript.
fn as_json(data: &Value) -> String {
    let mut text = String::new();
    for character in data.to_string().chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => text.push(character),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_string_ends_the_element_it_is_in() {
        let key = "</script><script>alert(1)</script><!--\u{2028}&amp;{{script}}";
        let data = json!({"runs": [{"key": key}]});
        let page = page(key, &data);
        assert_eq!(page.matches("<script").count(), 2, "the data and the script");
        assert_eq!(page.matches("</script").count(), 2);
        assert!(!page.contains("alert(1)</script>"));
        let from = page.find("type=\"application/json\">").expect("there is data") + 24;
        let embedded = &page[from..from + page[from..].find("</script>").expect("it ends")];
        let read: Value = serde_json::from_str(embedded).expect("it is JSON");
        assert_eq!(read, data);
    }
}
