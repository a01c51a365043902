//! Where the built programs are found. A missing one fails the test: nothing here is skipped silently.

use std::{env, fs, path::PathBuf};

/// The bytes of the PermitPipe program.
pub fn program() -> Vec<u8> {
    read("PERMITPIPE_PROGRAM_SO", "permitpipe_program.so")
}

/// The bytes of the arithmetic test program; only the fallback toolchain builds it.
pub fn arithmetic() -> Vec<u8> {
    read("PERMITPIPE_ARITHMETIC_SO", "permitpipe_arithmetic.so")
}

/// The bytes of the program that calls ours; only the fallback toolchain builds it.
pub fn caller() -> Vec<u8> {
    read("PERMITPIPE_CALLER_SO", "permitpipe_caller.so")
}

/// `$variable` if set, else `deploy/` of the target directory, else of the workspace's own.
fn read(variable: &str, name: &str) -> Vec<u8> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut places: Vec<PathBuf> = env::var_os(variable).map(PathBuf::from).into_iter().collect();
    if places.is_empty() {
        places.extend(env::var_os("CARGO_TARGET_DIR").map(|target| PathBuf::from(target).join("deploy").join(name)));
        places.push(workspace.join("target/deploy").join(name));
    }
    match places.iter().find_map(|place| fs::read(place).ok()) {
        Some(bytes) => bytes,
        None => panic!("{name} is not built: run `./dev program` first (looked for {places:?})"),
    }
}
