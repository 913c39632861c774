//! A client's process, as the run that owns it sees it: asked, stopped, and let go on.
//!
//! The hard part is that a stopped process looks like a slow one. Whether the system has stopped it
//! is read from the system; and it must end with its owner even while it is stopped, so it is
//! killed and never asked to end.

use models::worlds::{Call, Reply};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};
use tokio::sync::oneshot;

use super::{Addresses, Ask, MARK, Told};
use crate::error::RealError;
use crate::service::ServiceError;
use crate::service::child::{Kept, command, signal, spawn_from_lasting_thread};

/// How long the system may take to stop a process.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

/// A program that is a client when it is started: that calls [`be`](super::be).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// What it is told on the command line.
    pub arguments: Vec<String>,
    /// What is added to its environment.
    pub environment: Vec<(String, String)>,
}

/// Calls that were asked for and have yet to be answered.
type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Result<Option<Reply>, String>>>>>;

/// A running client; dropping it ends it.
pub(crate) struct Process {
    pid: u32,
    inbox: Mutex<(ChildStdin, u64)>,
    waiting: Waiting,
    _kept: Kept,
}

impl Process {
    pub(crate) fn start(program: &Program, addresses: &Addresses) -> Result<Self, RealError> {
        let mut command = command("client", &program.path, None, "KILL")?;
        command.args(&program.arguments).envs(program.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A Ctrl-C in the terminal is for the run, which ends its clients.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let doing = || ServiceError::io(format!("start {}", program.path.display()));
        let mut child = spawn_from_lasting_thread(command).map_err(doing())?;
        let (inbox, said) = (child.stdin.take(), child.stdout.take());
        let pid = child.id();
        let kept = Kept::process(child);
        let missing = || doing()(io::Error::other("it has no pipes"));
        let (inbox, said) = (inbox.ok_or_else(missing)?, said.ok_or_else(missing)?);
        let waiting = Waiting::default();
        let told = Arc::clone(&waiting);
        std::thread::spawn(move || hear(said, &told));
        let process = Process { pid, inbox: Mutex::new((inbox, 0)), waiting, _kept: kept };
        process.write(&serde_json::to_string(addresses).expect("keys are names"))?;
        Ok(process)
    }

    fn write(&self, line: &str) -> Result<(), RealError> {
        // A line is far smaller than a pipe, and few are under way: it never waits.
        let written = writeln!(self.inbox.lock().0, "{line}");
        written.map_err(|error| RealError::Client { why: format!("it does not listen: {error}") })
    }

    /// Has it make a call, or come by; an error is silence, and why.
    pub(crate) async fn ask(&self, call: Option<Call>) -> Result<Option<Reply>, String> {
        let (answer, heard) = oneshot::channel();
        let id = {
            let mut inbox = self.inbox.lock();
            inbox.1 += 1;
            inbox.1
        };
        self.waiting.lock().insert(id, answer);
        let ask = serde_json::to_string(&Ask { id, call }).expect("keys are names");
        self.write(&ask).map_err(|error| error.to_string())?;
        heard.await.unwrap_or_else(|_| Err("the client's process has ended".to_owned()))
    }

    /// Stops it where it stands, and waits until the system has done so.
    pub(crate) async fn stop(&self) -> Result<(), String> {
        signal(self.pid, "STOP");
        let deadline = Instant::now() + STOP_TIME_MAX;
        while !is_stopped(self.pid) {
            if Instant::now() > deadline {
                return Err(format!("process {} of a client could not be stopped", self.pid));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        signal(self.pid, "CONT");
    }
}

/// Hands out what a client says, until it says no more.
fn hear(said: ChildStdout, waiting: &Waiting) {
    for line in BufReader::new(said).lines().map_while(Result::ok) {
        let Some(line) = line.strip_prefix(MARK) else { continue };
        match serde_json::from_str(line) {
            Ok(Told { id, told }) => {
                if let Some(answer) = waiting.lock().remove(&id) {
                    // Whoever no longer listens has given up.
                    let _ = answer.send(told);
                }
            }
            Err(error) => tracing::warn!(%error, line, "a client says what nobody understands"),
        }
    }
    waiting.lock().clear();
}

/// Whether the system has stopped a process.
fn is_stopped(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // After the name, which may hold anything but ends with the last bracket.
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
}
