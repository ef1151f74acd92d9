//! `multipart/related` bodies (RFC 2046, 5.1; RFC 2387): read as they come, and their frame.

use bytes::{Bytes, BytesMut};
use memchr::memmem;
use mime::Mime;
use std::collections::BTreeSet;
use thiserror::Error;

/// Most bytes of all headers of a part.
const LARGEST_HEADERS: usize = 16 << 10;
/// Most characters of a boundary.
const LONGEST_BOUNDARY: usize = 70;
/// What our boundaries begin with; a number in [`DIGITS`] hex digits follows.
const BOUNDARY: &str = "framemill-part-";
const DIGITS: usize = 8;

/// What is wrong with a body of several parts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MultipartError {
    /// The media type is another.
    #[error("content type is not multipart/related")]
    NotRelated,
    /// There is no boundary that can be one.
    #[error("content type names no multipart boundary")]
    Boundary,
    /// A part begins with more than its headers may be.
    #[error("part headers are too long, limit {LARGEST_HEADERS} bytes")]
    Headers,
    /// Something stands between a boundary and the end of its line.
    #[error("multipart boundary is followed by other text")]
    Delimiter,
    /// The end of the body came before that of the last part.
    #[error("multipart body ends before its last boundary")]
    Truncated,
}

/// What comes next in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing before more of the body is pushed.
    NeedData,
    /// A part begins: its media type, empty where it has none.
    Part(String),
    /// Bytes of the part that has begun.
    Data(Bytes),
    /// The last part has ended.
    End,
}

/// A body of several parts, taken apart while it arrives. It keeps what was pushed and not yet
/// given, and no more.
#[derive(Debug)]
pub struct Reader {
    buffer: BytesMut,
    /// What ends a part: line break, two dashes, boundary.
    delimiter: Vec<u8>,
    state: State,
    /// Whether all of the body is here.
    whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// What comes before the first boundary is skipped.
    Preamble,
    /// Behind a boundary.
    Delimiter,
    /// In a part's headers, of which so many bytes are read: its media type so far.
    Headers(String, usize),
    /// In a part's bytes.
    Data,
    End,
}

/// What the reader does next.
enum Step {
    Give(Event),
    Go,
    /// For more of the body.
    Wait,
}

impl Reader {
    /// For the body of a request with this content type.
    ///
    /// # Errors
    /// [`MultipartError`] where it is not that of such a body.
    pub fn new(content_type: &str) -> Result<Self, MultipartError> {
        let boundary = boundary_of(content_type)?;
        Ok(Self {
            // The first delimiter has no line break before it where the body starts with it.
            buffer: BytesMut::from("\r\n"),
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            state: State::Preamble,
            whole: false,
        })
    }

    /// Takes more of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.state != State::End {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Says that all of the body is pushed.
    pub fn finish(&mut self) {
        self.whole = true;
    }

    /// What comes next.
    ///
    /// # Errors
    /// [`MultipartError`]: why there is no next.
    pub fn next_event(&mut self) -> Result<Event, MultipartError> {
        loop {
            match self.step()? {
                Step::Give(event) => return Ok(event),
                Step::Go => {}
                Step::Wait if self.whole => return Err(MultipartError::Truncated),
                Step::Wait => return Ok(Event::NeedData),
            }
        }
    }

    fn step(&mut self) -> Result<Step, MultipartError> {
        match self.state {
            State::Preamble => Ok(match self.data() {
                Step::Give(_) => Step::Go,
                step => step,
            }),
            State::Delimiter => self.behind_delimiter(),
            State::Headers(..) => self.header(),
            State::Data => Ok(self.data()),
            State::End => Ok(Step::Give(Event::End)),
        }
    }

    /// Gives bytes before the next delimiter; at it, goes behind it.
    fn data(&mut self) -> Step {
        if let Some(end) = memmem::find(&self.buffer, &self.delimiter) {
            if end > 0 {
                return Step::Give(Event::Data(self.buffer.split_to(end).freeze()));
            }
            let _ = self.buffer.split_to(self.delimiter.len());
            self.state = State::Delimiter;
            return Step::Go;
        }
        // A delimiter may have begun.
        match self.buffer.len().saturating_sub(self.delimiter.len()) {
            0 => Step::Wait,
            safe => Step::Give(Event::Data(self.buffer.split_to(safe).freeze())),
        }
    }

