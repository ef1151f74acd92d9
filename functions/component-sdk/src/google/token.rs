//! A token of Google's, wherever it comes from.

/// Most characters of a token.
const LONGEST: usize = 16 << 10;
/// Seconds before its end from which a token is renewed.
pub(super) const MARGIN: u64 = 60;

/// A token and the second after which it is not sent any more.
pub(super) struct Token {
    pub(super) text: String,
    pub(super) until: u64,
}

/// A token goes into a header as it is.
pub(super) fn is_token(text: &str) -> bool {
    let fits = text.bytes().all(|byte| byte.is_ascii_graphic());
    fits && !text.is_empty() && text.len() <= LONGEST
}
