//! Whatever comes from outside is read or refused by name; nothing panics, nothing grows.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use framemill_gcs_api::{
    Crc32c, ErrorResponse, LONGEST_OBJECT, Listing, Media, MultipartError, NameError, Object,
    Operation, QueryError, Request, RequestError, UploadError, UploadReader, read_upload,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use proptest::collection::vec;
use proptest::prelude::*;

const O: &str = "/storage/v1/b/b/o";

fn parse(method: Method, target: &str) -> Result<Request, RequestError> {
    Request::parse(&method, &target.parse::<Uri>().unwrap())
}

fn get(target: &str) -> Result<Request, RequestError> {
    parse(Method::GET, target)
}

#[test]
fn an_escaped_slash_belongs_to_the_name_and_another_does_not() {
    let request = get(&format!("{O}/a%2Fb%2f..%2Fc")).unwrap();
    assert_eq!(request.operation().object(), Some("a/b/../c"));
    for target in [
        format!("{O}/a/b"),
        format!("{O}/a%2Fb/"),
        format!("{O}/../o/a"),
    ] {
        let error = get(&target).unwrap_err();
        assert!(
            matches!(error, RequestError::UnknownResource(_)),
            "{target}: {error}"
        );
        assert_eq!(error.status(), StatusCode::NOT_FOUND);
    }
    let bucket = get("/storage/v1/b/a%2Fo%2Fb/o/c").unwrap();
    assert_eq!(bucket.bucket(), "a/o/b");
}

#[test]
fn names_that_are_steps_in_a_path_are_refused() {
    for name in ["", ".", "..", "%2E", "%2e%2E"] {
        let error = get(&format!("{O}/{name}")).unwrap_err();
        assert_eq!(
            error,
            RequestError::Name(NameError::Dots("object")),
            "{name}"
        );
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
    }
    let error = get("/storage/v1/b/%2E%2E/o/x").unwrap_err();
    assert_eq!(error, RequestError::Name(NameError::Dots("bucket")));
    let upload = format!("/upload{O}?uploadType=media&name=..");
    let error = parse(Method::POST, &upload).unwrap_err();
    assert_eq!(error, RequestError::Name(NameError::Dots("object")));
}

#[test]
fn text_that_is_none_is_refused() {
    for (target, error) in [
        (format!("{O}/a%FF"), QueryError::NotUtf8),
        (format!("{O}/a%"), QueryError::Escape),
        (format!("{O}/a%4"), QueryError::Escape),
        (format!("{O}?prefix=%C3"), QueryError::NotUtf8),
        (format!("{O}?%zz=1"), QueryError::Escape),
        (
            format!("{O}?prefix=a&prefix=b"),
            QueryError::Repeated("prefix"),
        ),
        (
            format!("{O}/a?alt=media&alt=json"),
            QueryError::Repeated("alt"),
        ),
        (
            format!("{O}/a?ifGenerationMatch=0&ifGenerationMatch=1"),
            QueryError::Repeated("ifGenerationMatch"),
        ),
    ] {
        assert_eq!(get(&target), Err(RequestError::Query(error)), "{target}");
    }
    for value in ["x", "-1", "%2B1", "1e3", ""] {
        for target in [
            format!("{O}/a?generation={value}"),
            format!("{O}?maxResults={value}"),
        ] {
            let error = get(&target).unwrap_err();
            let named = matches!(error, RequestError::Query(QueryError::NotANumber { .. }));
            assert!(named, "{target}: {error}");
        }
    }
}

#[test]
fn targets_and_names_have_a_limit() {
    let longest = "n".repeat(LONGEST_OBJECT);
    assert!(get(&format!("{O}/{longest}")).is_ok());
    let error = get(&format!("{O}/{longest}n")).unwrap_err();
    assert!(
        error.to_string().contains("1025 bytes, limit 1024"),
        "{error}"
    );
    let error = get(&format!("{O}?prefix={}", "p".repeat(20_000))).unwrap_err();
    assert!(matches!(error, RequestError::TooLong(_)), "{error}");
    let error = get(&format!("/{}", "x".repeat(10_000))).unwrap_err();
    assert!(error.to_string().len() < 300, "{error}");
}

