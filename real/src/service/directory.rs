//! A temporary directory that lives as long as one server, and no longer than its process.
//!
//! Nobody runs our destructors after a SIGKILL, so a later run removes what an earlier one left.
//! Whether the owner is dead cannot be told from its pid, which may be another's by now or of
//! another container; it is told by a lock on the file `owner`, which dies with the process.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use super::{ServiceError, child, secret};

const PREFIX: &str = "unforked-";
const OWNER: &str = "owner";
const PID: &str = "pid";

/// A directory of ours, removed on drop.
pub(crate) struct Directory {
    path: PathBuf,
    uid: u32,
    /// Held, not read: the lock on it says that we live.
    _owner: File,
}

impl Directory {
    /// Makes a directory that only this user can enter; the first call sweeps up after the dead.
    pub(crate) fn fresh() -> Result<Self, ServiceError> {
        let parent = std::env::temp_dir();
        let path = parent.join(format!("{PREFIX}{}-{}", std::process::id(), secret::hex(4)?));
        let doing = || format!("make the directory {}", path.display());
        DirBuilder::new().mode(0o700).create(&path).map_err(ServiceError::io(doing()))?;
        let uid = path.metadata().map_err(ServiceError::io(doing()))?.uid();
        // Locked before it gets its name: a sweep never sees an `owner` that nobody holds yet.
        let unnamed = path.join("owner.new");
        let owner = File::create(&unnamed).map_err(ServiceError::io(doing()))?;
        owner.lock().map_err(ServiceError::io(doing()))?;
        fs::rename(&unnamed, path.join(OWNER)).map_err(ServiceError::io(doing()))?;

        static SWEPT: Once = Once::new();
        SWEPT.call_once(|| sweep(&parent, uid));
        Ok(Self { path, uid, _owner: owner })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether we are root, who may start servers as another user.
    pub(crate) fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// Lets others walk through it (not list it) to a subdirectory of theirs.
    pub(crate) fn let_through(&self) -> Result<(), ServiceError> {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(0o711))
            .map_err(ServiceError::io(format!("open the directory {}", self.path.display())))
    }

    /// Writes a file that only this user can read.
    pub(crate) fn write_private(&self, name: &str, text: &str) -> Result<PathBuf, ServiceError> {
        let path = self.path.join(name);
        let mut options = File::options();
        options.write(true).create(true).truncate(true).mode(0o600);
        options
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(ServiceError::io(format!("write {}", path.display())))?;
        Ok(path)
    }

    /// Notes which process is served from here, for the sweep of a later run.
    pub(crate) fn note_pid(&self, pid: u32) -> Result<(), ServiceError> {
        self.write_private(PID, &pid.to_string()).map(drop)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Removes a directory, patiently: a server's last child may still write into it.
fn remove(path: &Path) {
    for _ in 0..50 {
        if fs::remove_dir_all(path).is_ok() || !path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    tracing::warn!(path = %path.display(), "the directory could not be removed");
}

/// Removes what runs that were killed have left: directories of this user that nobody holds.
fn sweep(parent: &Path, uid: u32) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        // `symlink_metadata`: a link that somebody planted is not a directory of ours.
        let owned = entry.path().symlink_metadata().is_ok_and(|it| it.is_dir() && it.uid() == uid);
        if ours && owned {
            sweep_one(&entry.path());
        }
    }
}

fn sweep_one(path: &Path) {
    let Ok(owner) = File::open(path.join(OWNER)) else { return };
    match owner.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return,
    }
    // Where the system could not tie the server to its starter, it is still running; its working
    // directory says that the pid is still the server's.
    if let Some(pid) = fs::read_to_string(path.join(PID)).ok().and_then(|it| it.parse().ok()) {
        let at = fs::read_link(format!("/proc/{pid}/cwd"));
        if at.is_ok_and(|at| at.starts_with(path)) {
            tracing::warn!(pid, "stopping a server that a killed run has left");
            child::signal(pid, "KILL");
        }
    }
    tracing::debug!(path = %path.display(), "removing what a killed run has left");
    remove(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_removes_the_dead_and_spares_the_living() {
        let parent = Directory::fresh().expect("a temporary directory");
        let living = Directory::fresh().expect("a temporary directory");
        let dead = parent.path().join(format!("{PREFIX}1-dead"));
        let unknown = parent.path().join(format!("{PREFIX}1-unknown"));
        fs::create_dir_all(dead.join("data")).expect("a directory in ours");
        fs::create_dir(&unknown).expect("a directory in ours");
        File::create(dead.join(OWNER)).expect("a file in ours");

        sweep(parent.path(), parent.uid);
        sweep(&std::env::temp_dir(), parent.uid);

        assert!(!dead.exists(), "nobody holds it");
        assert!(unknown.exists(), "without an owner file it may just be in the making");
        assert!(living.path().exists(), "we hold it");
        assert!(parent.path().exists(), "we hold it");
    }
}
