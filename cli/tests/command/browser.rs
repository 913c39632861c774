//! A browser without a window, driven over a pipe: what a test of a page needs, and no more.
//!
//! Chromium speaks its protocol on descriptors 3 and 4. A shell moves our pipes there, so that no
//! socket, no driver and no library is needed. Where there is no browser the test is skipped, aloud
//! and counted; with UNFORKED_REQUIRE_SERVICES=1 that is a failure.

use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write, stderr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// The machine may be busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);

/// A browser with one page open.
pub(crate) struct Browser {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    number: u64,
    /// What the page complained of: exceptions, and what its policy forbade.
    pub(crate) complaints: Vec<String>,
    loaded: bool,
}

impl Browser {
    /// Starts one that keeps its files under `home`. None: there is none on this machine.
    pub(crate) fn start(home: &Path) -> Option<Browser> {
        let Some(program) = find() else {
            skip("no chromium on PATH");
            return None;
        };
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 2>/dev/null"])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", home.join("browser").display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let input = child.stdin.take().expect("it is piped");
        let messages = listen(child.stdout.take().expect("it is piped"));
        let complaints = Vec::new();
        let (session, number, loaded) = (None, 0, false);
        let mut browser = Browser { child, input, messages, session, number, complaints, loaded };
        let page = browser.call("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": page["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for part in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{part}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Asks, and waits for the answer.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        write!(self.input, "{message}\0").expect("the browser listens");
        self.input.flush().expect("the browser listens");
        loop {
            let answer = self.next();
            if answer["id"] == self.number {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.note(&answer);
        }
    }

    fn next(&mut self) -> Value {
        self.messages.recv_timeout(PATIENCE).expect("the browser answers")
    }

    fn note(&mut self, event: &Value) {
        match event["method"].as_str() {
            Some("Page.loadEventFired") => self.loaded = true,
            Some("Runtime.exceptionThrown" | "Log.entryAdded") => {
                self.complaints.push(event["params"].to_string());
            }
            _ => {}
        }
    }

    /// A window of this size.
    pub(crate) fn size(&mut self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Opens a file, and waits until it is drawn; how long that took.
    pub(crate) fn open(&mut self, file: &Path, hash: &str) -> Duration {
        // Only another page is loaded anew; another hash is not.
        self.load("about:blank");
        let began = Instant::now();
        self.load(&format!("file://{}{hash}", file.display()));
        self.settle();
        began.elapsed()
    }

    fn load(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url}));
        let page = url.split('#').next().unwrap_or_default();
        // The event may be of the page before.
        while self.eval("location.href.split('#')[0]") != page {
            self.loaded = false;
            while !self.loaded {
                let event = self.next();
                self.note(&event);
            }
        }
        self.eval(
            "new Promise(done => document.readyState === 'complete' ? done() : \
                   addEventListener('load', done))",
        );
    }

    /// Waits until what was asked for is drawn.
    fn settle(&mut self) {
        let frames =
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))";
        self.eval(frames);
    }

    /// What an expression comes to.
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        let params = json!({
            "expression": expression, "returnByValue": true, "awaitPromise": true,
        });
        let answer = self.call("Runtime.evaluate", params);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The text of what a selector finds.
    pub(crate) fn text(&mut self, selector: &str) -> String {
        let text = self.eval(&format!("document.querySelector({selector:?})?.textContent ?? ''"));
        text.as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({"type": kind, "key": key, "text": text});
            self.call("Input.dispatchKeyEvent", event);
        }
        self.settle();
    }

    /// Clicks the middle of what a selector finds.
    pub(crate) fn click(&mut self, selector: &str) {
        let middle = self.eval(&format!(
            "(() => {{ const it = document.querySelector({selector:?}); \
             it.scrollIntoView({{block: 'nearest'}}); const box = it.getBoundingClientRect(); \
             return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        self.click_at(&middle[0], &middle[1]);
    }

    pub(crate) fn click_at(&mut self, x: &Value, y: &Value) {
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
        self.settle();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends its own children; `kill` would leave them.
        let _ = write!(self.input, "{}\0", json!({"id": 0, "method": "Browser.close"}));
        let _ = self.input.flush();
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads messages, each ended by a zero, for as long as there are any.
fn listen(output: ChildStdout) -> Receiver<Value> {
    let (sender, messages) = channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        loop {
            let mut message = Vec::new();
            match output.read_until(0, &mut message) {
                Ok(1..) => {}
                _ => return,
            }
            message.pop();
            let Ok(message) = serde_json::from_slice(&message) else { return };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    messages
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let all = NAMES.iter().flat_map(|name| places.iter().map(move |place| place.join(name)));
    all.into_iter().find(|it| it.is_file())
}

/// Skips what needs a browser, past the test runner's capture, or fails where one is required.
fn skip(why: &str) {
    let required = std::env::var_os("UNFORKED_REQUIRE_SERVICES").is_some_and(|it| it == "1");
    assert!(!required, "a browser is required: {why}");
    let line = format!("SKIPPED browser: {why}");
    let _ = writeln!(stderr(), "{line}");
    if let Some(path) = std::env::var_os("UNFORKED_SKIPPED") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let _ = file.and_then(|mut file| writeln!(file, "{line}"));
    }
}
