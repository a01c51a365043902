//! The only place that reads a clock.
//!
//! Deadlines count on a clock that runs while the machine is suspended, so that a laptop that slept knows it is fenced.
//! Expiry of leases is the database's to judge; wall time is for records alone.
#![allow(clippy::disallowed_methods, reason = "this is the replacement that the lint names")]

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use time::OffsetDateTime;

/// A moment on the boot clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

impl Moment {
    /// Now.
    pub fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        Self(Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0)))
    }

    /// This moment and `span` more.
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// How long ago this was; zero where it is still to come.
    pub fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }

    /// How long until then; zero where it is past.
    pub fn remaining(self) -> Duration {
        self.0.saturating_sub(Self::now().0)
    }

    /// Milliseconds since boot, for an atomic cell.
    pub fn millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Wall time, for records only.
pub fn wall() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}
