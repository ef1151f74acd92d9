//! Text from outside as people may see it.

use std::fmt::{self, Write as _};

/// Whether a character could pass one text off as another: it begins a line, moves the cursor, or
/// turns the direction of what follows.
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text on one line, with control characters, line separators and marks of direction escaped: names
/// of objects may hold anything.
#[derive(Clone, Copy, Debug)]
pub struct Printable<T>(pub T);

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(deceives) {
            match part.chars().next_back() {
                Some(last) if deceives(last) => {
                    let before = part.len() - last.len_utf8();
                    self.0.write_str(part.get(..before).unwrap_or_default())?;
                    write!(self.0, "{}", last.escape_default())?;
                }
                _ => self.0.write_str(part)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_on_their_line() {
        for (name, shown) in [
            ("videos/a b/ü.mp4", "videos/a b/ü.mp4"),
            ("a\nerror: b", "a\\nerror: b"),
            ("\r\t\u{1b}[2J\0\u{7f}", "\\r\\t\\u{1b}[2J\\u{0}\\u{7f}"),
            ("\u{85}\u{9b}2J", "\\u{85}\\u{9b}2J"),
            ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"),
            ("\u{202e}4pm.x", "\\u{202e}4pm.x"),
            ("C:\\new", "C:\\new"),
        ] {
            assert_eq!(Printable(name).to_string(), shown);
        }
    }
}
