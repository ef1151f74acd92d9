//! What is not decoded is refused by name before anything is decoded.

use crate::clips::{Clip, Unit};
use crate::{decode, raw};
use framemill_video::{
    ChromaSampling, Codec, CodecConfig, ColorDescription, DecodeError, Matrix, Primaries, Range,
    Transfer, check_supported, open_decoder,
};

const SOURCE: &str = "testsrc2=size=176x144:rate=25:duration=0.2";

fn refusal(codec: Codec, name: &str, extension: &str, args: &str) -> (String, Clip) {
    let clip = Clip::make(codec, name, extension, SOURCE, args);
    let error = match check_supported(&clip.config) {
        Err(error) => error,
        Ok(()) => decode(&clip.config, &clip.units[..1]).unwrap_err(),
    };
    assert!(matches!(error, DecodeError::Unsupported { .. }), "{error}");
    (error.to_string(), clip)
}

/// `separate_colour_plane_flag` is set in the parameter sets of a 4:4:4 clip.
#[test]
fn h264_444_with_planes_coded_apart() {
    let clip = Clip::make(
        Codec::H264,
        "h264_444_apart",
        "mp4",
        SOURCE,
        "-c:v libx264 -pix_fmt yuv444p",
    );
    let mut config = clip.config.clone();
    // Behind the NAL unit's header, profile, constraints and level: ids 0 and 3 as 1 and 00100.
    let sps = [0x67, 244];
    let at = config
        .parameter_sets
        .windows(2)
        .position(|it| it == sps)
        .unwrap()
        + 4;
    assert_eq!(config.parameter_sets[at] & 0xfe, 0b1001_0000);
    config.parameter_sets[at] |= 2;
    let message = check_supported(&config).unwrap_err().to_string();
    assert!(
        message.contains("H.264 High 4:4:4 Predictive: 4:4:4 with"),
        "{message}"
    );
    assert!(open_decoder(&config).is_err());
}

#[test]
fn vp9_440() {
    let (message, _) = refusal(
        Codec::Vp9,
        "vp9_440",
        "ivf",
        "-c:v libvpx-vp9 -pix_fmt yuv440p -b:v 200k",
    );
    assert!(message.contains("VP9 4:4:0"), "{message}");
}

#[test]
fn mjpeg_of_two_fields() {
    let clip = mjpeg();
    let mut fields = clip.units[0].clone();
    let app0 = [
        0xff, 0xe0, 0, 14, b'A', b'V', b'I', b'1', 1, 0, 0, 0, 0, 0, 0, 0,
    ];
    fields.bytes.splice(2..2, app0);
    let error = decode(&clip.config, &[fields]).unwrap_err();
    assert!(
        error.to_string().contains("interlaced Motion JPEG"),
        "{error}"
    );
}

fn mjpeg() -> Clip {
    Clip::make(
        Codec::Mjpeg,
        "mjpeg_tables",
        "mov",
        SOURCE,
        "-c:v mjpeg -q:v 3 -pix_fmt yuvj422p -huffman default",
    )
}

/// A frame without Huffman tables decodes as with the standard ones, which ffmpeg wrote here.
#[test]
fn mjpeg_without_huffman_tables() {
    let clip = mjpeg();
    let whole = decode(&clip.config, &clip.units).unwrap();
    let stripped: Vec<Unit> = clip.units.iter().map(without_tables).collect();
    assert!(stripped[0].bytes.len() + 400 < clip.units[0].bytes.len());
    let frames = decode(&clip.config, &stripped).unwrap();
    assert_eq!(frames.len(), whole.len());
    for (a, b) in frames.iter().zip(&whole) {
        assert_eq!(raw(a), raw(b));
    }
    assert_eq!(frames[0].chroma, ChromaSampling::Cs422);
    assert_eq!(frames[0].color.matrix, Some(Matrix::Bt601));
    assert_eq!(frames[0].color.range, Some(Range::Full));
}

fn without_tables(unit: &Unit) -> Unit {
    let mut bytes = unit.bytes.clone();
    while let Some(at) = bytes.windows(2).position(|pair| pair == [0xff, 0xc4]) {
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        bytes.drain(at..at + 2 + length);
    }
    Unit {
        bytes,
        ..unit.clone()
    }
}

#[test]
fn absurd_sizes_are_refused_before_anything_is_allocated() {
    for codec in [
        Codec::H264,
        Codec::Hevc,
        Codec::Av1,
        Codec::Vp9,
        Codec::Vp8,
        Codec::Mjpeg,
    ] {
        let config = CodecConfig {
            codec,
            nal_length_size: None,
            parameter_sets: Vec::new(),
            profile: String::new(),
            width: 65_535,
            height: 65_535,
            color: ColorDescription::default(),
        };
        let message = open_decoder(&config).err().unwrap().to_string();
        assert!(message.contains("65535x65535, limit 16384"), "{message}");
    }
    // In the stream: a VP9 key frame of 65536x65536, a VP8 one of 16383x16383.
    let vp9 = [
        0x82, 0x49, 0x83, 0x42, 0x0f, 0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let vp8 = [
        0x10, 0, 0, 0x9d, 0x01, 0x2a, 0xff, 0x3f, 0xff, 0x3f, 0, 0, 0, 0,
    ];
    for (codec, bytes) in [(Codec::Vp9, vp9.to_vec()), (Codec::Vp8, vp8.to_vec())] {
        let config = CodecConfig {
            codec,
            nal_length_size: None,
            parameter_sets: Vec::new(),
            profile: String::new(),
            width: 0,
            height: 0,
            color: ColorDescription::default(),
        };
        let unit = Unit {
            pts: framemill_video::Pts(0),
            sync: true,
            bytes,
        };
        let error = decode(&config, &[unit]).unwrap_err();
        assert!(matches!(error, DecodeError::Unsupported { .. }), "{error}");
    }
}

/// The bitstream's colour wins over the container's, which fills what it leaves open.
#[test]
fn colour_of_the_bitstream() {
    let tags = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc -color_range tv";
    let cases = [
        (Codec::H264, "-c:v libx264 -pix_fmt yuv420p"),
        (
            Codec::Hevc,
            "-c:v libx265 -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=none",
        ),
        (Codec::Av1, "-c:v libaom-av1 -pix_fmt yuv420p -cpu-used 8"),
    ];
    for (codec, args) in cases {
        let name = format!("colour_{codec:?}");
        let mut clip = Clip::make(codec, &name, "mp4", SOURCE, &format!("{args} {tags}"));
        clip.config.color.matrix = Some(Matrix::Bt601);
        let frames = decode(&clip.config, &clip.units).unwrap();
        let expected = ColorDescription {
            matrix: Some(Matrix::Bt2020),
            range: Some(Range::Limited),
            primaries: Some(Primaries::Bt2020),
            transfer: Some(Transfer::Pq),
        };
        assert!(frames.iter().all(|frame| frame.color == expected), "{name}");
    }
    let args = "-c:v libvpx-vp9 -pix_fmt yuv420p -b:v 200k -colorspace bt709 -color_range pc";
    let mut clip = Clip::make(Codec::Vp9, "colour_vp9", "ivf", SOURCE, args);
    clip.config.color.transfer = Some(Transfer::Bt709);
    let color = decode(&clip.config, &clip.units).unwrap()[0].color;
    assert_eq!(color.matrix, Some(Matrix::Bt709));
    assert_eq!(color.range, Some(Range::Full));
    assert_eq!(color.transfer, Some(Transfer::Bt709));
}
