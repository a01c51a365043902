//! A private Postgres for one test run: temporary directory, Unix socket only, gone with the process that started it.

pub mod cut;

use std::{
    fs, io,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

const USER: &str = "permitpipe";
const START_LIMIT: Duration = Duration::from_secs(60);

/// Stops the server when the test process ends, however it ends: its end of the pipe closes, `read` returns.
const WATCHDOG: &str = r#"
"$1/postgres" -D "$2" -k "$2" -c listen_addresses= -c max_connections=200 -c fsync="$3" -c shared_buffers="$4" \
    >"$2/log" 2>&1 </dev/null & server=$!
read -r _
kill -INT "$server"; wait "$server"; rm -rf "$2"
"#;

/// How much a server takes its promises seriously, and its size: `fsync` and `shared_buffers`.
type Settings = [&'static str; 2];
/// A test does not pull the plug.
const FAST: Settings = ["off", "64MB"];
/// A commit is on disk when it is said to be.
const DURABLE: Settings = ["on", "256MB"];

pub struct Postgres {
    watchdog: Child,
    bin: PathBuf,
    data: PathBuf,
}

impl Postgres {
    /// Starts a server. Takes a few seconds, so share it: [`Postgres::shared`].
    pub fn start() -> Self {
        try_start(FAST).unwrap_or_else(|cause| panic!("no private Postgres: {cause}"))
    }

    /// The same, with every commit on disk before it is acknowledged: for measuring what that costs.
    pub fn start_durable() -> Self {
        try_start(DURABLE).unwrap_or_else(|cause| panic!("no private Postgres: {cause}"))
    }

    /// The process above all others of this server.
    pub fn process_id(&self) -> u32 {
        self.watchdog.id()
    }

    /// One server for the whole test binary.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// The server's own database.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// An empty database with this name; gives its URL.
    pub fn create_database(&self, name: &str) -> String {
        let made = Command::new(self.bin.join("createdb")).args(["-U", USER, "-h"]).arg(&self.data).arg(name).output();
        match made {
            Ok(done) if done.status.success() => self.url_of(name),
            Ok(done) => panic!("createdb {name}: {}", String::from_utf8_lossy(&done.stderr)),
            Err(cause) => panic!("createdb {name}: {cause}"),
        }
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://{USER}@localhost/{database}?host={}", self.data.display())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

fn try_start(settings: Settings) -> io::Result<Postgres> {
    let bin = find_bin().ok_or_else(|| io::Error::other("no server binaries found: apt-get install postgresql"))?;
    let data = tempfile::Builder::new().prefix("permitpipe-pg-").tempdir()?.keep();
    let runs_as = unprivileged(rustix::process::geteuid().is_root());
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700))?;
    if let Some((user, group)) = runs_as {
        chown(&data, Some(user), Some(group))?;
    }
    let made = as_user(Command::new(bin.join("initdb")), runs_as)
        .arg("-D")
        .arg(&data)
        .args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
        .output()?;
    if !made.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned()));
    }
    let mut shell = as_user(Command::new("/bin/sh"), runs_as);
    shell.args(["-c", WATCHDOG, "watchdog"]).arg(&bin).arg(&data).args(settings).stdin(Stdio::piped());
    let watchdog = shell.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let postgres = Postgres { watchdog, bin, data };
    wait_until_ready(&postgres.data)?;
    Ok(postgres)
}

fn find_bin() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("PERMITPIPE_PG_BIN") {
        return Some(named.into());
    }
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, bin)| bin.join("initdb").is_file())
        .collect();
    versions.sort();
    let in_path = || std::env::split_paths(&std::env::var_os("PATH")?).find(|bin| bin.join("initdb").is_file());
    versions.pop().map(|(_, bin)| bin).or_else(in_path)
}

/// Postgres refuses to run as root: somebody else from the password file, where we are root.
fn unprivileged(is_root: bool) -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok().filter(|_| is_root)?;
    ["postgres", "nobody"].iter().find_map(|name| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

fn as_user(mut command: Command, runs_as: Option<(u32, u32)>) -> Command {
    command.env("LC_ALL", "C").current_dir("/");
    if let Some((user, group)) = runs_as {
        command.uid(user).gid(group);
    }
    // Its own group: a Ctrl-C at the terminal reaches the server through the watchdog, in order.
    command.process_group(0);
    command
}

/// The eighth line of `postmaster.pid` says so once connections are accepted.
fn wait_until_ready(data: &Path) -> io::Result<()> {
    let started = Instant::now();
    while started.elapsed() < START_LIMIT {
        let state = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        if state.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let log = fs::read_to_string(data.join("log")).unwrap_or_default();
    Err(io::Error::other(format!("not ready within {START_LIMIT:?}: {log}")))
}
