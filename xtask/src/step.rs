//! Says what is being done, and how long it took.

use anyhow::Result;
use std::time::{Duration, Instant};

/// Does a piece of work that a person waits for: its name before, its time after.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("{what} …");
    let begun = Instant::now();
    let done = work()?;
    eprintln!("{what} … {}", shown(begun.elapsed()));
    Ok(done)
}

/// `2m10s`, `7s`, `0.3s`
fn shown(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", time.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        _ => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_at_a_glance() {
        for (milliseconds, text) in [
            (340, "0.3s"),
            (59_900, "59s"),
            (60_000, "1m00s"),
            (130_400, "2m10s"),
            (3_605_000, "60m05s"),
        ] {
            assert_eq!(shown(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn a_step_gives_what_its_work_gives() {
        assert_eq!(step("work", || Ok(1)).unwrap(), 1);
        assert!(step("work", || -> Result<()> { anyhow::bail!("no") }).is_err());
    }
}