    /// Looks whether a part or nothing follows a delimiter.
    fn behind_delimiter(&mut self) -> Result<Step, MultipartError> {
        if self.buffer.starts_with(b"--") {
            self.state = State::End;
            self.buffer.clear();
            return Ok(Step::Go);
        }
        let Some(end) = memmem::find(&self.buffer, b"\r\n") else {
            return match self.buffer.len() > LARGEST_HEADERS {
                true => Err(MultipartError::Delimiter),
                false => Ok(Step::Wait),
            };
        };
        let padding = self.buffer.split_to(end);
        if !padding.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            return Err(MultipartError::Delimiter);
        }
        let _ = self.buffer.split_to(2);
        self.state = State::Headers(String::new(), 0);
        Ok(Step::Go)
    }

    /// Reads a line of headers; behind the last the part has begun.
    fn header(&mut self) -> Result<Step, MultipartError> {
        let State::Headers(content_type, read) = &mut self.state else {
            return Ok(Step::Go);
        };
        let line_end = memmem::find(&self.buffer, b"\r\n");
        let line = line_end.unwrap_or(self.buffer.len());
        if read.saturating_add(line) > LARGEST_HEADERS {
            return Err(MultipartError::Headers);
        }
        if line_end.is_none() {
            return Ok(Step::Wait);
        }
        if line == 0 {
            return Ok(self.begin_part());
        }
        *read = read.saturating_add(line).saturating_add(2);
        let text = self.buffer.split_to(line);
        let _ = self.buffer.split_to(2);
        let text = String::from_utf8_lossy(&text);
        if let Some((name, value)) = text.split_once(':')
            && name.trim().eq_ignore_ascii_case("content-type")
        {
            value.trim().clone_into(content_type);
        }
        Ok(Step::Go)
    }

    /// At the empty line behind a part's headers. The part may be empty: then its end starts
    /// with the line break of that line.
    fn begin_part(&mut self) -> Step {
        let have = self.buffer.len().min(self.delimiter.len());
        let may_end = self.delimiter.get(..have) == self.buffer.get(..have);
        if may_end && have < self.delimiter.len() && !self.whole {
            return Step::Wait;
        }
        if !may_end {
            let _ = self.buffer.split_to(2);
        }
        match std::mem::replace(&mut self.state, State::Data) {
            State::Headers(content_type, _) => Step::Give(Event::Part(content_type)),
            _ => Step::Go,
        }
    }
}

/// The boundary that a content type names.
fn boundary_of(content_type: &str) -> Result<String, MultipartError> {
    let kind: Mime = content_type.parse().map_err(|_| MultipartError::Boundary)?;
    if kind.essence_str() != "multipart/related" {
        return Err(MultipartError::NotRelated);
    }
    let boundary = kind.get_param(mime::BOUNDARY).map(|name| name.to_string());
    boundary
        .filter(|name| !name.is_empty() && name.len() <= LONGEST_BOUNDARY)
        .ok_or(MultipartError::Boundary)
}

