//! Decodes an H.264 byte stream (Annex B) to raw planes, or measures how long that takes:
//! `decode_h264 IN.264 OUT.yuv`, `decode_h264 IN.264`.

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
    for (tag, access_unit) in access_units(&units).into_iter().enumerate() {
        match decoder.decode(access_unit.iter().copied(), tag as i64) {
            Ok(frames) => show(frames)?,
            Err(error) => eprintln!("access unit {tag}: {error}"),
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

/// Begins an access unit at each slice of macroblock 0 and at what stands before it.
fn access_units<'a, 'b>(units: &'b [&'a [u8]]) -> Vec<&'b [&'a [u8]]> {
    let is_slice = |unit: &[u8]| {
        unit.first()
            .is_some_and(|first| matches!(first & 31, 1 | 5))
    };
    let begins = |before: &[u8], unit: &[u8]| {
        is_slice(before) && (!is_slice(unit) || unit.get(1).is_some_and(|byte| byte & 0x80 != 0))
    };
    let mut out = Vec::new();
    let mut rest = units;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|pair| begins(pair[0], pair[1]));
        let (now, later) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
        out.push(now);
        rest = later;
    }
    out
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
