//! The command line. Five flags need no parser crate.

use std::path::PathBuf;

/// What `--help` prints.
pub const USAGE: &str = "\
usage: permitpipe-localchain [--db FILE] [--rpc PORT] [--ws PORT] [--slot-ms N] [--with-parent]

  --db FILE       keep the chain in this SQLite file; without it everything is gone at exit
  --rpc PORT      JSON-RPC on 127.0.0.1:PORT (default 8899)
  --ws PORT       WebSocket on 127.0.0.1:PORT (default: the RPC port + 1)
  --slot-ms N     milliseconds for one slot (default 400; finality comes about 31 slots later)
  --with-parent   stop when standard input closes, as it does when the parent dies";

/// Where and how the chain runs.
#[derive(Debug, PartialEq, Eq)]
pub struct Arguments {
    pub db: Option<PathBuf>,
    pub rpc_port: u16,
    pub ws_port: u16,
    pub slot_ms: u64,
    pub with_parent: bool,
}

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    Run(Arguments),
    Help,
}

impl Arguments {
    /// Reads the arguments after the program's name.
    pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Parsed, String> {
        let (mut db, mut rpc, mut ws, mut slot_ms, mut with_parent) = (None, 8899, None, 400, false);
        while let Some(flag) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{flag} needs a value"));
            match flag.as_str() {
                "--db" => db = Some(PathBuf::from(value()?)),
                "--rpc" => rpc = number(&flag, &value()?, 1, 65_535)?,
                "--ws" => ws = Some(number(&flag, &value()?, 1, 65_535)?),
                "--slot-ms" => slot_ms = number(&flag, &value()?, 10, 60_000)?,
                "--with-parent" => with_parent = true,
                "--help" | "-h" => return Ok(Parsed::Help),
                _ => return Err(format!("unknown argument `{flag}`")),
            }
        }
        let ws = ws.unwrap_or(rpc.saturating_add(1));
        if rpc == ws || ws > 65_535 {
            return Err(format!("--rpc {rpc} leaves no port for the WebSocket: name one with --ws"));
        }
        let port = |number| u16::try_from(number).map_err(|_| format!("{number} is no port"));
        Ok(Parsed::Run(Self { db, rpc_port: port(rpc)?, ws_port: port(ws)?, slot_ms, with_parent }))
    }
}

fn number(flag: &str, text: &str, least: u64, most: u64) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("{flag} is `{text}`, but must be a whole number from {least} to {most}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Parsed, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_websocket_follows_the_rpc_port_unless_it_is_named() {
        let Parsed::Run(arguments) = parse("--rpc 9000 --db a/b --with-parent").unwrap() else { panic!("help") };
        assert_eq!((arguments.rpc_port, arguments.ws_port, arguments.slot_ms), (9000, 9001, 400));
        assert!(arguments.with_parent && arguments.db == Some("a/b".into()));
        let Parsed::Run(arguments) = parse("--rpc 65535 --ws 1024").unwrap() else { panic!("help") };
        assert_eq!(arguments.ws_port, 1024);
    }

    #[test]
    fn what_cannot_work_is_refused_with_the_reason() {
        for (line, reason) in [
            ("--rpc", "needs a value"),
            ("--rpc 0", "from 1 to 65535"),
            ("--rpc 65535", "name one with --ws"),
            ("--rpc 9 --ws 9", "name one with --ws"),
            ("--slot-ms 0", "from 10 to 60000"),
            ("--slot-ms 4e2", "whole number"),
            ("--geyser x", "unknown argument"),
        ] {
            let problem = parse(line).unwrap_err();
            assert!(problem.contains(reason), "{line}: {problem}");
        }
        assert_eq!(parse("--help"), Ok(Parsed::Help));
    }
}
