//! Texts with keys in them: `{manifest_path}{stem}.json`.

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// The value of this key.
    Key(&'a str),
}

/// The pieces of a template. A brace that is not closed is text.
pub(crate) fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = rest.strip_prefix('{').and_then(|open| open.split_once('}')) {
            rest = after;
            return Some(Piece::Key(name));
        }
        // A brace at the start that opens nothing is text, up to the next one.
        let skipped = usize::from(rest.starts_with('{'));
        let end = rest
            .get(skipped..)
            .and_then(|tail| tail.find('{'))
            .map_or(rest.len(), |at| at.saturating_add(skipped));
        let (text, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Text(text))
    })
}

/// The template with each key replaced by what `value` gives for it.
pub(crate) fn expand(template: &str, value: impl Fn(&str) -> String) -> String {
    pieces(template)
        .map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Key(key) => value(key),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_filled_in() {
        let value = |key: &str| format!("<{key}>");
        for (template, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{a}", "<a>"),
            ("x{a}y{b}", "x<a>y<b>"),
            ("{open", "{open"),
            ("a{b}{", "a<b>{"),
        ] {
            assert_eq!(expand(template, value), expected, "{template}");
        }
    }
}
