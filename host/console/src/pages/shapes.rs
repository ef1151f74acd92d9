//! What is marked in an image, as SVG over it. Lengths are pixels of the image.

use framemill_annotations::{FrameAnnotation, Geometry, Mask, Point, Rectangle};
use framemill_contract::{KeptFrame, Prediction};
use maud::{Markup, html};
use std::sync::Arc;

/// Runs of a mask that are drawn; of one with more its hull is.
const MOST_RUNS: usize = 20_000;
/// Shapes of a frame that are drawn at most.
const MOST_SHAPES: usize = 1_000;

/// All that is marked in a frame. Of several targets each one's shapes are there.
pub(super) fn overlay(frame: &KeptFrame, annotations: &[Arc<FrameAnnotation>]) -> Markup {
    let shapes = annotations.iter().flat_map(|it| &it.shapes);
    html! {
        svg.overlay viewBox={ "0 0 " (frame.width) " " (frame.height) } aria-hidden="true" {
            @for prediction in frame.predictions.iter().take(MOST_SHAPES) {
                g.prediction stroke=(colour(&prediction.label)) { (predicted(frame, prediction)) }
            }
            @for shape in shapes.take(MOST_SHAPES) {
                g stroke=(colour(&shape.label)) fill=(colour(&shape.label)) data-label=(shape.label) {
                    (drawn(&shape.geometry))
                }
            }
        }
    }
}

/// A label's colour: the same on every page, and for every dataset.
pub(super) fn colour(label: &str) -> String {
    // FNV-1a, so that it is the same tomorrow.
    let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("hsl({} 85% 60%)", hash % 360)
}

fn drawn(geometry: &Geometry) -> Markup {
    match geometry {
        Geometry::Box(it) => rectangle(it),
        Geometry::Polygon { points } => html! { polygon points=(list(points)) {} },
        Geometry::Polyline { points } => html! { polyline.open points=(list(points)) {} },
        Geometry::Point(it) => html! { circle cx=(it.x) cy=(it.y) r="4" {} },
        Geometry::Mask(mask) => self::mask(mask),
        // It is of no place.
        Geometry::Classification => html! {},
    }
}

fn rectangle(it: &Rectangle) -> Markup {
    let (x, y) = (it.x + it.width / 2.0, it.y + it.height / 2.0);
    let turn = (it.rotation != 0.0).then(|| format!("rotate({} {x} {y})", it.rotation));
    html! { rect x=(it.x) y=(it.y) width=(it.width.max(0.0)) height=(it.height.max(0.0)) transform=[turn] {} }
}

fn list(points: &[Point]) -> String {
    let pairs: Vec<String> = points
        .iter()
        .map(|it| format!("{},{}", it.x, it.y))
        .collect();
    pairs.join(" ")
}

fn mask(mask: &Mask) -> Markup {
    match path(mask) {
        Some(path) => html! { path.area d=(path) {} },
        None => mask
            .hull()
            .map_or_else(|| html! {}, |hull| rectangle(&hull)),
    }
}

/// Its pixels, run by run down the columns; `None` where these are too many.
fn path(mask: &Mask) -> Option<String> {
    use std::fmt::Write as _;
    let height = u64::from(mask.height);
    if mask.counts.len() > MOST_RUNS || height == 0 {
        return None;
    }
    let mut path = String::new();
    let (mut at, mut inside) = (0_u64, false);
    for count in &mask.counts {
        let end = at.saturating_add(u64::from(*count));
        // A run may go on in the next column.
        while inside && at < end {
            let (x, y) = (at / height, at % height);
            let part = (height - y).min(end - at);
            let _ = write!(path, "M{x} {y}h1v{part}h-1z");
            at += part;
            if path.len() > MOST_RUNS.saturating_mul(32) {
                return None;
            }
        }
        at = end;
        inside = !inside;
    }
    Some(path)
}

/// A prediction's lengths are parts of the image's.
fn predicted(frame: &KeptFrame, it: &Prediction) -> Markup {
    let (width, height) = (f64::from(frame.width), f64::from(frame.height));
    rectangle(&Rectangle {
        x: it.x * width,
        y: it.y * height,
        width: it.width * width,
        height: it.height * height,
        rotation: 0.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_turned_about_its_centre() {
        let it = Rectangle {
            x: 10.0,
            y: 20.5,
            width: 30.0,
            height: 40.0,
            rotation: 45.0,
        };
        assert_eq!(
            drawn(&Geometry::Box(it)).into_string(),
            r#"<rect x="10" y="20.5" width="30" height="40" transform="rotate(45 25 40.5)"></rect>"#
        );
    }

    #[test]
    fn a_mask_is_its_pixels() {
        // Pixels 2 to 4 of a picture of 3 by 3, down the columns: one at the foot of the first, two of
        // the second.
        let mask = Mask {
            width: 3,
            height: 3,
            counts: vec![2, 3, 4],
        };
        assert_eq!(path(&mask).as_deref(), Some("M0 2h1v1h-1zM1 0h1v2h-1z"));
        let large = Mask {
            counts: vec![1; MOST_RUNS + 1],
            ..mask
        };
        assert_eq!(path(&large), None);
    }

    #[test]
    fn a_label_keeps_its_colour() {
        assert_eq!(colour("car"), colour("car"));
        assert_ne!(colour("car"), colour("person"));
    }
}
