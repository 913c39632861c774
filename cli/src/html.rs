//! What every page of ours is made of: parts put into markup, colours, text, and a policy.
//!
//! The hard part is that what a page shows is somebody else's: a key may be called `</script>`. So
//! text goes through [`text`], a page is put together in one pass in which nothing that was put in
//! is looked at again, and what may run or style it is named in its policy by its hash.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The names of all colours and fonts, for light.
pub(crate) const LIGHT: &str = include_str!("html/light.css");
/// The names of all colours again, for dark.
pub(crate) const DARK: &str = include_str!("html/dark.css");

/// `markup` with the part of that name in the place of each `{{name}}`.
pub(crate) fn filled(markup: &str, part: impl Fn(&str) -> String) -> String {
    let mut page = String::new();
    let mut rest = markup;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("the page's own marks are closed");
        page.push_str(before);
        page.push_str(&part(name));
        rest = after;
    }
    page + rest
}

/// A script or a style, as a policy names it.
pub(crate) fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

/// Text between tags, or in an attribute's double quotes.
pub(crate) fn text(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}
