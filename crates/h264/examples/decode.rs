//! Decodes an H.264 byte stream (Annex B) to raw planes, or measures how long that takes:
//! `decode IN.264 OUT.yuv`, `decode IN.264`.

use framemill_h264::{Decoder, Frame, Plane, Samples};
use std::io::{self, Write};
use std::time::Instant;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let input = std::fs::read(arguments.next().unwrap_or_default())?;
    let mut out: Box<dyn Write> = match arguments.next() {
        Some(path) => Box::new(io::BufWriter::new(std::fs::File::create(path)?)),
        None => Box::new(io::sink()),
    };
    let units = units(&input);
    let begin = Instant::now();
    let mut decoder = Decoder::default();
    let mut count = 0;
    let mut show = |frames: Vec<Frame>| -> io::Result<()> {
        for frame in frames {
            count += 1;
            if let Some(damage) = &frame.damage {
                eprintln!("frame {}: {damage}", frame.tag);
            }
            for plane in &frame.planes {
                write(&mut out, plane)?;
            }
        }
        Ok(())
    };
    for (tag, unit) in units.iter().enumerate() {
        match decoder.decode([*unit], tag as i64) {
            Ok(frames) => show(frames)?,
            Err(error) => eprintln!("unit {tag}: {error}"),
        }
    }
    show(decoder.flush())?;
    let elapsed = begin.elapsed().as_secs_f64() * 1e3;
    eprintln!(
        "{count} frames, {:.2} ms each",
        elapsed / f64::from(count.max(1))
    );
    Ok(())
}

/// NAL units between start codes.
fn units(bytes: &[u8]) -> Vec<&[u8]> {
    let mut starts: Vec<usize> = Vec::new();
    let mut at = 0;
    while at + 3 <= bytes.len() {
        if bytes[at..at + 3] == [0, 0, 1] {
            starts.push(at + 3);
            at += 3;
        } else {
            at += 1;
        }
    }
    let ends = starts
        .iter()
        .skip(1)
        .map(|start| start - 3)
        .chain([bytes.len()]);
    let spans = starts.iter().zip(ends);
    spans.map(|(&start, end)| &bytes[start..end]).collect()
}

fn write(out: &mut dyn Write, plane: &Plane) -> io::Result<()> {
    for y in 0..plane.height as usize {
        let from = plane.start + y * plane.stride;
        let span = from..from + plane.width as usize;
        match &plane.samples {
            Samples::U8(samples) => out.write_all(&samples[span])?,
            Samples::U16(samples) => {
                for sample in &samples[span] {
                    out.write_all(&sample.to_le_bytes())?;
                }
            }
        }
    }
    Ok(())
}
