//! A Postgres of our own, on a fresh cluster that is thrown away.
//!
//! What is hard is root, as which containers and CI often run and which Postgres refuses: the
//! server then runs as the user `postgres`, who must be able to reach its directory and no other.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use super::child::{self, Launch, Server, User};
use super::directory::Directory;
use super::{Found, ServiceError, port, secret};

/// The service's name.
pub const NAME: &str = "postgres";

const HOW_TO_INSTALL: &str = "install it (Debian: apt-get install postgresql; or run `make deps`), \
                              or give a running one by --postgres-url";

/// Where Debian keeps one directory a major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Who runs the server when we are root, the first that exists.
const USERS: [&str; 2] = ["postgres", "nobody"];

/// How the server is to be set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether commits reach the disk. Without it they are faster, and no crash is survived.
    pub fsync: bool,
    /// More settings, by their names in postgresql.conf.
    pub extra: Vec<(String, String)>,
}

impl Default for Options {
    /// The server's own defaults: what is measured is what a user would have.
    fn default() -> Self {
        Self { fsync: true, extra: Vec::new() }
    }
}

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    password: String,
}

/// Finds the server's programs.
pub fn find() -> Result<Found, ServiceError> {
    super::version_of(NAME, programs()?.join("postgres"), "--version")
}

impl Postgres {
    /// Makes a cluster, starts the server and waits until it takes connections.
    pub fn start(options: &Options) -> Result<Self, ServiceError> {
        let programs = programs()?;
        port::with_retry(|| {
            let directory = Directory::fresh()?;
            let user = server_user(&directory)?;
            let data = directory.path().join("data");
            let password = secret::hex(16)?;
            make_data_directory(&data, user.as_ref())?;
            init_cluster(&programs, &directory, &data, user.as_ref(), &password)?;
            let launch = Launch {
                service: NAME,
                program: programs.join("postgres"),
                port: port::free()?,
                arguments: Vec::new(),
                environment: Vec::new(),
                user,
                // "Immediate": it stops its children and frees its shared memory, and writes
                // nothing more to data that is thrown away.
                stop_signal: "QUIT",
            };
            let launch = Launch { arguments: arguments(options, &data, launch.port), ..launch };
            let server = Server::start(launch, directory, |server| is_ready(server, &data))?;
            Ok(Self { server, password })
        })
    }

    /// Where to connect, with the password.
    pub fn url(&self) -> String {
        self.url_with(&self.password)
    }

    /// Where to connect, to be shown.
    pub fn redacted_url(&self) -> String {
        self.url_with("***")
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The password of the user `postgres`.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The postmaster's process; none once it was stopped.
    pub fn pid(&self) -> Option<u32> {
        self.server.pid()
    }

    /// The temporary directory with the cluster (`data`) and the server's log (`log`).
    pub fn directory(&self) -> &Path {
        self.server.directory()
    }

    /// Stops the server in good order and starts it again on the same cluster and port.
    pub fn restart(&self) -> Result<(), ServiceError> {
        let data = self.directory().join("data");
        // "Fast": sessions are ended, a checkpoint is written, statistics are kept.
        self.server.restart_gently("INT", |server| is_ready(server, &data))
    }

    /// Stops the server and removes its cluster.
    pub fn stop(self) {
        drop(self);
    }

    fn url_with(&self, password: &str) -> String {
        format!("postgres://postgres:{password}@127.0.0.1:{}/postgres", self.port())
    }
}

/// The directory with both `initdb` and `postgres`: on PATH, else Debian's newest.
fn programs() -> Result<PathBuf, ServiceError> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    let mut looked_in = super::path_directories();
    looked_in.extend(versions.into_iter().rev().map(|(_, bin)| bin));
    let both = |at: &&PathBuf| {
        super::is_program(&at.join("initdb")) && super::is_program(&at.join("postgres"))
    };
    match looked_in.iter().find(both) {
        Some(found) => Ok(found.clone()),
        None => {
            looked_in.push(Path::new(DEBIAN).join("*/bin"));
            let how_to_install = HOW_TO_INSTALL;
            Err(ServiceError::NotFound { service: NAME, looked_in, how_to_install })
        }
    }
}

