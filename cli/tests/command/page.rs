//! The page of `checker show -o`, clicked through in a browser.

use crate::FAILING;
use crate::browser::Browser;
use crate::desk::{Desk, recorded};
use std::fmt::Write;
use std::time::Duration;

/// The page of a file, made on this desk, in a browser; none where there is no browser.
fn opened(desk: &Desk, name: &str, text: &str) -> Option<Browser> {
    desk.write(name, text);
    desk.checker(&format!("show {name} -o page.html")).exits(0).tells(&["wrote    page.html"]);
    let mut browser = Browser::start(&desk.0)?;
    browser.size(1280, 860);
    browser.open(&desk.0.join("page.html"), "");
    Some(browser)
}

fn hash(browser: &mut Browser) -> String {
    browser.eval("location.hash").as_str().unwrap_or_default().to_owned()
}

#[track_caller]
fn is_quiet(browser: &Browser) {
    assert_eq!(browser.complaints, [] as [&str; 0], "the page complains of nothing");
}

#[test]
fn a_page_is_walked_by_keys_and_clicks_and_its_address_keeps_the_step() {
    let desk = Desk::new("page-walk");
    let Some(mut browser) = opened(&desk, FAILING, &recorded(FAILING)) else { return };
    let it = &mut browser;
    assert_eq!(it.text("#badge"), "\u{2715} FAILS");
    assert_eq!(it.text("h1"), "Fork: w0 and w1 both moved run-0 from 0, both were told they won.");
    assert_eq!(it.text("footer"), "The lock told w0 it was alone; only the row could know.");
    assert_eq!(hash(it), "#step=7");
    let drawn = it.text("#scroller svg");
    for part in ["w0", "lock", "head", "lapse", "5000 ms passed", "second child of 0"] {
        assert!(drawn.contains(part), "no '{part}' in {drawn}");
    }
    for part in ["w0 still believes it holds the lock", "decided here, acted there"] {
        assert!(drawn.contains(part), "no '{part}' in {drawn}");
    }
    it.press("ArrowLeft");
    assert_eq!(hash(it), "#step=6");
    let panel = it.text("#panel");
    assert!(panel.contains("Step 6 of 7") && panel.contains("update run-0 seq=1"), "{panel}");
    assert!(panel.contains("What it changed") && panel.contains("head0 1"), "{panel}");
    it.press("Home");
    assert_eq!(hash(it), "#step=1");
    it.press("End");
    it.click("#back");
    assert_eq!(hash(it), "#step=6");
    it.click("#list li:nth-child(3) button");
    assert_eq!(hash(it), "#step=3");
    // The fourth column of seven.
    let place = it.eval(
        "(() => { const box = document.querySelector('#scroller svg').getBoundingClientRect(); \
         return [box.x + 92 + (box.width - 92) / 2 - 12, box.y + 60]; })()",
    );
    it.click_at(&place[0], &place[1]);
    assert_eq!(hash(it), "#step=4");
    it.open(&desk.0.join("page.html"), "#step=5&run=1");
    assert_eq!(
        (hash(it).as_str(), it.text("#badge").as_str()),
        ("#step=5&run=1", "\u{2713} HOLDS")
    );
    assert!(it.text("#panel").contains("Step 5 of 7"));
    is_quiet(it);
}

