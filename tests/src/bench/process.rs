//! Child processes that end with us, and the CPU time of whole families.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

/// The unit of `/proc/PID/stat`; Linux shows 100 a second to programs on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// A process that is killed when this is dropped.
pub struct Server {
    child: Child,
    // Our own programs end when it closes, also where nothing was dropped.
    _stdin: Option<ChildStdin>,
}

impl Server {
    /// Starts `command`.
    pub fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).spawn().with_context(|| format!("cannot start {command:?}"))?;
        let stdin = child.stdin.take();
        Ok(Self { child, _stdin: stdin })
    }

    /// Starts `command` and waits for the first line it prints.
    pub fn start_and_listen(mut command: Command) -> Result<(Self, String)> {
        command.stdout(Stdio::piped());
        let mut server = Self::start(command)?;
        let out = server.child.stdout.take().context("a process without output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        ensure!(!line.is_empty(), "a process ended before it said where it listens");
        Ok((server, line.trim().to_owned()))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // nginx leaves its worker behind when it is killed; asked, it takes it along.
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(TICK);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time of a process and everything it started, also of what has ended and was waited for.
pub fn cpu(root: u32) -> Duration {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut ticks: HashMap<u32, u32> = HashMap::new();
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        if let Some((parent, used)) = stat(pid) {
            children.entry(parent).or_default().push(pid);
            ticks.insert(pid, used);
        }
    }
    let (mut total, mut stack) = (0, vec![root]);
    while let Some(pid) = stack.pop() {
        total += ticks.get(&pid).copied().unwrap_or(0);
        stack.extend(children.remove(&pid).unwrap_or_default());
    }
    TICK * total
}

/// User and system time of one process alone.
pub fn own_cpu(pid: u32) -> Duration {
    let fields = stat_fields(pid).unwrap_or_default();
    TICK * fields.get(14 - 3..=15 - 3).unwrap_or_default().iter().filter_map(|field| field.parse::<u32>().ok()).sum()
}

/// Parent, and the ticks of fields 14 to 17: user, system, and the same of children that were waited for.
fn stat(pid: u32) -> Option<(u32, u32)> {
    let fields = stat_fields(pid)?;
    let field = |number: usize| fields.get(number - 3)?.parse::<u32>().ok();
    Some((field(4)?, field(14)? + field(15)? + field(16)? + field(17)?))
}

/// From the third field on: the name before may hold anything, but stands in brackets.
fn stat_fields(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(text.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}
