//! A sample video without any tool: Motion JPEG in AVI, drawn and written here.

use anyhow::{Context, Result};
use jpeg_encoder::{ColorType, Encoder};

const WIDTH: u16 = 640;
const HEIGHT: u16 = 360;
const FPS: u32 = 10;
/// Frames in which the square crosses the picture.
const FRAMES: u32 = 100;

/// Ten seconds of a square that crosses a colour gradient.
pub fn video() -> Result<Vec<u8>> {
    part(0, 10)
}

/// The first seconds of such a video; `look` tells which.
pub fn part(look: u32, seconds: u32) -> Result<Vec<u8>> {
    let mut pictures = Vec::new();
    for number in 0..FRAMES.min(seconds * FPS) {
        let mut jpeg = Vec::new();
        Encoder::new(&mut jpeg, 90)
            .encode(&picture(number, look), WIDTH, HEIGHT, ColorType::Rgb)
            .context("cannot encode the sample")?;
        pictures.push(jpeg);
    }
    Ok(avi(&pictures))
}

fn picture(number: u32, look: u32) -> Vec<u8> {
    let (width, height) = (u32::from(WIDTH), u32::from(HEIGHT));
    let left = number * (width - 80) / FRAMES;
    let top = 140 + look * 67 % 120;
    let inside = |x: u32, y: u32| (left..left + 80).contains(&x) && (top..top + 80).contains(&y);
    // Waves of another length in each look, none in the first: their blue is far from the square's.
    let wave = |x: u32, y: u32| (x * (look + 1) / 40 + y * look / 30) % 2 * look.min(1) * 90;
    (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .flat_map(|(x, y)| {
            if inside(x, y) {
                [250, 220, 40]
            } else {
                [
                    // Less red than the square has anywhere.
                    (x * 200 / width) as u8,
                    (y * 255 / height) as u8,
                    (number * 2).max(wave(x, y)) as u8,
                ]
            }
        })
        .collect()
}

fn chunk(id: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_vec();
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    if data.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

fn list(kind: &[u8; 4], parts: &[Vec<u8>]) -> Vec<u8> {
    chunk(b"LIST", &[kind.to_vec(), parts.concat()].concat())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// AVI 1.0 with one stream and an `idx1`, after Microsoft's "AVI RIFF File Reference".
fn avi(pictures: &[Vec<u8>]) -> Vec<u8> {
    const HAS_INDEX: u32 = 0x10;
    const KEY_FRAME: u32 = 0x10;
    let (width, height, count) = (u32::from(WIDTH), u32::from(HEIGHT), pictures.len() as u32);
    let main = words(&[
        1_000_000 / FPS,
        0,
        0,
        HAS_INDEX,
        count,
        0,
        1,
        0,
        width,
        height,
        0,
        0,
        0,
        0,
    ]);
    let mjpg = u32::from_le_bytes(*b"MJPG");
    let mut stream = b"vidsMJPG".to_vec();
    stream.extend(words(&[0, 0, 0, 1, FPS, 0, count, 0, u32::MAX, 0]));
    stream.extend(
        [0, 0, WIDTH, HEIGHT]
            .iter()
            .flat_map(|side| side.to_le_bytes()),
    );
    let format = words(&[
        40,
        width,
        height,
        24 << 16 | 1,
        mjpg,
        width * height * 3,
        0,
        0,
        0,
        0,
    ]);
    let header = list(
        b"hdrl",
        &[
            chunk(b"avih", &main),
            list(b"strl", &[chunk(b"strh", &stream), chunk(b"strf", &format)]),
        ],
    );
    let (mut movie, mut index) = (b"movi".to_vec(), Vec::new());
    for picture in pictures {
        index.extend(b"00dc");
        index.extend(words(&[
            KEY_FRAME,
            movie.len() as u32,
            picture.len() as u32,
        ]));
        movie.extend(chunk(b"00dc", picture));
    }
    let body = [
        b"AVI ".to_vec(),
        header,
        chunk(b"LIST", &movie),
        chunk(b"idx1", &index),
    ]
    .concat();
    chunk(b"RIFF", &body)
}

#[cfg(test)]
mod tests {
    /// Sizes in the file add up; that it plays is what the end-to-end test of the demo shows.
    #[test]
    fn riff_sizes_cover_the_file() {
        let video = super::video().unwrap();
        let size = u32::from_le_bytes(video[4..8].try_into().unwrap());
        assert_eq!(
            (&video[..4], size as usize + 8),
            (&b"RIFF"[..], video.len())
        );
    }
}
