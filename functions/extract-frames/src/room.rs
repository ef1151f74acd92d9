//! Whether there is memory for the next step. A sandbox that is refused memory stops, and not
//! every host says why; whoever asks first can say it.

use framemill_contract::JobError;
use framemill_video::{Codec, CodecConfig};

const MIB: u64 = 1 << 20;
/// Decoders set aside whole blocks, and some of them frames at the edges.
const BLOCK: u64 = 128;
/// Pictures that one step makes, at most: one that is decoded, one with film grain, one that is
/// handed out, and what is kept beside them (motion vectors, lines at block edges).
const PICTURES: u64 = 4;
/// Images of 8-bit RGB that one step makes, at most: converted, turned, scaled, and two while an
/// encoder works.
const IMAGES: u64 = 4;
/// Tables of a decoder, a response, JSON.
const REST: u64 = 4 * MIB;

/// Most frames that a decoder holds back until it is flushed.
const HELD_BACK: u64 = 16;

/// Memory that a step may take, in bytes: `bytes` of the video, fetched, and a picture decoded and
/// encoded.
pub(crate) fn of_step(config: &CodecConfig, bytes: u64) -> u64 {
    picture(config)
        .saturating_mul(PICTURES)
        .saturating_add(pixels(config).saturating_mul(3 * IMAGES))
        .saturating_add(bytes)
        .saturating_add(REST)
}

/// Memory that a flush may take, in bytes, where this many frames are awaited.
pub(crate) fn of_flush(config: &CodecConfig, awaited: u64) -> u64 {
    let held_back = picture(config).saturating_mul(awaited.min(HELD_BACK));
    of_step(config, held_back)
}

fn pixels(config: &CodecConfig) -> u64 {
    let side = |pixels: u32| u64::from(pixels).div_ceil(BLOCK).saturating_mul(BLOCK);
    side(config.width).saturating_mul(side(config.height))
}

/// Bytes of a decoded picture.
fn picture(config: &CodecConfig) -> u64 {
    let pixels = pixels(config);
    match (config.codec, config.profile.as_str()) {
        // 4:2:0 has one and a half samples per pixel.
        (Codec::H264, "Constrained Baseline" | "Baseline" | "Main" | "High")
        | (Codec::Hevc, "Main")
        | (Codec::Vp8, _)
        | (Codec::Vp9, "Profile 0") => pixels.saturating_mul(3) / 2,
        // Or has ten bits, which take two bytes each.
        (Codec::H264, "High 10")
        | (Codec::Hevc, "Main 10")
        | (Codec::Av1, "Main")
        | (Codec::Vp9, "Profile 2")
        | (Codec::Mjpeg, _) => pixels.saturating_mul(3),
        // Up to three samples of two bytes.
        _ => pixels.saturating_mul(6),
    }
}

/// Makes sure that this much more memory can be had, in one piece; it stays the sandbox's then.
///
/// # Errors
/// [`JobError::OutOfMemory`].
pub(crate) fn ensure(bytes: u64) -> Result<(), JobError> {
    let mut room: Vec<u8> = Vec::new();
    let reserved = usize::try_from(bytes).is_ok_and(|it| room.try_reserve_exact(it).is_ok());
    // Memory that nobody looks at need not be asked for, compilers find.
    std::hint::black_box(&mut room);
    if reserved {
        return Ok(());
    }
    Err(JobError::OutOfMemory {
        reason: format!(
            "beside {} MiB in use there is no room for the {} MiB that the next picture may take: raise what the host gives an instance (spin up --max-instance-memory)",
            memory() / MIB,
            bytes.div_ceil(MIB)
        ),
    })
}

/// Bytes of this sandbox's memory. It only grows, so at the end it is the peak. Natively
/// there is no sandbox: 0.
pub(crate) fn memory() -> u64 {
    #[cfg(target_arch = "wasm32")]
    {
        core::arch::wasm32::memory_size(0) as u64 * 65_536
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        0
    }
}
