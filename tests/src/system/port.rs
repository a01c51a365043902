//! Ports that stay ours from run to run.

use std::net::TcpListener;

use anyhow::{Context, Result};

/// Below the range that the kernel hands out to outgoing connections, so that a remembered port is free next time too.
const RANGE: std::ops::Range<u16> = 18_000..28_000;

/// The first of `count` free ports of 127.0.0.1 in a row. Where the search begins differs between processes.
pub fn free(count: u16) -> Result<u16> {
    let span = u32::from(RANGE.end - RANGE.start);
    let start = std::process::id().wrapping_mul(7_919) % span;
    let candidates = (0..span).map(|step| (start + step) % span).filter_map(|offset| u16::try_from(offset).ok());
    candidates
        .map(|offset| RANGE.start + offset)
        .find(|first| (*first..first.saturating_add(count)).all(is_free))
        .context("no free ports on 127.0.0.1")
}

/// Whether nobody listens there now.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
