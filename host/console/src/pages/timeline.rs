//! A video from its beginning to its end: what was kept, dropped and damaged.

use super::numbers::clock;
use framemill_contract::Manifest;
use maud::{Markup, html};

/// Width of the picture, in its own units.
const WIDTH: f64 = 1000.0;
/// Marks of a kind at most: more lie on each other.
const MOST: usize = 2000;

/// The picture.
pub(super) fn timeline(manifest: &Manifest) -> Markup {
    let scale = Scale::of(manifest);
    let kept = marks(
        manifest
            .frames
            .iter()
            .map(|it| scale.of_seconds(it.seconds)),
    );
    let damaged = marks(
        manifest
            .damaged
            .iter()
            .map(|it| scale.of_seconds(it.seconds)),
    );
    let dropped = marks(manifest.dropped.iter().map(|it| scale.of_ticks(it.pts.0)));
    let label = format!(
        "Timeline of {}: {} frames kept, {} dropped, {} damaged",
        clock(scale.seconds),
        manifest.frames.len(),
        manifest.dropped.len(),
        manifest.damaged.len()
    );
    let rows = [
        ("kept", 4.0, kept),
        ("dropped", 16.0, dropped),
        ("damaged", 28.0, damaged),
    ];
    html! {
        figure.timeline {
            svg viewBox="0 0 1000 38" preserveAspectRatio="none" role="img" aria-label=(label) {
                @for (class, y, marks) in &rows {
                    @for x in marks { rect class=(class) x=(format!("{x:.1}")) y=(y) width="2" height="8" {} }
                }
            }
            figcaption {
                span.key.kept { "kept" } span.key.dropped { "dropped" } span.key.damaged { "damaged" }
                span.hint { (clock(scale.seconds)) }
            }
        }
    }
}

/// Places on the picture, no more than it has room for.
fn marks(all: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut found: Vec<f64> = all.filter(|x| x.is_finite()).collect();
    found.sort_by(f64::total_cmp);
    found.dedup_by(|a, b| (*a - *b).abs() < WIDTH / MOST as f64);
    found
}

struct Scale {
    seconds: f64,
    tick: f64,
    first: i64,
}

impl Scale {
    fn of(manifest: &Manifest) -> Self {
        let video = &manifest.video;
        let tick = 1.0 / f64::from(video.timescale.get().max(1));
        let last = manifest.frames.last().map_or(0.0, |it| it.seconds);
        let said = video.duration_pts as f64 * tick;
        // The first frame's time is where seconds begin.
        let first = manifest.frames.first();
        let first = first.map_or(0, |it| it.pts.0.saturating_sub((it.seconds / tick) as i64));
        Self {
            seconds: said.max(last).max(tick),
            tick,
            first,
        }
    }

    fn of_seconds(&self, seconds: f64) -> f64 {
        (seconds / self.seconds).clamp(0.0, 1.0) * (WIDTH - 2.0)
    }

    fn of_ticks(&self, ticks: i64) -> f64 {
        self.of_seconds(ticks.saturating_sub(self.first) as f64 * self.tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_as_many_as_there_is_room_for() {
        let many = marks((0..1_000_000).map(|it| f64::from(it) / 1_000_000.0 * WIDTH));
        assert!(many.len() <= MOST + 1, "{}", many.len());
        assert_eq!(marks([f64::NAN, 3.0, 1.0].into_iter()), [1.0, 3.0]);
    }
}
