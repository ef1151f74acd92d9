//! `multipart/related` bodies, read as they come.

use super::{ByteStream, StoreError};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

const MOST_HEADERS: usize = 16 * 1024;

/// A body of several parts. Read a part to its end before the next.
pub(super) struct Multipart {
    body: ByteStream,
    buffer: BytesMut,
    /// What ends a part: line break, two dashes, boundary.
    delimiter: Vec<u8>,
    /// Whether the delimiter that ends the current part is still to come.
    in_part: bool,
}

impl Multipart {
    /// From a request's content type and body.
    ///
    /// # Errors
    /// Where the content type names no boundary.
    pub(super) fn new(content_type: &str, body: ByteStream) -> Result<Self, StoreError> {
        let boundary = content_type
            .split(';')
            .filter_map(|parameter| parameter.trim().split_once('='))
            .find(|(name, _)| name.eq_ignore_ascii_case("boundary"))
            .map(|(_, value)| value.trim_matches('"'))
            .filter(|boundary| !boundary.is_empty() && boundary.len() <= 70)
            .ok_or_else(|| invalid("content type names no multipart boundary"))?;
        Ok(Self {
            body,
            // The first delimiter has no line break before it where the body starts with it.
            buffer: BytesMut::from("\r\n"),
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            // What comes before the first boundary is skipped like a part.
            in_part: true,
        })
    }

    /// Skips to the next part and gives its content type, empty where it has none; `None` at
    /// the end.
    pub(super) async fn next_part(&mut self) -> Result<Option<String>, StoreError> {
        while self.chunk().await?.is_some() {}
        // What follows the last boundary may be nothing at all, not even a line break.
        while self.buffer.len() < 2 {
            self.more().await?;
        }
        if self.buffer.starts_with(b"--") {
            return Ok(None);
        }
        self.line().await?;
        let mut content_type = String::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                // The part may be empty: its end starts with the line break just taken.
                self.in_part = true;
                return Ok(Some(content_type));
            }
            let line = String::from_utf8_lossy(&line);
            if let Some((name, value)) = line.split_once(':')
                && name.trim().eq_ignore_ascii_case("content-type")
            {
                value.trim().clone_into(&mut content_type);
            }
        }
    }

    /// The next bytes of the current part; `None` at its end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, StoreError> {
        while self.in_part {
            if let Some(end) = memchr::memmem::find(&self.buffer, &self.delimiter) {
                let last = self.buffer.split_to(end).freeze();
                let _ = self.buffer.split_to(self.delimiter.len());
                self.in_part = false;
                return Ok((!last.is_empty()).then_some(last));
            }
            let safe = self.buffer.len().saturating_sub(self.delimiter.len());
            if safe > 0 {
                return Ok(Some(self.buffer.split_to(safe).freeze()));
            }
            self.more().await?;
        }
        Ok(None)
    }

    /// All of the current part.
    pub(super) async fn text(&mut self, limit: usize) -> Result<Vec<u8>, StoreError> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if all.len().saturating_add(chunk.len()) > limit {
                return Err(invalid("metadata part is too long"));
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }

    /// The current part as a stream.
    pub(super) fn into_stream(self) -> ByteStream {
        futures::stream::try_unfold(self, |mut parts| async move {
            Ok(parts.chunk().await?.map(|chunk| (chunk, parts)))
        })
        .boxed()
    }

    async fn line(&mut self) -> Result<Bytes, StoreError> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n") {
                let line = self.buffer.split_to(end).freeze();
                // An empty part's end starts with the line break that ends its headers.
                let keep = line.is_empty() && self.starts_with_delimiter().await?;
                if !keep {
                    let _ = self.buffer.split_to(2);
                }
                return Ok(line);
            }
            if self.buffer.len() > MOST_HEADERS {
                return Err(invalid("part headers are too long"));
            }
            self.more().await?;
        }
    }

    async fn starts_with_delimiter(&mut self) -> Result<bool, StoreError> {
        while self.buffer.len() < self.delimiter.len() {
            let have = self.buffer.len();
            if self.delimiter.get(..have) != self.buffer.get(..have) {
                return Ok(false);
            }
            self.more().await?;
        }
        Ok(self.buffer.starts_with(&self.delimiter))
    }

    async fn more(&mut self) -> Result<(), StoreError> {
        match self.body.next().await {
            Some(bytes) => {
                self.buffer.extend_from_slice(&bytes?);
                Ok(())
            }
            None => Err(invalid("multipart body ends before its last boundary")),
        }
    }
}

fn invalid(reason: &str) -> StoreError {
    StoreError::Invalid(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts of a body that arrives in pieces of `step` bytes.
    async fn parts(body: &[u8], step: usize) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let pieces: Vec<_> = body
            .chunks(step)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        let body = futures::stream::iter(pieces).boxed();
        let mut multipart = Multipart::new("multipart/related; boundary=\"bound\"", body)?;
        let mut parts = Vec::new();
        while let Some(content_type) = multipart.next_part().await? {
            parts.push((content_type, multipart.text(1000).await?));
        }
        Ok(parts)
    }

    #[tokio::test]
    async fn parts_are_found_however_the_body_is_cut() {
        let body = b"--bound\r\nContent-Type: application/json\r\n\r\n{}\r\n--bound\r\ncontent-type: image/jpeg\r\n\r\n\r\n--boun\r\n\r\n--bound--\r\n";
        for step in 1..=body.len() {
            let found = parts(body, step).await.unwrap();
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

    #[tokio::test]
    async fn parts_may_be_empty() {
        for body in [
            &b"--bound\r\n\r\n\r\n--bound--"[..],
            &b"--bound\r\n\r\n--bound--\r\n"[..],
        ] {
            let found = parts(body, 3).await;
            let text = String::from_utf8_lossy(body).into_owned();
            assert_eq!(found.unwrap(), [(String::new(), Vec::new())], "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_body_without_end_is_refused() {
        for body in [
            &b"--bound\r\n\r\nabc"[..],
            b"",
            b"--other\r\n\r\nabc\r\n--other--",
        ] {
            assert!(parts(body, 7).await.is_err());
        }
    }
}
