//! Values of the attributes that are set on dead letters.

/// What an attribute can hold, bytes: see <https://cloud.google.com/pubsub/quotas>.
const LONGEST_VALUE: usize = 1024;

/// As much of a text as an attribute can hold.
pub(super) fn value(text: &str) -> String {
    let mut end = text.len().min(LONGEST_VALUE);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(value("short"), "short");
        let long = "é".repeat(1000);
        assert_eq!(value(&long).len(), 1024);
        assert_eq!(value(&format!("x{long}")).len(), 1023);
    }
}
