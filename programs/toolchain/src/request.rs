//! The command line, as rustc's "bpf" linker flavour writes it.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, bail};

/// What rustc asks for, plus `--arch v0|v3`, `--export SYM[,SYM]` and `--llvm-args ARG[,ARG]`.
#[derive(Default)]
pub struct Request {
    pub arch: Option<String>,
    pub cpu: Option<String>,
    pub cpu_features: String,
    pub optimize: String,
    pub exports: Vec<String>,
    pub llvm_args: Vec<String>,
    pub inputs: Vec<PathBuf>,
    pub output: Option<PathBuf>,
}

/// Reads the arguments behind the program's name.
pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Request> {
    let mut request = Request { optimize: "2".into(), ..Default::default() };
    while let Some(arg) = args.next() {
        // Long options take their value after `=` or as the next argument.
        let (flag, glued) = match arg.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value.to_owned())),
            _ => (arg.as_str(), None),
        };
        let mut value = || glued.clone().or_else(|| args.next()).with_context(|| format!("{flag} needs a value"));
        match flag {
            "-o" => request.output = Some(value()?.into()),
            "-L" => drop(value()?), // inputs come as full paths
            "--debug" => {}         // debug info is always stripped
            "--arch" => request.arch = Some(value()?),
            "--cpu" => request.cpu = Some(value()?),
            "--cpu-features" => request.cpu_features = value()?,
            "--export" => request.exports.extend(value()?.split(',').map(str::to_owned)),
            "--llvm-args" => request.llvm_args.extend(value()?.split(',').map(str::to_owned)),
            "--export-symbols" => request.exports.extend(export_list(&value()?)?),
            _ if flag.starts_with("-O") => request.optimize = flag[2..].to_owned(),
            _ if flag.starts_with("-L") => {}
            _ if flag.starts_with(['-', '@']) => bail!("unknown option `{arg}`"),
            _ => request.inputs.push(arg.into()),
        }
    }
    Ok(request)
}

/// One symbol a line.
fn export_list(file: &str) -> Result<Vec<String>> {
    let list = fs::read_to_string(file).with_context(|| format!("export list {file}"))?;
    Ok(list.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}