#[test]
fn a_page_switches_to_its_control_plays_searches_and_helps() {
    let desk = Desk::new("page-tools");
    let Some(mut browser) = opened(&desk, FAILING, &recorded(FAILING)) else { return };
    let it = &mut browser;
    assert_eq!(it.text("#switch"), "\u{2715}without CAS\u{2713}with CAS");
    it.click("#switch button:nth-child(2)");
    assert_eq!(
        (it.text("#badge").as_str(), hash(it).as_str()),
        ("\u{2713} HOLDS", "#step=7&run=1")
    );
    assert!(it.text("#panel").contains("LOST"), "{}", it.text("#panel"));
    assert!(it.text("#scroller svg").contains("decided here, refused there"));
    it.press("c");
    assert_eq!((it.text("#badge").as_str(), hash(it).as_str()), ("\u{2715} FAILS", "#step=7"));
    it.press("/");
    for letter in "select".chars() {
        it.press(&letter.to_string());
    }
    assert_eq!(it.text("#matches"), "2 found");
    it.press("Enter");
    assert_eq!(hash(it), "#step=4");
    it.press("Enter");
    assert_eq!(hash(it), "#step=5");
    it.press("Escape");
    assert_eq!(it.text("#matches"), "");
    it.press("?");
    assert_eq!(it.eval("document.getElementById('help').open"), true);
    it.click("#help button");
    assert_eq!(it.eval("document.getElementById('help').open"), false);
    it.press("Home");
    it.press(" ");
    assert_eq!(it.eval("document.getElementById('play').ariaLabel"), "Stop");
    it.eval("new Promise(done => setTimeout(done, 1700))");
    let step = hash(it);
    assert!(["#step=2", "#step=3", "#step=4"].contains(&step.as_str()), "{step}");
    it.press(" ");
    let theme = |it: &mut Browser| it.eval("document.documentElement.dataset.theme");
    let before = theme(it);
    it.press("t");
    assert_ne!(theme(it), before);
    is_quiet(it);
}

/// Nothing of a history can be taken for markup, and nothing is fetched from anywhere.
#[test]
fn a_key_that_closes_the_script_is_text() {
    let desk = Desk::new("page-escape");
    let key = "</script><script>document.title='broken'</script><img src=x onerror=alert(1)>";
    let line = serde_json::json!({
        "client": 0, "f": "cas", "key": key, "from": 0, "call": 1, "return": 2, "ret": true,
    });
    let again = serde_json::json!({
        "client": 1, "f": "cas", "key": key, "from": 0, "call": 3, "return": 4, "ret": true,
    });
    let text =
        format!("{{\"format\":\"unforked-history/1\",\"spec\":\"head\"}}\n{line}\n{again}\n");
    let Some(mut browser) = opened(&desk, "bad.jsonl", &text) else { return };
    let it = &mut browser;
    assert_eq!(it.eval("document.title"), "bad.jsonl - Unforked");
    assert_eq!(it.eval("document.querySelectorAll('img').length"), 0);
    assert_eq!(it.eval("performance.getEntriesByType('resource').length"), 0);
    let panel = it.text("#panel");
    assert!(panel.contains(key), "{panel}");
    assert!(it.text("#ways").contains("the head is at 1"), "{}", it.text("#ways"));
    is_quiet(it);
}

/// What is drawn is what is seen, so that it costs the same however long the history is.
#[test]
fn ten_thousand_operations_are_drawn_at_once_on_a_phone_too() {
    let desk = Desk::new("page-long");
    let mut text = String::from("{\"format\":\"unforked-history/1\",\"spec\":\"head\"}\n");
    for number in 0..10_000u64 {
        // Sixteen clients, each call open while fifteen others begin.
        let (client, call) = (number % 16, number * 10);
        let returned = call + 155;
        writeln!(
            text,
            "{{\"client\":{client},\"f\":\"read\",\"key\":\"k\",\"call\":{call},\
             \"return\":{returned},\"ret\":0}}"
        )
        .expect("a string takes everything");
    }
    let Some(mut browser) = opened(&desk, "long.jsonl", &text) else { return };
    let it = &mut browser;
    let page = desk.0.join("page.html");
    let took = it.open(&page, "#step=10000");
    assert!(took < Duration::from_secs(20), "it took {took:?}");
    let elements = |it: &mut Browser| {
        it.eval("document.querySelectorAll('#scroller svg *').length").as_u64().unwrap_or(0)
    };
    let drawn = elements(it);
    assert!((50..3000).contains(&drawn), "{drawn} elements");
    it.press("End");
    assert!(elements(it) < 3000);
    it.size(390, 844);
    it.open(&page, "#step=10000");
    let wide = it.eval("document.documentElement.scrollWidth").as_u64();
    assert!(wide <= Some(390), "it is as wide as the window: {wide:?}");
    assert!(elements(it) < 3000);
    is_quiet(it);
}
