//! Ports that stay ours from run to run.

use std::{net::TcpListener, sync::Mutex};

use anyhow::{Context, Result};

/// Below the range that the kernel hands out to outgoing connections, so that a remembered port is free next time too.
const RANGE: std::ops::Range<u16> = 18_000..28_000;

/// How far the search has come in this process: two tests that look at once must not be given the same ports, which
/// are free until somebody listens there.
static SEARCHED: Mutex<u32> = Mutex::new(0);

/// The first of `count` free ports of 127.0.0.1 in a row. Where the search begins differs between processes.
pub fn free(count: u16) -> Result<u16> {
    let span = u32::from(RANGE.end - RANGE.start);
    let start = std::process::id().wrapping_mul(7_919) % span;
    let mut searched = SEARCHED.lock().unwrap();
    let candidates = (*searched..span).filter_map(|step| Some((step, u16::try_from((start + step) % span).ok()?)));
    let (step, first) = candidates
        .map(|(step, offset)| (step, RANGE.start + offset))
        .find(|(_, first)| (*first..first.saturating_add(count)).all(is_free))
        .context("no free ports on 127.0.0.1")?;
    *searched = step + u32::from(count);
    Ok(first)
}

/// Whether nobody listens there now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