/// Who runs the server: we do, unless we are root. Then `directory` is opened to that user.
fn server_user(directory: &Directory) -> Result<Option<User>, ServiceError> {
    if !directory.is_root() {
        return Ok(None);
    }
    let failed = |what| ServiceError::Start { service: NAME, what, log_tail: String::new() };
    let user = USERS.into_iter().find_map(look_up).ok_or_else(|| {
        let users = USERS.join("' or '");
        failed(format!("it refuses to run as root, and there is no user '{users}' to run it as"))
    })?;
    directory.let_through()?;
    let closed = directory.path().ancestors().skip(1).find(|at| {
        use std::os::unix::fs::PermissionsExt;
        at.metadata().is_ok_and(|it| it.permissions().mode() & 0o001 == 0)
    });
    match closed {
        Some(at) => Err(failed(format!(
            "the user '{}' cannot enter {}; set TMPDIR to a directory that everyone can enter",
            user.name,
            at.display()
        ))),
        None => Ok(Some(user)),
    }
}

fn look_up(name: &'static str) -> Option<User> {
    let id = |flag| {
        let output = Command::new("id").args([flag, name]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    Some(User { name, uid: id("-u")?, gid: id("-g")? })
}

fn make_data_directory(data: &Path, user: Option<&User>) -> Result<(), ServiceError> {
    use std::os::unix::fs::{DirBuilderExt, chown};
    let make = || -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(data)?;
        user.map_or(Ok(()), |user| chown(data, Some(user.uid), Some(user.gid)))
    };
    make().map_err(ServiceError::io(format!("make {}", data.display())))
}

/// Runs `initdb`; the password goes by a file, for the command line is everybody's to read.
fn init_cluster(
    programs: &Path,
    directory: &Directory,
    data: &Path,
    user: Option<&User>,
    password: &str,
) -> Result<(), ServiceError> {
    let password_file = directory.write_private("password", password)?;
    if let Some(user) = user {
        std::os::unix::fs::chown(&password_file, Some(user.uid), Some(user.gid))
            .map_err(ServiceError::io("give the password file to the server's user"))?;
    }
    let mut initdb = child::command(NAME, &programs.join("initdb"), user, "KILL")?;
    initdb.arg("-D").arg(data).arg("--pwfile").arg(&password_file);
    initdb.args(["-U", "postgres", "--auth=scram-sha-256", "-E", "UTF8", "--locale=C"]);
    initdb.arg("--no-sync").current_dir(directory.path());
    let output = initdb.output().map_err(ServiceError::io("run initdb"))?;
    fs::remove_file(&password_file).map_err(ServiceError::io("remove the password file"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    Err(ServiceError::Start {
        service: NAME,
        what: format!("initdb ended with {}", output.status),
        log_tail: child::last_lines(&String::from_utf8_lossy(&text)),
    })
}

fn arguments(options: &Options, data: &Path, port: u16) -> Vec<std::ffi::OsString> {
    let mut settings = vec![
        ("listen_addresses".to_string(), "127.0.0.1".to_string()),
        ("port".to_string(), port.to_string()),
        // No socket: its path is limited to 107 bytes, which a deep TMPDIR exceeds.
        ("unix_socket_directories".to_string(), String::new()),
    ];
    if !options.fsync {
        let unsafe_but_fast = ["fsync", "synchronous_commit", "full_page_writes"];
        settings.extend(unsafe_but_fast.map(|name| (name.to_string(), "off".to_string())));
    }
    settings.extend(options.extra.iter().cloned());
    let mut arguments = vec!["-D".into(), data.into()];
    for (name, value) in settings {
        arguments.extend(["-c".into(), format!("{name}={value}").into()]);
    }
    arguments
}

/// Whether the postmaster says "ready" of itself, with our pid and port, and takes a connection.
fn is_ready(server: &Server, data: &Path) -> bool {
    let file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let lines: Vec<_> = file.lines().map(str::trim).collect();
    let [pid, _, _, port, _, _, _, "ready", ..] = lines[..] else { return false };
    let ours = server.pid().is_some_and(|own| pid == own.to_string());
    ours && port == server.port().to_string() && port::connect(server.port()).is_ok()
}
