//! Tables for people, a file for programs.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Prints rows under a title, the first of them as head; columns line up.
pub fn print(title: &str, rows: &[Vec<String>]) {
    println!("\n{title}\n");
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or(0)).collect();
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(at, (cell, width))| if at == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") })
            .collect();
        println!("  {}", cells.join("  ").trim_end());
    }
    println!();
}

/// Writes what was measured, with where and when.
pub fn write(path: &str, rows: Map<String, Value>) -> Result<()> {
    let machine = json!({ "cores": std::thread::available_parallelism()?.get(), "kernel": line("uname", &["-sr"]) });
    let at = OffsetDateTime::now_utc().replace_nanosecond(0)?.format(&Rfc3339)?;
    let commit = line("git", &["rev-parse", "--short", "HEAD"]);
    let all = json!({ "at": at, "commit": commit, "machine": machine, "rows": rows });
    if let Some(folder) = Path::new(path).parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, format!("{}\n", serde_json::to_string_pretty(&all)?))
        .with_context(|| format!("cannot write {path}"))
}

/// What a program prints; nothing where it is missing.
fn line(program: &str, arguments: &[&str]) -> String {
    let out = Command::new(program).args(arguments).output();
    out.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default()
}
