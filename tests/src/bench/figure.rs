//! Medians, percentiles and ratios.

use std::time::Duration;

use serde_json::{Value, json};

/// The middle one; of an even number the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (length, middle) if length % 2 == 1 => sorted[middle],
        (_, middle) => (sorted[middle - 1] + sorted[middle]) / 2.0,
    }
}

/// The value that this share of all stays at or below.
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).round() as usize).copied().unwrap_or_default()
}

/// Pair by pair: ours against theirs, in the order in which they ran.
pub struct Ratio {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Ratio {
    /// Of two rows of equal length.
    pub fn of(ours: &[f64], theirs: &[f64]) -> Self {
        let pairs: Vec<f64> = ours.iter().zip(theirs).map(|(a, b)| a / b).collect();
        let fold = |pick: fn(f64, f64) -> f64| pairs.iter().copied().reduce(pick).unwrap_or(f64::NAN);
        Self { median: median(&pairs), least: fold(f64::min), most: fold(f64::max) }
    }

    /// `1.23 (1.10–1.40)`
    pub fn text(&self) -> String {
        format!("{:.3} ({:.3}–{:.3})", self.median, self.least, self.most)
    }

    /// For the file.
    pub fn json(&self) -> Value {
        json!({ "median": round(self.median), "min": round(self.least), "max": round(self.most) })
    }
}

/// To four digits after the point: more is noise.
pub fn round(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// How many of these for each of those; 0 where there are none.
pub fn per(count: f64, of: f64) -> f64 {
    if of > 0.0 { count / of } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_pair_by_pair() {
        let ratio = Ratio::of(&[1.0, 6.0, 3.0], &[2.0, 3.0, 3.0]);
        assert_eq!((ratio.median, ratio.least, ratio.most), (1.0, 0.5, 2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        let spans: Vec<Duration> = (1..=101).map(Duration::from_millis).collect();
        assert_eq!(percentile(&spans, 0.99), Duration::from_millis(100));
    }
}
