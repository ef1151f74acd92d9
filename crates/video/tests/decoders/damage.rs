//! Damaged access units give errors or wrong pictures, never a panic. AV1 is left out: rav1d
//! panics on some (see `codec::av1`), which only the sandbox contains.

use crate::clips::{Clip, Unit};
use framemill_video::{Codec, CodecConfig, is_disposable, open_decoder};
use proptest::prelude::*;

const SMALL: &str = "testsrc2=size=64x48:rate=25:duration=0.4,noise=alls=10:allf=t";

/// One thing that goes wrong in an access unit; positions are in parts of its length.
#[derive(Clone, Debug)]
enum Damage {
    Byte(usize, f64, u8),
    Cut(usize, f64),
    Drop(usize),
    Repeat(usize),
    Zeros(usize, f64, usize),
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let index = 0..10_usize;
    let damage = prop_oneof![
        6 => (index.clone(), 0.0..1.0, any::<u8>()).prop_map(|(i, at, byte)| Damage::Byte(i, at, byte)),
        3 => (index.clone(), 0.0..0.1, any::<u8>()).prop_map(|(i, at, byte)| Damage::Byte(i, at, byte)),
        1 => (index.clone(), 0.0..1.0).prop_map(|(i, at)| Damage::Cut(i, at)),
        1 => index.clone().prop_map(Damage::Drop),
        1 => index.clone().prop_map(Damage::Repeat),
        1 => (index, 0.0..1.0, 1..64_usize).prop_map(|(i, at, n)| Damage::Zeros(i, at, n)),
    ];
    prop::collection::vec(damage, 1..6)
}

fn apply(units: &mut Vec<Unit>, damage: &Damage) {
    let &(Damage::Byte(index, ..)
    | Damage::Cut(index, _)
    | Damage::Drop(index)
    | Damage::Repeat(index)
    | Damage::Zeros(index, ..)) = damage;
    if units.is_empty() {
        return;
    }
    let index = index % units.len();
    let bytes = &mut units[index].bytes;
    let place = |at: f64, length: usize| (at * length as f64) as usize;
    match *damage {
        Damage::Byte(_, at, byte) => {
            let at = place(at, bytes.len());
            if let Some(old) = bytes.get_mut(at) {
                *old = byte;
            }
        }
        Damage::Cut(_, at) => bytes.truncate(place(at, bytes.len())),
        Damage::Drop(_) => drop(units.remove(index)),
        Damage::Repeat(_) => units.insert(index, units[index].clone()),
        Damage::Zeros(_, at, count) => {
            let at = place(at, bytes.len());
            bytes
                .iter_mut()
                .skip(at)
                .take(count)
                .for_each(|byte| *byte = 0);
        }
    }
}

/// Decodes on through errors, as hard as a caller could.
fn survive(config: &CodecConfig, units: &[Unit]) {
    let Ok(mut decoder) = open_decoder(config) else {
        return;
    };
    for unit in units {
        is_disposable(config, &unit.bytes);
        let _ = decoder.decode(&unit.bytes, unit.pts);
        while decoder.next_frame().is_some() {}
    }
    let _ = decoder.flush();
}

fn fuzz(codec: Codec, name: &str, extension: &str, args: &str) {
    let clip = Clip::make(codec, name, extension, SMALL, args);
    let streams = match clip.config.nal_length_size {
        Some(_) => vec![clip.annexb(), (clip.config, clip.units)],
        None => vec![(clip.config, clip.units)],
    };
    let config = ProptestConfig {
        cases: std::env::var("FRAMEMILL_FUZZ_CASES").map_or(192, |cases| cases.parse().unwrap()),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(damages in damages(), pick in any::<prop::sample::Index>())| {
        let (config, units) = pick.get(&streams);
        let mut units = units.clone();
        damages.iter().for_each(|damage| apply(&mut units, damage));
        survive(config, &units);
    });
}

#[test]
fn h264_progressive() {
    let args = "-c:v libx264 -pix_fmt yuv420p -bf 2 -qp 30";
    fuzz(Codec::H264, "damage_h264", "mp4", args);
}

#[test]
fn h264_cavlc() {
    let args = "-c:v libx264 -pix_fmt yuv420p -bf 2 -qp 30 -coder 0";
    fuzz(Codec::H264, "damage_h264_cavlc", "mp4", args);
}

#[test]
fn h264_interlaced() {
    let args = "-c:v libx264 -pix_fmt yuv420p -bf 2 -qp 30 -flags +ildct+ilme";
    fuzz(Codec::H264, "damage_h264_mbaff", "mp4", args);
}

#[test]
fn h264_deep() {
    let args = "-c:v libx264 -pix_fmt yuv422p10le -bf 2 -qp 30";
    fuzz(Codec::H264, "damage_h264_deep", "mp4", args);
}

#[test]
fn hevc() {
    let args = "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none:qp=30";
    fuzz(Codec::Hevc, "damage_hevc", "mp4", args);
}

#[test]
fn hevc_deep() {
    let args = "-c:v libx265 -pix_fmt yuv444p10le -tag:v hvc1 -x265-params log-level=none:qp=30";
    fuzz(Codec::Hevc, "damage_hevc_deep", "mp4", args);
}

#[test]
fn hevc_422() {
    let args = "-c:v libx265 -pix_fmt yuv422p10le -tag:v hvc1 -x265-params log-level=none:qp=30";
    fuzz(Codec::Hevc, "damage_hevc_422", "mp4", args);
}

#[test]
fn vp9() {
    let args = "-c:v libvpx-vp9 -pix_fmt yuv420p -b:v 200k";
    fuzz(Codec::Vp9, "damage_vp9", "ivf", args);
}

#[test]
fn vp8() {
    let args = "-c:v libvpx -pix_fmt yuv420p -b:v 200k";
    fuzz(Codec::Vp8, "damage_vp8", "ivf", args);
}

#[test]
fn mjpeg() {
    fuzz(
        Codec::Mjpeg,
        "damage_mjpeg",
        "mov",
        "-c:v mjpeg -pix_fmt yuvj420p",
    );
}
