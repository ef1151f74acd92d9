//! What is written is read as the same, for arbitrary values.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use framemill_gcs_api::{
    Crc32c, ErrorResponse, Get, Insert, LONGEST_OBJECT, List, Listing, Media, MultipartUpload,
    Object, Operation, Precondition, Request, Span, UploadEvent, UploadMetadata, UploadReader,
    UploadType, read_upload,
};
use http::{StatusCode, Uri};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Names with all that makes trouble: slashes, escapes, line ends, other scripts.
fn name() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z0-9]{1,8}",
        Just("/".to_owned()),
        Just("..".to_owned()),
        Just("%2F".to_owned()),
        Just("+ &=?#".to_owned()),
        any::<String>(),
    ];
    vec(part, 1..8)
        .prop_map(|parts| parts.concat())
        .prop_filter("no name", |name| {
            !matches!(name.as_str(), "" | "." | "..") && name.len() <= LONGEST_OBJECT
        })
}

fn text() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("missing", |text| !text.is_empty() && text.len() < 500)
}

fn precondition() -> impl Strategy<Value = Precondition> {
    of(0..i64::MAX).prop_map(Precondition::from)
}

fn get() -> impl Strategy<Value = Get> {
    (name(), of(0..i64::MAX), precondition()).prop_map(|(object, generation, precondition)| Get {
        object,
        generation,
        precondition,
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let list = (
        of(text()),
        of(text()),
        of(text()),
        of(text()),
        any::<Option<u64>>(),
        any::<bool>(),
    );
    prop_oneof![
        get().prop_map(Operation::Metadata),
        get().prop_map(Operation::Media),
        list.prop_map(
            |(prefix, delimiter, page_token, start_offset, max_results, names_only)| {
                Operation::List(List {
                    prefix: prefix.unwrap_or_default(),
                    delimiter,
                    page_token,
                    start_offset,
                    max_results,
                    names_only,
                })
            }
        ),
        (any::<bool>(), of(name()), precondition()).prop_map(|(media, name, precondition)| {
            let upload = if media {
                UploadType::Media
            } else {
                UploadType::Multipart
            };
            Operation::Insert(Insert {
                upload,
                name,
                precondition,
            })
        }),
        (name(), precondition()).prop_map(|(object, precondition)| Operation::Delete {
            object,
            precondition,
        }),
        vec(text(), 0..4).prop_map(Operation::TestPermissions),
        Just(Operation::Notifications),
    ]
}

fn time(step: u64) -> impl Strategy<Value = SystemTime> {
    (0..253_402_300_799_000 / step)
        .prop_map(move |steps| UNIX_EPOCH + Duration::from_millis(steps * step))
}

fn object() -> impl Strategy<Value = Object> {
    let named = (name(), name(), 1..=i64::MAX, any::<u64>());
    let more = (
        of(text()),
        of(any::<u32>()),
        of(time(1)),
        btree_map(text(), text(), 0..3),
    );
    (named, more).prop_map(|((name, bucket, generation, size), more)| Object {
        name,
        bucket,
        generation,
        size,
        content_type: more.0,
        crc32c: more.1.map(Crc32c),
        updated: more.2,
        metadata: more.3,
    })
}

fn metadata() -> impl Strategy<Value = UploadMetadata> {
    let parts = (
        of(name()),
        of(text()),
        of(any::<u32>()),
        btree_map(text(), text(), 0..3),
    );
    parts.prop_map(|(name, content_type, crc32c, metadata)| UploadMetadata {
        name,
        content_type,
        crc32c: crc32c.map(Crc32c),
        metadata,
    })
}

/// Bytes that are full of what ends a part.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        vec(any::<u8>(), 0..20),
        Just(b"\r\n--framemill-part-00000000".to_vec()),
        Just(b"\r\n--framemill-part-00000001--\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// An upload that arrives in pieces of `step` bytes.
fn in_pieces(content_type: &str, body: &[u8], step: usize) -> (UploadMetadata, Vec<u8>) {
    let mut reader = UploadReader::new(content_type).unwrap();
    let mut pieces = body.chunks(step);
    let (mut metadata, mut bytes) = (None, Vec::new());
    loop {
        match reader.next_event().unwrap() {
            UploadEvent::NeedData => match pieces.next() {
                Some(piece) => reader.push(piece),
                None => reader.finish(),
            },
            UploadEvent::Metadata(read) => assert!(metadata.replace(read).is_none()),
            UploadEvent::Data(data) => bytes.extend_from_slice(&data),
            UploadEvent::End => return (metadata.unwrap(), bytes),
        }
    }
}

proptest! {
    #[test]
    fn requests(bucket in "[a-z0-9_.-]{3,63}", operation in operation()) {
        let request = Request::new(&bucket, operation).unwrap();
        let target: Uri = request.target().parse().unwrap();
        prop_assert_eq!(Request::parse(&request.method(), &target), Ok(request));
    }

    #[test]
    fn objects(object in object()) {
        let text = serde_json::to_vec(&object).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Object>(&text).unwrap(), object);
    }

    #[test]
    fn lists(items in vec(object(), 0..3), prefixes in vec(text(), 0..3), next in of(text())) {
        let page = Listing { items, prefixes, next_page_token: next };
        let text = serde_json::to_vec(&page).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Listing>(&text).unwrap(), page);
    }

    #[test]
    fn errors(code in 100u16..1000, message: String) {
        let status = StatusCode::from_u16(code).unwrap();
        let response = ErrorResponse::new(status, message);
        let text = serde_json::to_vec(&response).unwrap();
        prop_assert_eq!(serde_json::from_slice::<ErrorResponse>(&text).unwrap(), response);
    }

    #[test]
    fn media(
        generation in 1..=i64::MAX, start: u32, length in 1u64..1 << 40, after: u32, partial: bool,
        kind in "[a-z]{1,9}/[a-z]{1,9}", crc in of(any::<u32>()), updated in of(time(1000)),
    ) {
        let (start, after) = if partial { (u64::from(start), u64::from(after)) } else { (0, 0) };
        let span = Span { start, end: start + length };
        let media = Media {
            generation, size: span.end + after, span, partial,
            content_type: kind, crc32c: crc.map(Crc32c), updated,
        };
        let (status, headers) = media.write();
        prop_assert_eq!(Media::parse(status, &headers), Ok(media));
    }

    #[test]
    fn uploads(metadata in metadata(), content in content(), step in 1usize..50) {
        let upload = MultipartUpload::frame(&metadata, &content).unwrap();
        let body = [&upload.head[..], &content, &upload.tail].concat();
        let mut expected = metadata;
        let unnamed = "application/octet-stream".to_owned();
        expected.content_type.get_or_insert(unnamed);
        let (read, bytes) = in_pieces(&upload.content_type, &body, step);
        prop_assert_eq!((&read, &bytes), (&expected, &content));
        prop_assert_eq!(read_upload(&upload.content_type, &body), Ok((read, bytes)));
    }

    #[test]
    fn arbitrary_names_make_targets_that_name_nothing_else(name in name()) {
        let request = Request::new("b", Operation::Media(Get::of(&name))).unwrap();
        let target = request.target();
        let (path, query) = target.split_once('?').unwrap();
        prop_assert_eq!(query, "alt=media");
        prop_assert_eq!(path.matches('/').count(), 6);
        prop_assert!(path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'));
    }
}
