//! One Postgres cluster on disk: whose it is, how it is made, how its server is started and stopped.

use std::{
    fs::{self, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    os::unix::{
        ffi::OsStrExt,
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::process::{Pid, Signal};

use crate::{
    config,
    error::{Error, Explain},
    file,
};

/// A Unix socket's path holds 107 bytes; Postgres adds `/.s.PGSQL.5432` and, for its lock, `.lock`.
const LONGEST_SOCKET_FOLDER: usize = 107 - "/.s.PGSQL.5432.lock".len();

/// A cluster that exists on disk.
pub struct Cluster {
    data: PathBuf,
    socket_folder: PathBuf,
    programs: PathBuf,
    run_as: Option<(u32, u32)>,
}

impl Cluster {
    /// Finds the cluster in `data`, or makes it.
    pub fn prepare(data: &Path) -> Result<Self, Error> {
        let version = fs::read_to_string(data.join("PG_VERSION")).ok();
        let programs = find_programs(version.as_deref().map(str::trim))?;
        let run_as = run_as()?;
        let socket_folder = socket_folder(data, run_as)?;
        let cluster = Self { data: data.to_owned(), socket_folder, programs, run_as };
        if version.is_none() {
            cluster.create()?;
        }
        Ok(cluster)
    }

    /// How to connect. Nothing listens on TCP: who may open the socket's folder may connect.
    pub fn url(&self) -> String {
        format!("postgres://permitpipe@localhost/postgres?host={}", encode(&self.socket_folder))
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.data.with_extension("log")
    }

    /// The server as a command that is ready to be spawned; it leads a process group of its own, so that a Ctrl-C in
    /// the terminal does not reach it before those who still need it.
    pub fn server(&self) -> Result<Command, Error> {
        let log = OpenOptions::new().append(true).create(true).open(self.log());
        let log = log.explain(|| format!("cannot write {}", self.log().display()))?;
        let errors = log.try_clone().explain(|| "cannot write Postgres' log".into())?;
        let mut command = self.command("postgres");
        command.arg("-D").arg(&self.data).arg("-k").arg(&self.socket_folder);
        for setting in ["listen_addresses=", "unix_socket_permissions=0700", "max_connections=100", "timezone=UTC"] {
            command.args(["-c", setting]);
        }
        command.process_group(0).stdin(Stdio::null()).stdout(log).stderr(errors);
        Ok(command)
    }

    /// Whether the server with this process id accepts connections. Postgres itself writes this file; a killed
    /// predecessor's copy names another process.
    pub fn is_ready(&self, server: u32) -> bool {
        let status = fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        let mut lines = status.lines();
        lines.next() == Some(server.to_string().as_str()) && lines.nth(6).is_some_and(|line| line.trim() == "ready")
    }

    /// A server of this cluster that nobody watches any more: its watchdog was killed. Also removes the note of a
    /// server that is gone when its process id has meanwhile passed to somebody else; Postgres would refuse to start.
    pub fn find_orphan(&self) -> Option<Pid> {
        let note = self.data.join("postmaster.pid");
        let pid: i32 = fs::read_to_string(&note).ok()?.lines().next()?.trim().parse().ok()?;
        // The server's working directory is its data folder.
        let is_ours =
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| Some(cwd) == self.data.canonicalize().ok());
        if !is_ours {
            let _ = fs::remove_file(note);
            return None;
        }
        Pid::from_raw(pid)
    }

    /// Removes the short socket folder, where one was needed; a clean stop leaves it empty.
    pub fn clean(&self) {
        if self.socket_folder != self.data {
            let _ = fs::remove_dir(&self.socket_folder);
        }
    }

    fn create(&self) -> Result<(), Error> {
        // Made aside and moved into place when it is whole: a killed initdb must not look like a cluster.
        let fresh = self.data.with_extension("new");
        let _ = fs::remove_dir_all(&fresh);
        file::create_folder(&fresh, 0o700)?;
        own(&fresh, self.run_as)?;
        let output = self
            .command("initdb")
            .arg("-D")
            .arg(&fresh)
            .args(["-U", "permitpipe", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
            .output()
            .explain(|| "cannot run initdb".into())?;
        if !output.status.success() {
            return Err(Error::new(format!("initdb failed: {}", String::from_utf8_lossy(&output.stderr).trim())));
        }
        let _ = fs::remove_dir(&self.data); // an empty folder may stand there
        fs::rename(&fresh, &self.data).explain(|| format!("cannot move the new cluster to {}", self.data.display()))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env("LC_ALL", "C").current_dir("/");
        if let Some((uid, gid)) = self.run_as {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// Asks a server to disconnect everybody and stop.
pub fn stop(server: Pid) {
    let _ = rustix::process::kill_process(server, Signal::INT);
}

fn find_programs(version: Option<&str>) -> Result<PathBuf, Error> {
    let has_both = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    config::postgres_folders(version).into_iter().find(has_both).ok_or_else(|| {
        let wanted = version.map(|v| format!("-{v}")).unwrap_or_default();
        Error::new(format!("no PostgreSQL{} server is installed", version.map(|v| format!(" {v}")).unwrap_or_default()))
            .advise(format!("apt-get install postgresql{wanted}, or name one: PERMITPIPE_PG_BIN, --database-url"))
    })
}

/// Postgres refuses to run as root, and wants a user that /etc/passwd knows.
fn run_as() -> Result<Option<(u32, u32)>, Error> {
    if !config::is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").explain(|| "cannot read /etc/passwd".into())?;
    let find = |name: &str| {
        let mut fields = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let found = find("postgres").or_else(|| find("nobody"));
    found
        .map(Some)
        .ok_or_else(|| Error::new("Postgres does not run as root, and there is neither `postgres` nor `nobody`"))
}

/// The data folder itself, or a short one where a socket's path would not fit.
fn socket_folder(data: &Path, run_as: Option<(u32, u32)>) -> Result<PathBuf, Error> {
    let parent = data.parent().unwrap_or(data);
    file::create_folder(parent, 0o711)?;
    check_reachable(parent, run_as)?;
    if data.as_os_str().len() <= LONGEST_SOCKET_FOLDER {
        return Ok(data.to_owned());
    }
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    let folder = PathBuf::from(format!("/tmp/permitpipe-{:016x}", hasher.finish()));
    file::create_folder(&folder, 0o700)?;
    own(&folder, run_as)?;
    Ok(folder)
}

/// Hands a folder to the server's user; refuses what somebody else put there first.
fn own(folder: &Path, run_as: Option<(u32, u32)>) -> Result<(), Error> {
    let we = rustix::process::geteuid().as_raw();
    let (uid, gid) = run_as.unwrap_or((we, rustix::process::getegid().as_raw()));
    let found = fs::symlink_metadata(folder).explain(|| format!("cannot look at {}", folder.display()))?;
    if !found.is_dir() || (found.uid() != we && found.uid() != uid) {
        return Err(Error::new(format!("{} belongs to somebody else", folder.display())).advise("move it away"));
    }
    let give = || {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
        if found.uid() == uid { Ok(()) } else { chown(folder, Some(uid), Some(gid)) }
    };
    give().explain(|| format!("cannot hand {} to the user that runs Postgres", folder.display()))
}

fn check_reachable(folder: &Path, run_as: Option<(u32, u32)>) -> Result<(), Error> {
    let Some((uid, gid)) = run_as else { return Ok(()) };
    // Entering the folder as that user is the one honest test.
    let entered = Command::new("/bin/true").current_dir(folder).uid(uid).gid(gid).stdin(Stdio::null()).status();
    entered.map(drop).map_err(|e| {
        Error::new(format!("Postgres runs as user {uid}, who cannot enter {}: {e}", folder.display()))
            .advise("name a folder that others can enter: --data /var/lib/permitpipe")
    })
}

fn encode(path: &Path) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(byte);
    let encode = |byte: &u8| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    path.as_os_str().as_bytes().iter().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_folders_survive_in_the_url() {
        assert_eq!(encode(Path::new("/a b/ä?&")), "/a%20b/%C3%A4%3F%26");
    }
}
