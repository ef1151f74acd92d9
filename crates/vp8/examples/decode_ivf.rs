//! Decodes an IVF file to raw planes: `decode_ivf <in.ivf> [out.yuv]`. Without an output it only says
//! how long decoding took.

use framemill_vp8::{Decoder, Frame};
use std::fs::File;
use std::io::{BufWriter, Error, Write};
use std::time::{Duration, Instant};

fn main() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let usage = || Error::other("usage: decode_ivf <in.ivf> [out.yuv]");
    let file = std::fs::read(arguments.next().ok_or_else(usage)?)?;
    let mut output = match arguments.next() {
        Some(path) => Some(BufWriter::new(File::create(path)?)),
        None => None,
    };
    let mut decoder = Decoder::default();
    let mut spent = Duration::ZERO;
    let (mut number, mut shown) = (0, 0);
    let mut rest = file.get(32..).unwrap_or_default();
    while let Some((unit, after)) = next_unit(rest) {
        rest = after;
        let start = Instant::now();
        let frame = decoder.decode(unit);
        spent += start.elapsed();
        match frame {
            Ok(Some(frame)) => {
                shown += 1;
                if let Some(damage) = frame.damage() {
                    eprintln!("frame {number}: {damage}");
                }
                if let Some(output) = &mut output {
                    write(output, &frame)?;
                }
            }
            Ok(None) => {}
            Err(error) => eprintln!("frame {number}: {error}"),
        }
        number += 1;
    }
    let each = spent.as_secs_f64() * 1000.0 / f64::from(number.max(1));
    eprintln!("{number} frames, {shown} shown, {each:.3} ms each");
    Ok(())
}

/// An IVF frame: size, time stamp, bytes.
fn next_unit(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = rest.split_first_chunk::<12>()?;
    let size = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    rest.split_at_checked(size)
}

fn write(output: &mut impl Write, frame: &Frame) -> Result<(), Error> {
    (0..3)
        .flat_map(|plane| frame.rows(plane))
        .try_for_each(|row| output.write_all(row))
}
