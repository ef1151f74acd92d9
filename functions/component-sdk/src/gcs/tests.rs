//! The client against a store with one object.

use super::*;
use futures::executor::block_on;
use std::cell::RefCell;

/// A store with one object, which notes what it is asked.
#[derive(Default)]
struct Store {
    object: Vec<u8>,
    /// Answers instead, if not 0.
    status: u16,
    asked: RefCell<Vec<(String, u64)>>,
}

impl Web for Store {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, WebError> {
        let range = request.headers.iter().find(|(name, _)| *name == "range");
        let range = range.map_or("", |(_, value)| value.as_str()).to_owned();
        let (length, most) = (request.length() as u64, request.largest_answer);
        self.asked.borrow_mut().push((range.clone(), length));
        let answer = |status, body: &[u8]| HttpResponse {
            status,
            body: body.to_vec(),
            ..HttpResponse::default()
        };
        if self.status != 0 {
            return Ok(answer(self.status, b"because"));
        }
        let Some(spec) = RangeSpec::parse(&range) else {
            if request.url.contains("alt=media") {
                let bytes = self.object.len() as u64;
                return match bytes > most {
                    true => Err(WebError::TooLarge { bytes, most }),
                    false => Ok(answer(200, &self.object)),
                };
            }
            return Ok(answer(200, br#"{"name":"n","size":"1","generation":"2"}"#));
        };
        let span = spec.resolve(self.object.len() as u64);
        let bytes = span.map(|it| &self.object[it.start as usize..it.end as usize]);
        match bytes {
            Ok(bytes) if bytes.len() as u64 <= most => Ok(answer(206, bytes)),
            Ok(_) => Err(WebError::Unanswered("too much".to_owned())),
            Err(_) => Ok(answer(416, b"beyond")),
        }
    }

    fn now(&self) -> u64 {
        0
    }

    async fn sleep(&self, _: u64) {}
}

fn store(bytes: usize) -> Store {
    Store {
        object: (0..bytes).map(|i| (i % 251) as u8).collect(),
        ..Store::default()
    }
}

fn read(store: &Store, start: u64, end: u64, limit: Option<u64>) -> Vec<u8> {
    let object = ObjectRef {
        bucket: "b".to_owned(),
        name: "n".to_owned(),
        generation: Some(1),
    };
    let objects = GcsObjects::new(store, "http://h", SizeLimits::STANDARD, limit);
    block_on(objects.read(&object, ByteRange { start, end })).unwrap()
}

#[test]
fn long_reads_are_split_and_come_back_as_one() {
    for (start, end, limit, ranges) in [
        (3, 103, None, vec!["bytes=3-102"]),
        (3, 103, Some(100), vec!["bytes=3-102"]),
        (
            3,
            103,
            Some(40),
            vec!["bytes=3-42", "bytes=43-82", "bytes=83-102"],
        ),
        // The object ends within a part, at the end of one, and before the first.
        (980, 1090, Some(40), vec!["bytes=980-1019"]),
        (
            960,
            1090,
            Some(40),
            vec!["bytes=960-999", "bytes=1000-1039"],
        ),
        (2000, 2090, Some(40), vec!["bytes=2000-2039"]),
    ] {
        let store = store(1000);
        let bytes = read(&store, start, end, limit);
        let expected = store.object.iter().skip(start as usize);
        let expected: Vec<u8> = expected.take((end - start) as usize).copied().collect();
        assert!(bytes == expected, "{start}..{end} by {limit:?}");
        let asked: Vec<String> = store.asked.take().into_iter().map(|it| it.0).collect();
        assert_eq!(asked, ranges);
    }
}

#[test]
fn objects_over_the_limit_are_refused_unsent() {
    let store = store(0);
    let objects = GcsObjects::new(&store, "http://h", SizeLimits::STANDARD, Some(1 << 20));
    let most = objects.largest_object();
    let name = "\u{1}".repeat(1024);
    let write = |bytes: u64| {
        let bytes = vec![7; bytes as usize];
        block_on(objects.create("b", &name, "image/png", &bytes))
    };
    assert_eq!(write(most), Ok(Created::New));
    let sent = store.asked.take();
    assert!(sent.len() == 1 && sent[0].1 <= 1 << 20, "{sent:?}");
    let limit = format!("{most} by segment_budget");
    assert_eq!(write(most + 1), Err(over("b", &name, most + 1, limit)));
    assert!(store.asked.take().is_empty());
}

#[test]
fn whole_objects_are_read_and_written_up_to_the_same_limit() {
    let limits = SizeLimits {
        object: 100,
        ..SizeLimits::STANDARD
    };
    for (bytes, fits) in [(100, true), (101, false)] {
        let store = store(bytes);
        let objects = GcsObjects::new(&store, "http://h", limits, None);
        let refused = over("b", "n", bytes as u64, "100".to_owned());
        let read = block_on(objects.read_all("b", "n"));
        let written = block_on(objects.create("b", "n", "text/plain", &vec![0; bytes]));
        match fits {
            true => assert_eq!((read.unwrap().len(), written), (bytes, Ok(Created::New))),
            false => assert_eq!((read, written), (Err(refused.clone()), Err(refused))),
        }
    }
}

#[test]
fn statuses_have_meanings() {
    let of = |status| {
        let store = Store {
            status,
            ..Store::default()
        };
        let objects = GcsObjects::new(&store, "http://h", SizeLimits::STANDARD, None);
        (
            block_on(objects.metadata("b", "n")),
            block_on(objects.create("b", "n", "text/plain", b"x")),
            block_on(objects.delete("b", "n")),
            block_on(objects.has_bucket("b", "videos/")),
        )
    };
    assert_eq!(of(404).0, Err(ObjectError::Gone));
    assert_eq!(of(412).1, Ok(Created::Existed));
    let refused = over("b", "n", 1, "of the store (because)".to_owned());
    assert_eq!(of(413).1, Err(refused));
    assert_eq!((of(404).2, of(204).2), (Ok(()), Ok(())));
    // Who may not list a bucket is not told that there is none.
    assert_eq!((of(404).3, of(403).3), (Ok(false), Ok(true)));
    assert!(of(503).3.is_err());
    let denied = of(403).0.unwrap_err();
    let code = match &denied {
        ObjectError::Failed(error) => error.code(),
        ObjectError::Gone => "gone",
    };
    assert_eq!(code, "storage_denied", "{denied}");
    assert!(denied.to_string().contains("because"), "{denied}");
    let words = of(503).1.unwrap_err().to_string();
    assert!(
        words.contains("gs://b/n") && words.contains("status 503: because"),
        "{words}"
    );
}
