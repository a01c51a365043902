//! The only place that reads a clock: how long things take.
#![allow(clippy::disallowed_methods, reason = "this is the replacement that the lint names")]

use std::{
    fmt,
    time::{Duration, Instant},
};

/// A moment to measure from.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long ago that was.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

impl fmt::Display for Stopwatch {
    /// Seconds with one decimal, such as `0.4 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} s", self.elapsed().as_secs_f32())
    }
}
