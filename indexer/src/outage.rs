//! One outage: retried for ever, each pause longer than the last up to a bound, logged when it starts and when it ends.

use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub struct Outage {
    failures: u32,
}

impl Outage {
    pub async fn wait(&mut self, cause: &crate::Error) {
        if self.failures == 0 {
            tracing::warn!(%cause, "indexer is cut off; trying again until it is back");
        } else {
            tracing::debug!(%cause, failures = self.failures, "still cut off");
        }
        let pause = pause(self.failures);
        self.failures = self.failures.saturating_add(1);
        tokio::time::sleep(pause).await;
    }

    pub fn over(&mut self) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "indexer is connected again");
        }
        self.failures = 0;
    }
}

fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        assert_eq!(pause(0), FIRST_PAUSE);
        assert_eq!(pause(1), FIRST_PAUSE * 2);
        assert_eq!(pause(9), LONGEST_PAUSE);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
