//! Bodies that may not be larger than a limit, and bodies on their way to the objects and back.

use bytes::Bytes;
use framemill_contract::SizeLimits;
use framemill_objects::{Body as ObjectBody, BodyError};
use http::{HeaderMap, header};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use std::pin::Pin;
use std::task::{Context, Poll};
use wasmtime_wasi_http::{Error, WasiBody as Body};

/// The error of a body that is too large, from its limit.
pub(super) type TooLarge = fn(Option<u64>) -> Error;

/// Lets `most` bytes of a body pass as they come; then it ends with an error. A length that is
/// announced is judged at once.
///
/// # Errors
/// Where the announced length is too large.
pub(super) fn capped(
    body: Body,
    headers: &HeaderMap,
    most: Option<u64>,
    too_large: TooLarge,
) -> Result<Body, Error> {
    let Some(most) = most else {
        return Ok(body);
    };
    let announced = headers.get(header::CONTENT_LENGTH);
    let announced = announced
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .unwrap_or_else(|| http_body::Body::size_hint(&body).lower());
    if announced > most {
        return Err(said(too_large, most));
    }
    let capped = Capped {
        body,
        most,
        left: most,
        too_large,
    };
    Ok(capped.boxed_unsync())
}

fn said(too_large: TooLarge, most: u64) -> Error {
    let error = too_large(Some(most));
    tracing::warn!(
        "{error}: {} MiB is the most that these limits let through: ask for less at once, or lower segment_budget",
        most >> 20
    );
    error
}

struct Capped {
    body: Body,
    most: u64,
    left: u64,
    too_large: TooLarge,
}

impl http_body::Body for Capped {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            match self.left.checked_sub(data.len() as u64) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err(said(self.too_large, self.most)))),
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body that is there whole.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A component's body, as the gateway reads it.
pub(super) fn to_objects(body: Body) -> ObjectBody {
    body.map_err(|error| match error {
        Error::HttpRequestBodySize(Some(limit)) => BodyError::TooLarge { limit },
        error => BodyError::Ended(error.to_string()),
    })
    .boxed_unsync()
}

/// The body of a gateway's answer, as a component reads it.
pub(super) fn from_objects(body: ObjectBody) -> Body {
    body.map_err(|error| match error {
        BodyError::TooLarge { limit } => Error::HttpResponseBodySize(Some(limit)),
        BodyError::Ended(_) => Error::ConnectionTerminated,
    })
    .boxed_unsync()
}

/// Why a body is not there whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("it is over {0} bytes")]
    TooLarge(u64),
    #[error("{0}")]
    Off(Error),
}

impl From<Broken> for Error {
    /// Of a request's body.
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::TooLarge(most) => said(Self::HttpRequestBodySize, most),
            Broken::Off(error) => error,
        }
    }
}

/// The whole of a body that is held in memory: of a request to a component, or of its answer.
/// Objects do not pass here.
pub(super) async fn whole(body: Body, most: Option<u64>) -> Result<Bytes, Broken> {
    let most = SizeLimits::STANDARD.with_bodies_of(most).body;
    let limit = usize::try_from(most).unwrap_or(usize::MAX);
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Broken::TooLarge(most)),
        Err(error) => Err(Broken::Off(match error.downcast() {
            Ok(error) => *error,
            Err(error) => Error::InternalError(Some(error.to_string())),
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use http_body_util::StreamBody;
    use http_body_util::combinators::UnsyncBoxBody;

    fn chunks(sizes: &'static [usize]) -> Body {
        let frames = futures::stream::iter(sizes)
            .map(|size| Ok(Frame::data(Bytes::from(vec![0_u8; *size]))));
        StreamBody::new(frames).boxed_unsync()
    }

    fn broken<E: Send + 'static>(error: E) -> UnsyncBoxBody<Bytes, E> {
        let frames = futures::stream::iter([Err::<Frame<Bytes>, E>(error)]);
        StreamBody::new(frames).boxed_unsync()
    }

    #[tokio::test]
    async fn bodies_end_at_their_limit() {
        let cap = |body, most| {
            let headers = HeaderMap::new();
            capped(body, &headers, most, Error::HttpResponseBodySize)
        };
        let fits = cap(chunks(&[3, 3, 4]), Some(10)).unwrap();
        assert_eq!(fits.collect().await.unwrap().to_bytes().len(), 10);
        let over = cap(chunks(&[3, 3, 5]), Some(10)).unwrap();
        let error = over.collect().await.unwrap_err();
        assert!(
            matches!(error, Error::HttpResponseBodySize(Some(10))),
            "{error}"
        );
        assert!(cap(chunks(&[11]), None).is_ok());
        let known = full(vec![0_u8; 11]);
        assert!(cap(known, Some(10)).is_err());
    }

    #[tokio::test]
    async fn errors_keep_their_meaning_on_the_way_to_the_objects_and_back() {
        let headers = HeaderMap::new();
        let limited = capped(chunks(&[3]), &headers, Some(2), Error::HttpRequestBodySize);
        let to = to_objects(limited.unwrap()).collect().await.unwrap_err();
        assert_eq!(to, BodyError::TooLarge { limit: 2 });
        let to = to_objects(broken(Error::ConnectionTerminated));
        let to = to.collect().await.unwrap_err();
        assert!(matches!(to, BodyError::Ended(_)), "{to}");
        let back = from_objects(broken(to));
        let back = back.collect().await.unwrap_err();
        assert!(matches!(back, Error::ConnectionTerminated), "{back}");
    }

    #[tokio::test]
    async fn an_announced_length_is_judged_at_once() {
        let headers = HeaderMap::from_iter([(header::CONTENT_LENGTH, 11.into())]);
        let judged = capped(chunks(&[1]), &headers, Some(10), Error::HttpRequestBodySize);
        assert!(judged.is_err());
    }

    #[tokio::test]
    async fn what_is_held_has_a_limit() {
        assert_eq!(whole(chunks(&[3, 7]), Some(10)).await.unwrap().len(), 10);
        let error = whole(chunks(&[3, 8]), Some(10)).await.unwrap_err();
        assert!(matches!(error, Broken::TooLarge(10)), "{error}");
    }
}
