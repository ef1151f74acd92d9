//! Milliseconds per 1080p image.
#![allow(clippy::unwrap_used)]
use framemill_jpeg::{PlaneView, Sampling, encode};
use std::time::Instant;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (w, h) = (1920usize, 1080usize);
    let planes: Vec<Vec<u8>> = if let Some(path) = args.get(1) {
        let all = std::fs::read(path).unwrap();
        let n = w * h;
        vec![
            all[..n].to_vec(),
            all[n..n + n / 4].to_vec(),
            all[n + n / 4..n + n / 2].to_vec(),
        ]
    } else {
        let mut seed = 1u32;
        let mut plane = |width: u32, height: u32| -> Vec<u8> {
            (0..width * height)
                .map(|i| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let (x, y) = (i % width * 256 / width, i / width * 256 / height);
                    let shape = 40 + (x * y / 512 + if x / 32 % 2 == y / 32 % 2 { 30 } else { 0 });
                    (shape + (seed >> 29)) as u8
                })
                .collect()
        };
        vec![plane(1920, 1080), plane(960, 540), plane(960, 540)]
    };
    let views = [
        PlaneView::new(&planes[0], w, w, h).unwrap(),
        PlaneView::new(&planes[1], w / 2, w / 2, h / 2).unwrap(),
        PlaneView::new(&planes[2], w / 2, w / 2, h / 2).unwrap(),
    ];
    let mut best = f64::MAX;
    let (mut best_push, mut best_finish) = (f64::MAX, f64::MAX);
    let mut file = Vec::new();
    for _ in 0..30 {
        let start = Instant::now();
        file = encode(&views, Sampling::Cs420, 95).unwrap();
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        let mut e = framemill_jpeg::Encoder::new(w, h, Sampling::Cs420, 95).unwrap();
        e.push(&views).unwrap();
        best_push = best_push.min(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        e.finish().unwrap();
        best_finish = best_finish.min(start.elapsed().as_secs_f64() * 1e3);
    }
    if let Some(path) = args.get(2) {
        std::fs::write(path, &file).unwrap();
    }
    println!(
        "{best:.2} ms (push {best_push:.2}, finish {best_finish:.2}), {} bytes",
        file.len()
    );
}
