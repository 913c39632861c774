//! One file that needs nothing else: markup, style, script and data in one piece.
//!
//! The hard part is that the data is somebody else's: a key may be called `</script>`. It is
//! embedded as JSON in which no character can end the element it is in, the script reads it and
//! writes text only, and a policy in the page's head names the one script and the one style that
//! may run by their hashes, so that nothing that slipped in would.

use crate::html::{self, DARK, LIGHT, hash};
use serde_json::Value;

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
    // The script turns one into the other.
    let style = format!(":root {{\n{LIGHT}}}\n:root[data-theme=\"dark\"] {{\n{DARK}}}\n{STYLE}");
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; base-uri 'none'; form-action 'none'",
        hash(&script),
        hash(&style)
    );
    html::filled(MARKUP, |name| match name {
        "policy" => policy.clone(),
        "title" => html::text(title),
        "style" => style.clone(),
        "data" => as_json(data),
        "script" => script.clone(),
        other => unreachable!("the page has no part '{other}'"),
    })
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
