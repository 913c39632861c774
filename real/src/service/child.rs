//! A server process that always stops: on drop, on `stop_all`, and when we are killed.
//!
//! The last is the hard one, for a killed process runs nothing. The kernel signals a child when
//! the *thread* that started it dies (`prctl(PR_SET_PDEATHSIG)`); so `setpriv` asks for it on the
//! child's behalf, and one thread that lives as long as the process starts every server. Without
//! `setpriv` a SIGKILL leaves the server running until the next start sweeps it away.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock, Weak, mpsc};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill as kill_process};
use nix::unistd::Pid;
use parking_lot::Mutex;

use super::directory::Directory;
use super::{ServiceError, port};

/// A loaded machine with a slow disk needs seconds; who needs a minute is stuck.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// How long a server may take to stop before it is killed. Its data is thrown away anyway.
const STOP_TIME_MAX: Duration = Duration::from_secs(5);

const LOG_LINES_MAX: usize = 20;

/// What a server inherits of our environment: enough to be found and linked, and no settings.
const INHERITED: [&str; 2] = ["PATH", "LD_LIBRARY_PATH"];

/// Another user, for a server that refuses to run as root.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// What to start, and how it is asked to stop.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) service: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) user: Option<User>,
    /// The signal after which the service exits soonest without leaving anything of its own.
    pub(crate) stop_signal: &'static str,
    /// The port it is to answer on.
    pub(crate) port: u16,
}

/// A running server and its directory.
#[derive(Debug)]
pub(crate) struct Server {
    launch: Launch,
    directory: PathBuf,
    running: Arc<Mutex<Running>>,
}

/// What must be undone, by whoever comes first: the owner's drop or `stop_all`.
struct Running {
    child: Option<Child>,
    stop_signal: &'static str,
    directory: Option<Directory>,
}

/// Every server of this process that may still run.
static RUNNING: Mutex<Vec<Weak<Mutex<Running>>>> = Mutex::new(Vec::new());

/// Stops every server that this process has started and removes their directories.
///
/// For a Ctrl-C handler, which has no owner's hands on them: call it and exit.
pub fn stop_all() {
    let all = std::mem::take(&mut *RUNNING.lock());
    for running in all.iter().filter_map(Weak::upgrade) {
        running.lock().stop();
    }
}

/// Something else that must be undone: on drop, or by `stop_all`.
#[derive(Debug)]
pub(crate) struct Kept(Arc<Mutex<Running>>);

impl Kept {
    /// A directory of a server that is no process.
    pub(crate) fn directory(directory: Directory) -> Self {
        Kept(remember(Running { child: None, stop_signal: "KILL", directory: Some(directory) }))
    }

    /// A process that needs no directory and no time to end.
    pub(crate) fn process(child: Child) -> Self {
        Kept(remember(Running { child: Some(child), stop_signal: "KILL", directory: None }))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.lock().stop();
    }
}

/// Lets `stop_all` find it.
fn remember(running: Running) -> Arc<Mutex<Running>> {
    let running = Arc::new(Mutex::new(running));
    let mut all = RUNNING.lock();
    all.retain(|other| other.strong_count() > 0);
    all.push(Arc::downgrade(&running));
    running
}

impl Server {
    /// Starts the process and waits until `answers` says so, at its own port.
    pub(crate) fn start(
        launch: Launch,
        directory: Directory,
        answers: impl FnMut(&Self) -> bool,
    ) -> Result<Self, ServiceError> {
        let begin = Instant::now();
        let path = directory.path().to_path_buf();
        let child = spawn(&launch, &directory)?;
        let (child, directory) = (Some(child), Some(directory));
        let running = remember(Running { child, stop_signal: launch.stop_signal, directory });

        // From here on a return by error stops what was started: `server` is dropped.
        let server = Self { launch, directory: path, running };
        server.await_answer(answers)?;
        let Launch { service, port, .. } = server.launch;
        let ms = begin.elapsed().as_millis();
        tracing::info!(service, port, pid = server.pid(), ms, "started");
        Ok(server)
    }

    /// The process; none once it was stopped.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.running.lock().child.as_ref().map(Child::id)
    }

    /// The port it answers on.
    pub(crate) fn port(&self) -> u16 {
        self.launch.port
    }

    /// Its temporary directory, which is gone once it was stopped.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Kills it without a warning; its directory and port stay its own.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.running.lock().child.take() {
            kill(&mut child);
        }
    }

    /// Starts it again where it was, after `kill`.
    pub(crate) fn restart(&self, answers: impl FnMut(&Self) -> bool) -> Result<(), ServiceError> {
        self.kill();
        {
            let mut running = self.running.lock();
            let Some(directory) = &running.directory else {
                return Err(self.failed("it was stopped for good and cannot be started again"));
            };
            let child = spawn(&self.launch, directory)?;
            running.child = Some(child);
        }
        self.await_answer(answers)
    }

    /// Asks it to end by a signal, waits until it has, and starts it again where it was.
    pub(crate) fn restart_gently(
        &self,
        stop_signal: &str,
        answers: impl FnMut(&Self) -> bool,
    ) -> Result<(), ServiceError> {
        if let Some(mut child) = self.running.lock().child.take() {
            signal(child.id(), stop_signal);
            let deadline = Instant::now() + START_TIME_MAX;
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
            kill(&mut child);
        }
        self.restart(answers)
    }

    /// Stops it and removes its directory; a second call does nothing.
    pub(crate) fn stop(&self) {
        self.running.lock().stop();
    }

    fn await_answer(&self, mut answers: impl FnMut(&Self) -> bool) -> Result<(), ServiceError> {
        let deadline = Instant::now() + START_TIME_MAX;
        while !answers(self) {
            self.check_alive()?;
            if Instant::now() > deadline {
                return Err(self.failed(format!("it did not answer within {START_TIME_MAX:?}")));
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        // It may have been a stranger who answered, while ours was dying of the taken port.
        self.check_alive()?;
        let pid = self.pid().ok_or_else(|| self.failed("it was stopped while it started"))?;
        if port::is_owned_by(self.port(), pid) == Some(false) {
            return Err(self.port_taken());
        }
        Ok(())
    }

    fn check_alive(&self) -> Result<(), ServiceError> {
        let mut running = self.running.lock();
        let Some(child) = &mut running.child else {
            return Err(self.failed("it was stopped while it started"));
        };
        match child.try_wait() {
            Ok(None) => Ok(()),
            // Postgres, Redis and what is written in Go agree on these words.
            Ok(Some(_)) if self.log_tail().to_lowercase().contains("already in use") => {
                Err(self.port_taken())
            }
            Ok(Some(status)) => Err(self.failed(format!("it ended at once with {status}"))),
            Err(source) => Err(ServiceError::Io { doing: "wait for a child".into(), source }),
        }
    }

    fn port_taken(&self) -> ServiceError {
        ServiceError::PortTaken { service: self.launch.service, port: self.launch.port }
    }

    fn failed(&self, what: impl Into<String>) -> ServiceError {
        let (service, what) = (self.launch.service, what.into());
        ServiceError::Start { service, what, log_tail: self.log_tail() }
    }

    fn log_tail(&self) -> String {
        let log = fs::read(self.directory.join("log")).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&log))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("pid", &self.child.as_ref().map(Child::id)).finish()
    }
}