/// A boundary that these bytes do not hold: the first number that does not stand behind the same
/// words in them. Found in one pass, whatever the bytes are.
pub(crate) fn boundary_outside(content: &[u8]) -> String {
    let taken: BTreeSet<u32> = memmem::find_iter(content, BOUNDARY)
        .filter_map(|at| {
            let start = at.checked_add(BOUNDARY.len())?;
            let digits = content.get(start..start.checked_add(DIGITS)?)?;
            u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
        })
        .collect();
    let mut free = 0_u32;
    for number in taken {
        if number != free {
            break;
        }
        free = free.wrapping_add(1);
    }
    format!("{BOUNDARY}{free:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/related; boundary=\"bound\"";

    /// The parts of a body that arrives in pieces of `step` bytes.
    fn parts(body: &[u8], step: usize) -> Result<Vec<(String, Vec<u8>)>, MultipartError> {
        let mut reader = Reader::new(TYPE)?;
        let mut pieces = body.chunks(step);
        let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
        loop {
            match reader.next_event()? {
                Event::NeedData => match pieces.next() {
                    Some(piece) => reader.push(piece),
                    None => reader.finish(),
                },
                Event::Part(content_type) => parts.push((content_type, Vec::new())),
                Event::Data(bytes) => parts.last_mut().unwrap().1.extend_from_slice(&bytes),
                Event::End => return Ok(parts),
            }
        }
    }

    #[test]
    fn parts_are_found_however_the_body_is_cut() {
        let body = b"--bound\r\nContent-Type: application/json\r\n\r\n{}\r\n--bound\r\ncontent-type: image/jpeg\r\n\r\n\r\n--boun\r\n\r\n--bound--\r\n";
        for step in 1..=body.len() {
            let found = parts(body, step).unwrap();
            assert_eq!(
                found,
                [
                    ("application/json".to_owned(), b"{}".to_vec()),
                    ("image/jpeg".to_owned(), b"\r\n--boun\r\n".to_vec()),
                ],
                "in pieces of {step}"
            );
        }
    }

    #[test]
    fn parts_may_be_empty() {
        for body in [
            &b"--bound\r\n\r\n\r\n--bound--"[..],
            &b"--bound\r\n\r\n--bound--\r\n"[..],
            &b"--bound \t\r\n\r\n--bound--\r\n"[..],
            &b"before\r\n--bound\r\n\r\n--bound--\r\nafter"[..],
        ] {
            let text = String::from_utf8_lossy(body).into_owned();
            for step in 1..=body.len() {
                let found = parts(body, step);
                assert_eq!(
                    found.unwrap(),
                    [(String::new(), Vec::new())],
                    "{text:?} {step}"
                );
            }
        }
    }

    #[test]
    fn a_body_without_end_is_refused_wherever_it_stops() {
        let whole = b"--bound\r\ncontent-type: a/b\r\n\r\nabc\r\n--bound--";
        for end in 0..whole.len() {
            let error = parts(&whole[..end], 7).unwrap_err();
            assert_eq!(error, MultipartError::Truncated, "{end}");
        }
        assert_eq!(parts(whole, 7).unwrap().len(), 1);
        assert!(parts(b"--other\r\n\r\nabc\r\n--other--", 7).is_err());
    }

    #[test]
    fn what_is_no_boundary_is_no_end() {
        assert_eq!(
            parts(b"--bound\r\n\r\nabc\r\n--boundary\r\n\r\n\r\n--bound--", 5),
            Err(MultipartError::Delimiter)
        );
        assert_eq!(
            parts(
                b"--bound\r\n\r\na--bound--b\n--bound\r--bound\r\n--bound--",
                5
            )
            .unwrap(),
            [(String::new(), b"a--bound--b\n--bound\r--bound".to_vec())]
        );
    }

    #[test]
    fn headers_have_a_limit() {
        let many = format!("--bound\r\n{}", "a: b\r\n".repeat(4000));
        let long = format!("--bound\r\na: {}", "b".repeat(20_000));
        let padded = format!("--bound{}", " ".repeat(20_000));
        for (body, error) in [
            (many, MultipartError::Headers),
            (long, MultipartError::Headers),
            (padded, MultipartError::Delimiter),
        ] {
            assert_eq!(parts(body.as_bytes(), 100), Err(error));
        }
    }

    #[test]
    fn content_types_name_a_boundary_or_are_refused() {
        let long = format!("multipart/related; boundary={}", "b".repeat(71));
        for (text, error) in [
            ("multipart/related", MultipartError::Boundary),
            ("multipart/related; boundary=", MultipartError::Boundary),
            ("multipart/related; boundary=\"\"", MultipartError::Boundary),
            (long.as_str(), MultipartError::Boundary),
            ("multipart/mixed; boundary=b", MultipartError::NotRelated),
            ("image/jpeg", MultipartError::NotRelated),
            ("", MultipartError::Boundary),
        ] {
            assert_eq!(Reader::new(text).unwrap_err(), error, "{text}");
        }
        for text in [
            "Multipart/Related; Boundary=b",
            "multipart/related; type=\"application/json\"; boundary=\"==1==\"",
            "multipart/related;boundary=b; charset=utf-8",
        ] {
            assert!(Reader::new(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_boundary_is_not_in_the_bytes() {
        assert_eq!(boundary_outside(b""), "framemill-part-00000000");
        let held: String = (0..300)
            .map(|i| format!("framemill-part-{i:08x}-"))
            .collect();
        assert_eq!(boundary_outside(held.as_bytes()), "framemill-part-0000012c");
        assert_eq!(
            boundary_outside(b"framemill-part-000"),
            "framemill-part-00000000"
        );
    }
}
