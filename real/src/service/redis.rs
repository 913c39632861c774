//! A Redis of our own that keeps nothing on disk, or several for a quorum.
//!
//! A node can be killed and come back empty on the same port: the crash that a lock without
//! persistence must survive, and the reason why Redlock has a majority.

use std::io::{Read, Write};
use std::path::Path;

use super::child::{Launch, Server};
use super::directory::Directory;
use super::{Found, ServiceError, port, secret};

/// The service's name.
pub const NAME: &str = "redis";

const HOW_TO_INSTALL: &str = "install it (Debian: apt-get install redis-server; or run \
                              `make deps`), or give a running one by --redis-url";

/// How the server is to be set up.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// More settings, by their names in redis.conf.
    pub extra: Vec<(String, String)>,
}

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    password: String,
}

/// Finds the server's program.
pub fn find() -> Result<Found, ServiceError> {
    super::version_of(NAME, program()?, "--version")
}

fn program() -> Result<std::path::PathBuf, ServiceError> {
    super::find_program(NAME, "redis-server", &[], HOW_TO_INSTALL)
}

impl Redis {
    /// Starts a server and waits until it answers.
    pub fn start(options: &Options) -> Result<Self, ServiceError> {
        let program = program()?;
        port::with_retry(|| {
            let directory = Directory::fresh()?;
            let (port, password) = (port::free()?, secret::hex(16)?);
            // In a private file, for the command line is everybody's to read.
            let file = directory.write_private(
                "redis.conf",
                &configuration(options, directory.path(), port, &password),
            )?;
            let launch = Launch {
                service: NAME,
                program: program.clone(),
                arguments: vec![file.into()],
                environment: Vec::new(),
                user: None,
                stop_signal: "TERM",
                port,
            };
            let server = Server::start(launch, directory, |_| answers(port, &password))?;
            Ok(Self { server, password })
        })
    }

    /// Starts `count` servers that know nothing of each other, as Redlock wants them.
    pub fn start_many(count: usize, options: &Options) -> Result<Vec<Self>, ServiceError> {
        (0..count).map(|_| Self::start(options)).collect()
    }

    /// Where to connect, with the password.
    pub fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}/", self.password, self.port())
    }

    /// Where to connect, to be shown.
    pub fn redacted_url(&self) -> String {
        format!("redis://:***@127.0.0.1:{}/", self.port())
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The password of the default user.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The process; none while it is dead.
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// The temporary directory with the server's configuration and log.
    pub fn directory(&self) -> &Path {
        self.server.directory()
    }

    /// Kills the server without a warning: connections break, and nothing listens.
    pub fn kill(&self) {
        self.server.kill();
    }

    /// Starts the server again after `kill`, on the same port and without any key.
    pub fn restart_empty(&self) -> Result<(), ServiceError> {
        self.server.restart(|server| answers(server.port(), &self.password))
    }

    /// Kills the server and starts it again: a crash that forgets every lock.
    pub fn kill_and_restart_empty(&self) -> Result<(), ServiceError> {
        self.kill();
        self.restart_empty()
    }

    /// Stops the server.
    pub fn stop(self) {
        drop(self);
    }
}

fn configuration(options: &Options, directory: &Path, port: u16, password: &str) -> String {
    let mut text = format!(
        "port {port}\nbind 127.0.0.1\nrequirepass {password}\ndir \"{}\"\n\
         save \"\"\nappendonly no\ndaemonize no\n",
        directory.display()
    );
    for (name, value) in &options.extra {
        text += &format!("{name} {value}\n");
    }
    text
}

/// Whether our server answers: only it knows the password.
fn answers(port: u16, password: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let wanted = b"+OK\r\n+PONG\r\n";
        let mut stream = port::connect(port)?;
        stream.write_all(format!("AUTH {password}\r\nPING\r\n").as_bytes())?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(&answer == wanted)
    };
    ask().unwrap_or(false)
}
