//! Encodes a raw 4:2:0 picture, and says how long that takes: `encode IN.yuv WIDTH HEIGHT QUALITY OUT.jpg`.

use framemill_jpeg::{Plane, encode};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, width, height, quality, output] = arguments.as_slice() else {
        return Err("encode IN.yuv WIDTH HEIGHT QUALITY OUT.jpg".into());
    };
    let samples = std::fs::read(input)?;
    let (width, height): (u32, u32) = (width.parse()?, height.parse()?);
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let luma = width as usize * height as usize;
    let chroma = half_width as usize * half_height as usize;
    // Each plane is as wide as its stride.
    let plane = |from: usize, width: u32, height: u32| Plane {
        samples: samples.get(from..).unwrap_or_default(),
        stride: width as usize,
        width,
        height,
    };
    let planes = [
        plane(0, width, height),
        plane(luma, half_width, half_height),
        plane(luma + chroma, half_width, half_height),
    ];
    let mut fastest = f64::INFINITY;
    for _ in 0..10 {
        let begin = Instant::now();
        let file = encode(planes, quality.parse()?)?;
        fastest = fastest.min(begin.elapsed().as_secs_f64() * 1e3);
        std::fs::write(output, file)?;
    }
    println!(
        "{fastest:.2} ms, {} bytes",
        std::fs::metadata(output)?.len()
    );
    Ok(())
}