impl Running {
    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), self.stop_signal);
            let deadline = Instant::now() + STOP_TIME_MAX;
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
            kill(&mut child);
        }
        drop(self.directory.take());
    }
}

/// Kills a child that may be dead already, and reaps it.
fn kill(child: &mut Child) {
    // Fails where the child has been reaped, which is what we want.
    let _ = child.kill();
    let _ = child.wait();
}

/// Sends a signal by its name without `SIG`. Of one who is gone we want nothing.
pub(crate) fn signal(pid: u32, name: &str) {
    let known: Result<Signal, _> = format!("SIG{name}").parse();
    let signal = known.expect("signals are named in this crate only");
    let sent = kill_process(Pid::from_raw(pid.cast_signed()), signal);
    tracing::debug!(pid, name, ?sent, "signal");
}

/// The last lines of what a program wrote.
pub(crate) fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_MAX)..].join("\n")
}

/// A command as another user, if any, that gets `death_signal` when the calling thread dies.
pub(crate) fn command(
    service: &'static str,
    program: &Path,
    user: Option<&User>,
    death_signal: &str,
) -> Result<Command, ServiceError> {
    let mut command = match (setpriv(), user) {
        (Some(setpriv), user) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", death_signal]);
            if let Some(User { uid, gid, .. }) = user {
                // In the same exec: a change of user in between would clear the death signal.
                command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}"));
                command.arg("--clear-groups");
            }
            command.arg("--").arg(program);
            command
        }
        (None, None) => Command::new(program),
        (None, Some(user)) => {
            let what = format!(
                "it refuses to run as root, and `setpriv` is missing, which starts it as '{}': \
                 install util-linux, or run this as another user",
                user.name
            );
            return Err(ServiceError::Start { service, what, log_tail: String::new() });
        }
    };
    command.env_clear().env("LC_ALL", "C").stdin(Stdio::null());
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    Ok(command)
}

/// util-linux's `setpriv`, found once; busybox has another, which lacks what we need.
fn setpriv() -> Option<&'static OsStr> {
    static SETPRIV: OnceLock<Option<OsString>> = OnceLock::new();
    let found = SETPRIV.get_or_init(|| {
        let path = super::find_program("setpriv", "setpriv", &[], "install util-linux").ok()?;
        let help = Command::new(&path).arg("--help").output().ok()?;
        String::from_utf8_lossy(&help.stdout).contains("--pdeathsig").then(|| path.into())
    });
    found.as_deref()
}

fn spawn(launch: &Launch, directory: &Directory) -> Result<Child, ServiceError> {
    let Launch { service, program, stop_signal, .. } = launch;
    let at = directory.path();
    let log = File::options().create(true).append(true).open(at.join("log"));
    let log = log.map_err(ServiceError::io(format!("write a log in {}", at.display())))?;
    let log_too = log.try_clone().map_err(ServiceError::io("open the log twice"))?;

    let mut command = command(service, program, launch.user.as_ref(), stop_signal)?;
    command.args(&launch.arguments).env("HOME", at).env("TMPDIR", at).current_dir(at);
    command.envs(launch.environment.iter().map(|(name, value)| (*name, value)));
    command.stdout(log).stderr(log_too);
    // A Ctrl-C in the terminal is for us: we still want to ask the servers things, then stop them.
    command.process_group(0);

    let child = spawn_from_lasting_thread(command)
        .map_err(ServiceError::io(format!("start {}", program.display())))?;
    directory.note_pid(child.id())?;
    Ok(child)
}

/// A command to spawn, and where the child is to be sent.
type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// Spawns from a thread that ends with the process, because the child is to end with its thread.
pub(crate) fn spawn_from_lasting_thread(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in inbox {
                // The receiver waits below; were it gone, the child would be nobody's to stop.
                if let Err(mpsc::SendError(Ok(mut child))) = answer.send(command.spawn()) {
                    kill(&mut child);
                }
            }
        });
        orders
    });
    let (answer, child) = mpsc::channel();
    let gone = |_| io::Error::other("the thread that starts servers is gone");
    spawner.send((command, answer)).map_err(|_| io::Error::other("no thread starts servers"))?;
    child.recv().map_err(gone)?
}
