//! Markdown tables, row by row: what is measured is seen at once.

/// The head of a table: `texts` columns of words, then columns of numbers.
pub fn head(columns: &[&str], texts: usize) -> String {
    let rule = |at| if at < texts { "---" } else { "--:" };
    let rules: Vec<&str> = (0..columns.len()).map(rule).collect();
    format!("\n| {} |\n|{}|", columns.join(" | "), rules.join("|"))
}

/// One row.
pub fn row(cells: &[String]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// How many times `of` a value is; nothing, where there is nothing to compare with.
pub fn ratio(value: f64, of: f64) -> String {
    let ratio = value / of;
    match ratio.is_finite() && of > 0.0 {
        true => format!("{ratio:.2}"),
        false => "–".to_owned(),
    }
}

/// How much more a value is than `of`, in percent.
pub fn more(value: f64, of: f64) -> String {
    let percent = (value / of - 1.0) * 100.0;
    match percent.is_finite() && of > 0.0 {
        true => format!("{percent:+.1} %"),
        false => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let head = head(&["clip", "ms", "÷ ffmpeg"], 1);
        assert_eq!(head, "\n| clip | ms | ÷ ffmpeg |\n|---|--:|--:|");
        let row = row(&["x".to_owned(), "1.5".to_owned(), ratio(3.0, 2.0)]);
        assert_eq!(row, "| x | 1.5 | 1.50 |");
    }

    #[test]
    fn nothing_is_compared_with_nothing() {
        for (value, of) in [(1.0, 0.0), (0.0, 0.0), (f64::NAN, 1.0), (1.0, -1.0)] {
            assert_eq!(
                (ratio(value, of), more(value, of)),
                ("–".into(), "–".into())
            );
        }
        assert_eq!(
            (more(103.0, 100.0), more(98.5, 100.0)),
            ("+3.0 %".into(), "-1.5 %".into())
        );
    }
}
