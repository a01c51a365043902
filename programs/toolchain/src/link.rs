//! Bitcode in, sBPF ELF out.

use std::{env, ffi::CString, fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};
use bpf_linker::{Cpu, Linker, LinkerInput, LinkerOptions, OptLevel, OutputType};
use sbpf_linker::{OptimizationConfig, ProgramOptions, SbpfArch, SbpfLinkerError, link_program};

use crate::{codegen, request::Request, syscall};

/// Bytes of stack per call frame; the VM's constant.
const FRAME: i32 = 4096;

/// compiler-builtins functions that instruction selection may call after dead code has been removed, so they have to
/// survive as exports. (bpf-linker itself keeps memcpy and its kin; 128-bit integer ones are never called, see
/// backend.cpp.)
const SOFT_FLOAT: &[&str] = &[
    "__adddf3",
    "__subdf3",
    "__muldf3",
    "__divdf3",
    "__negdf2",
    "__floatundidf",
    "__floatdidf",
    "__fixunsdfdi",
    "__fixdfdi",
    "__gedf2",
    "__gtdf2",
    "__ledf2",
    "__ltdf2",
    "__eqdf2",
    "__nedf2",
    "__unorddf2",
];

/// Links what rustc asked for.
pub fn link(request: Request) -> Result<()> {
    let version = request.arch.clone().or_else(|| env::var("SBPF_ARCH").ok()).unwrap_or_else(|| "v0".into());
    let profile = profile(&version)?;
    let output = request.output.as_deref().context("no output file (-o)")?;
    ensure!(!request.inputs.is_empty(), "nothing to link into {}", output.display());
    if let Some(given) = request.cpu.as_ref().filter(|cpu| **cpu != profile.cpu.to_string()) {
        bail!("sBPF {version} needs `-C target-cpu={}`, the crate was compiled for `{given}`", profile.cpu);
    }
    let object = object(&request, &profile, output)?;
    syscall::refuse_unknown(&object)?;
    let options = ProgramOptions::new(OptimizationConfig::enabled(), profile.arch, FRAME);
    let elf = link_program(&object, options)
        .map_err(|errors| anyhow::anyhow!("linking sBPF:\n{}", SbpfLinkerError::format_errors(&errors)))?;
    fs::write(output, elf).with_context(|| format!("writing {}", output.display()))
}

/// What differs between the sBPF versions we can produce.
struct Profile {
    arch: SbpfArch,
    /// The `-C target-cpu` the bitcode must have been compiled for.
    cpu: Cpu,
    llvm_args: &'static [&'static str],
}

fn profile(name: &str) -> Result<Profile> {
    Ok(match name {
        "v0" => Profile { arch: SbpfArch::V0, cpu: Cpu::V2, llvm_args: &[] },
        // cpu v4 has sign-extending moves and loads, `bswap` and `gotox`; sBPF v3 has none.
        "v3" => Profile {
            arch: SbpfArch::V3,
            cpu: Cpu::V4,
            llvm_args: &[
                "--disable-movsx",
                "--disable-ldsx",
                "--disable-bswap",
                "--bpf-min-jump-table-entries=1000000",
            ],
        },
        other => bail!("unknown sBPF version `{other}` (--arch or SBPF_ARCH): use v0 or v3"),
    })
}

/// The first two steps: all inputs as one optimised BPF object.
fn object(request: &Request, profile: &Profile, output: &Path) -> Result<Vec<u8>> {
    let features = CString::new(request.cpu_features.as_str())?;
    let linker = Linker::new(options(request, profile, features.clone())?);
    let bitcode = linker
        .link_to_buffer(
            request.inputs.iter().map(|path| LinkerInput::new_from_file(path)),
            OutputType::Bitcode,
            request.exports.iter().map(String::as_str).chain(SOFT_FLOAT.iter().copied()),
        )
        .context("linking bitcode")?;
    ensure!(!linker.has_errors(), "LLVM reported errors (above) while optimising");

    // LLVM writes the object to a file; SBF_KEEP=1 leaves it, and the bitcode, there.
    let keep = env::var_os("SBF_KEEP").is_some();
    let object = output.with_extension("sbf.o");
    if keep {
        fs::write(output.with_extension("sbf.bc"), bitcode.as_slice())?;
    }
    codegen::emit_object(bitcode.as_slice(), &profile.cpu.to_string(), &features, &object)?;
    let bytes = fs::read(&object).with_context(|| format!("reading {}", object.display()))?;
    if !keep {
        let _ = fs::remove_file(&object);
    }
    Ok(bytes)
}

fn options(request: &Request, profile: &Profile, cpu_features: CString) -> Result<LinkerOptions> {
    let llvm_args = ["--expand-div-rem-bits=64".to_owned(), format!("--bpf-stack-size={FRAME}")]
        .into_iter()
        .chain(profile.llvm_args.iter().map(|arg| arg.to_string()))
        .chain(request.llvm_args.iter().cloned())
        .map(CString::new)
        .collect::<Result<_, _>>()?;
    Ok(LinkerOptions {
        target: None, // the modules say
        cpu: profile.cpu,
        cpu_features,
        optimize: opt_level(&request.optimize)?,
        unroll_loops: false,
        ignore_inline_never: false,
        llvm_args,
        disable_expand_memcpy_in_order: true,
        disable_memory_builtins: false,
        btf: false,
        allow_bpf_trap: true, // sbpf-linker turns it into the `abort` syscall
    })
}

fn opt_level(level: &str) -> Result<OptLevel> {
    Ok(match level {
        "0" => OptLevel::No,
        "1" => OptLevel::Less,
        "2" => OptLevel::Default,
        "3" => OptLevel::Aggressive,
        "s" => OptLevel::Size,
        "z" => OptLevel::SizeMin,
        _ => bail!("unknown optimisation level `-O{level}`"),
    })
}
