//! Drives a real Chromium (Debian's package) without a screen, over the DevTools protocol on a pair of pipes.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use command_fds::{CommandFdExt as _, FdMapping};
use serde_json::{Value, json};

use crate::wait;

/// Path of the program in Debian.
pub const PROGRAM: &str = "/usr/bin/chromium";

/// A running browser with one page. Dropping it kills the process and removes its profile.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    requests: std::io::PipeWriter,
    messages: mpsc::Receiver<Value>,
    session: Option<String>,
    next: u64,
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts Chromium with a new profile, and opens an empty page.
    ///
    /// # Errors
    /// Fails if the program is not installed or does not answer.
    pub fn start() -> anyhow::Result<Self> {
        anyhow::ensure!(Path::new(PROGRAM).exists(), "{PROGRAM} is missing: apt-get install chromium");
        let profile = tempfile::tempdir()?;
        let (theirs, requests) = std::io::pipe()?;
        let (answers, ours) = std::io::pipe()?;
        let mut command = Command::new(PROGRAM);
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // The protocol's own numbers.
            .fd_mappings(vec![
                FdMapping { parent_fd: theirs.into(), child_fd: 3 },
                FdMapping { parent_fd: ours.into(), child_fd: 4 },
            ])?;
        let child = command.spawn()?;
        // The command holds the browser's ends: without them, the end of the browser ends the pipe.
        drop(command);
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || {
            for message in BufReader::new(answers).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { continue };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut browser =
            Self { child, requests, messages, session: None, next: 0, events: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}))?;
        let target = json!({"targetId": target["targetId"], "flatten": true});
        let session = browser.call("Target.attachToTarget", &target)?;
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}))?;
        }
        Ok(browser)
    }

    /// Calls a method of the protocol and returns its result.
    ///
    /// # Errors
    /// Fails if the browser refuses the call, ends, or does not answer within [`wait::DEADLINE`].
    pub fn call(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        self.next += 1;
        let id = self.next;
        let mut request = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        self.requests.write_all(format!("{request}\0").as_bytes())?;
        let until = Instant::now() + wait::DEADLINE;
        loop {
            let mut message = self.message(until).with_context(|| format!("waiting for {method}"))?;
            if message["id"] != json!(id) {
                self.events.push(message);
                continue;
            }
            if !message["error"].is_null() {
                bail!("{method}: {}", message["error"]);
            }
            return Ok(message["result"].take());
        }
    }

    fn message(&self, until: Instant) -> anyhow::Result<Value> {
        Ok(self.messages.recv_timeout(until.saturating_duration_since(Instant::now()))?)
    }

    /// Opens a file and waits until it is loaded.
    ///
    /// # Errors
    /// Fails as [`Self::call`] does.
    pub fn open(&mut self, path: &Path) -> anyhow::Result<()> {
        self.events.clear();
        let url = format!("file://{}", path.display());
        self.call("Page.navigate", &json!({"url": url}))?;
        let until = Instant::now() + wait::DEADLINE;
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.message(until).context("waiting for the page to load")?;
            self.events.push(event);
        }
        Ok(())
    }

    /// The value of a JavaScript expression in the page.
    ///
    /// # Errors
    /// Fails as [`Self::call`] does, or if the expression throws.
    pub fn evaluate(&mut self, expression: &str) -> anyhow::Result<Value> {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut result = self.call("Runtime.evaluate", &params)?;
        anyhow::ensure!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        Ok(result["result"]["value"].take())
    }

    /// The events of the page since it was opened, such as `Network.requestWillBeSent`.
    #[must_use]
    pub fn events(&self) -> &[Value] {
        &self.events
    }

    /// Sets the size of the window in CSS pixels, and the preferred colours (`light` or `dark`).
    ///
    /// # Errors
    /// Fails as [`Self::call`] does.
    pub fn show(&mut self, (width, height): (u32, u32), colours: &str) -> anyhow::Result<()> {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", &size)?;
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": colours}]});
        self.call("Emulation.setEmulatedMedia", &features)?;
        Ok(())
    }

    /// Writes a picture of the whole page as PNG.
    ///
    /// # Errors
    /// Fails as [`Self::call`] does, or if the file cannot be written.
    pub fn screenshot(&mut self, path: &Path) -> anyhow::Result<()> {
        let size = self.call("Page.getLayoutMetrics", &json!({}))?["cssContentSize"].take();
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        let params = json!({"captureBeyondViewport": true, "clip": clip});
        let picture = self.call("Page.captureScreenshot", &params)?;
        write(path, &picture)
    }

    /// Writes the page as it is printed, as PDF.
    ///
    /// # Errors
    /// Fails as [`Self::call`] does, or if the file cannot be written.
    pub fn print(&mut self, path: &Path) -> anyhow::Result<()> {
        let pages =
            self.call("Page.printToPDF", &json!({"printBackground": true, "preferCSSPageSize": true}))?;
        write(path, &pages)
    }
}

fn write(path: &Path, result: &Value) -> anyhow::Result<()> {
    let data = result["data"].as_str().context("the answer has no data")?;
    fs::write(path, STANDARD.decode(data)?).with_context(|| format!("writing {}", path.display()))
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}