#[test]
fn what_is_not_served_is_said() {
    for (method, target, status) in [
        (Method::PUT, format!("{O}/x"), 400),
        (Method::HEAD, format!("{O}/x"), 400),
        (Method::POST, O.to_owned(), 400),
        (Method::GET, format!("/upload{O}"), 400),
        (Method::DELETE, O.to_owned(), 400),
        (
            Method::POST,
            format!("/upload{O}?uploadType=resumable&name=x"),
            400,
        ),
        (Method::POST, format!("/upload{O}"), 400),
        (Method::GET, "/".to_owned(), 404),
        (Method::GET, "/storage/v1/b/b".to_owned(), 404),
        (Method::GET, "/storage/v1/b/b/acl".to_owned(), 404),
        (Method::GET, "/storage/v2/b/b/o/x".to_owned(), 404),
        (Method::GET, "/uploads/storage/v1/b/b/o/x".to_owned(), 404),
    ] {
        let error = parse(method.clone(), &target).unwrap_err();
        assert_eq!(
            error.status().as_u16(),
            status,
            "{method} {target}: {error}"
        );
    }
    let error = parse(Method::POST, &format!("/upload{O}")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "uploadType is missing, not multipart or media"
    );
}

#[test]
fn downloads_have_a_second_path_and_unknown_parameters_say_nothing() {
    let plain = get(&format!("{O}/x?alt=media")).unwrap();
    let download = format!("/download{O}/x?alt=media&prettyPrint=false&projection=noAcl&=&&x");
    assert_eq!(get(&download).unwrap(), plain);
    assert!(matches!(plain.operation(), Operation::Media(_)));
}

#[test]
fn bodies_that_stop_anywhere_are_no_uploads() {
    let kind = "multipart/related; boundary=b";
    let body = b"--b\r\ncontent-type: application/json\r\n\r\n{\"name\":\"n\"}\r\n--b\r\n\r\nbytes\r\n--b--\r\n";
    let end = body.len() - 2;
    for length in 0..end {
        let error = read_upload(kind, &body[..length]).unwrap_err();
        assert_eq!(
            error,
            UploadError::Multipart(MultipartError::Truncated),
            "{length}"
        );
    }
    assert!(read_upload(kind, &body[..end]).is_ok());
}

#[test]
fn json_that_is_deep_or_wrong_is_refused() {
    let deep = "[".repeat(100_000);
    for text in [
        deep.as_str(),
        "null",
        "\"x\"",
        "{\"error\":7,\"items\":7}",
        "\u{0}",
    ] {
        assert!(serde_json::from_str::<Object>(text).is_err());
        assert!(serde_json::from_str::<Listing>(text).is_err());
        assert!(serde_json::from_str::<ErrorResponse>(text).is_err());
    }
    let twice = r#"{"name":"a","name":"b","size":"1","generation":"1"}"#;
    assert!(serde_json::from_str::<Object>(twice).is_err());
}

proptest! {
    #[test]
    fn arbitrary_targets(path in "(/upload|/download)?(/storage/v1/b/b)?(/o|/o/)?[ -~]{0,40}") {
        if let Ok(uri) = path.parse::<Uri>() {
            for method in [Method::GET, Method::POST, Method::DELETE] {
                if let Ok(request) = Request::parse(&method, &uri) {
                    let again = request.target().parse::<Uri>().unwrap();
                    prop_assert_eq!(Request::parse(&method, &again), Ok(request));
                }
            }
        }
    }

    #[test]
    fn arbitrary_bodies(body in vec(prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        Just(b"\r\n".to_vec()), Just(b"--b".to_vec()), Just(b"--".to_vec()), Just(b"{}".to_vec()),
    ], 0..60), step in 1usize..9) {
        let body = body.concat();
        let whole = read_upload("multipart/related; boundary=b", &body);
        let mut reader = UploadReader::new("multipart/related; boundary=b").unwrap();
        let mut bytes = Vec::new();
        let mut pieces = body.chunks(step);
        let piecewise = loop {
            use framemill_gcs_api::UploadEvent as Event;
            match reader.next_event() {
                Ok(Event::NeedData) => match pieces.next() {
                    Some(piece) => reader.push(piece),
                    None => reader.finish(),
                },
                Ok(Event::Metadata(_)) => {}
                Ok(Event::Data(data)) => bytes.extend_from_slice(&data),
                Ok(Event::End) => break Ok(bytes),
                Err(error) => break Err(error),
            }
        };
        prop_assert_eq!(whole.map(|(_, bytes)| bytes), piecewise);
    }

    #[test]
    fn arbitrary_headers(headers in vec((0usize..6, vec(any::<u8>(), 0..30)), 0..8), status in 200u16..300) {
        const NAMES: [&str; 6] = ["x-goog-generation", "content-type", "content-range",
            "content-length", "last-modified", "x-goog-hash"];
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                map.append(HeaderName::from_static(NAMES[name]), value);
            }
        }
        let _ = Crc32c::from_headers(&map);
        if let Ok(media) = Media::parse(StatusCode::from_u16(status).unwrap(), &map) {
            prop_assert!(media.span.end <= media.size && media.generation > 0);
        }
    }
}
