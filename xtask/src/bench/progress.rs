//! Says which of how many measurements runs.

use crate::step::step;
use anyhow::Result;

/// Measurements of one part.
pub struct Progress {
    part: &'static str,
    of: usize,
    begun: usize,
}

impl Progress {
    /// `of` measurements are to come.
    pub fn new(part: &'static str, of: usize) -> Self {
        Self { part, of, begun: 0 }
    }

    /// Takes one measurement.
    ///
    /// # Errors
    /// As the measurement.
    pub fn step<T>(&mut self, what: &str, measure: impl FnOnce() -> Result<T>) -> Result<T> {
        self.begun += 1;
        step(&self.line(what), measure)
    }

    fn line(&self, what: &str) -> String {
        format!("{} [{}/{}] {what}", self.part, self.begun, self.of)
    }
}

/// The run that took least, by `cost`.
///
/// # Errors
/// As the first run that fails.
pub fn best<T>(
    runs: u32,
    cost: impl Fn(&T) -> f64,
    mut measure: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut best = measure()?;
    for _ in 1..runs {
        let next = measure()?;
        if cost(&next) < cost(&best) {
            best = next;
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_run_counts() {
        let mut costs = [3.0, 1.0, 2.0].into_iter();
        let best = best(3, |cost| *cost, || Ok(costs.next().unwrap_or(0.0)));
        assert_eq!(best.unwrap(), 1.0);
        assert!(super::best(2, |_: &f64| 0.0, || anyhow::bail!("no")).is_err());
    }

    #[test]
    fn it_counts_what_has_begun() {
        let mut progress = Progress::new("decode", 2);
        progress.step("a", || Ok(())).unwrap();
        assert_eq!(progress.line("a"), "decode [1/2] a");
    }
}
