//! What `perf report` prints, summed up by parts of framemill.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A function, and how much of all samples were in it, in percent.
#[derive(Clone, Debug, PartialEq)]
pub struct Symbol {
    /// Percent.
    pub percent: f64,
    /// Where its code is.
    pub part: Part,
    /// Its name, without numbers of modules and functions.
    pub name: String,
}

/// Where code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The component, compiled at run time.
    Component,
    /// The host's own binary.
    Host,
    /// The system: kernel and libraries.
    System,
}

impl Part {
    fn of(object: &str, program: &str) -> Self {
        match object {
            _ if object.starts_with("[JIT]") => Self::Component,
            _ if object == program => Self::Host,
            _ => Self::System,
        }
    }

    /// For a person.
    pub fn name(self) -> &'static str {
        match self {
            Self::Component => "component",
            Self::Host => "host",
            Self::System => "system",
        }
    }
}

/// Lines of `perf report --fields overhead,dso,symbol`, separated by tabs.
pub fn symbols(report: &str, program: &str) -> Vec<Symbol> {
    let lines = report.lines().filter_map(|line| symbol(line, program));
    let mut symbols: Vec<Symbol> = lines.collect();
    symbols.sort_by(|a, b| b.percent.total_cmp(&a.percent));
    symbols
}

fn symbol(line: &str, program: &str) -> Option<Symbol> {
    let mut fields = line.split('\t').map(str::trim);
    let percent = fields.next()?.strip_suffix('%')?.parse().ok()?;
    let part = Part::of(fields.next()?, program);
    // `[.]` in front: the level of privilege.
    let name = fields.next()?;
    let name = name.split_once("] ").map_or(name, |(_, name)| name);
    Some(Symbol {
        percent,
        part,
        name: bare(name).to_owned(),
    })
}

/// The processes whose perf maps the report read: it calls what it found in one `[JIT] tid PID`.
pub fn mapped(report: &str) -> Vec<u32> {
    let object = |line: &str| {
        line.split('\t')
            .nth(1)?
            .trim()
            .strip_prefix("[JIT] tid ")?
            .parse()
            .ok()
    };
    let mut processes: Vec<u32> = report.lines().filter_map(object).collect();
    processes.sort_unstable();
    processes.dedup();
    processes
}

/// `wasm[0]::function[12]::x::y` is `x::y`.
fn bare(name: &str) -> &str {
    let Some(rest) = name.strip_prefix("wasm[") else {
        return name;
    };
    let function = rest.split_once("]::function[");
    let named = function.and_then(|(_, rest)| rest.split_once("]::"));
    named.map_or(name, |(_, name)| name)
}

/// The crate that a Rust function is of: the first word of its path, also within `<… as …>`.
fn owner(symbol: &Symbol) -> &str {
    if symbol.part == Part::System {
        return symbol.part.name();
    }
    let word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let name = symbol.name.trim_start_matches(|letter| !word(letter));
    let end = name.find(|letter| !word(letter)).unwrap_or(name.len());
    let (first, rest) = name.split_at(end);
    match rest.starts_with("::") {
        true => first,
        // A C function, or one without a path.
        false => "other",
    }
}

/// Percent by something, the most first.
fn sums<K: Ord>(symbols: &[Symbol], by: impl Fn(&Symbol) -> K) -> Vec<(K, f64)> {
    let mut sums = BTreeMap::new();
    for symbol in symbols {
        *sums.entry(by(symbol)).or_insert(0.0) += symbol.percent;
    }
    let mut sums: Vec<(K, f64)> = sums.into_iter().collect();
    sums.sort_by(|a, b| b.1.total_cmp(&a.1));
    sums
}

/// Percent by crate, the most first.
pub fn crates(symbols: &[Symbol]) -> Vec<((Part, String), f64)> {
    sums(symbols, |symbol| (symbol.part, owner(symbol).to_owned()))
}

/// A text with all of it: parts, crates, the first functions.
pub fn summary(title: &str, symbols: &[Symbol], most: usize) -> String {
    let mut text = format!("{title}\n\nparts\n");
    let line = |text: &mut String, percent: f64, part: &str, name: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{percent:6.2} %  {part:9}  {name}");
    };
    for (part, percent) in sums(symbols, |symbol| symbol.part) {
        line(&mut text, percent, part.name(), "");
    }
    text.push_str("\ncrates\n");
    for ((part, name), percent) in crates(symbols).iter().take(most) {
        line(&mut text, *percent, part.name(), name);
    }
    text.push_str("\nfunctions\n");
    for symbol in symbols.iter().take(most) {
        line(&mut text, symbol.percent, symbol.part.name(), &symbol.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
# Samples: 244  of event 'cpu-clock'
#
# Overhead\tShared Object\tSymbol\tIPC   [IPC Coverage]
 4.50%\t[JIT] tid 12\t[.] wasm[0]::function[12]::<h264::Slice as core::ops::Drop>::drop\t-
20.00%\t[JIT] tid 12\t[.] wasm[0]::function[7]::h264::idct::add\t-      -
10.00%\t[JIT] tid 12\t[.] wasm[0]::function[8]\t-      -
 5.00%\tframemill\t[.] crc32c::append\t-      -
 1.00%\t[kernel.kallsyms]\t[k] clear_page\t-      -
 0.50%\tlibc.so.6\t[.] memcpy\t-      -

#
# (Tip: 100% of it)
";

    #[test]
    fn functions_have_their_part_and_their_plain_name() {
        let symbols = symbols(REPORT, "framemill");
        let told: Vec<_> = symbols
            .iter()
            .map(|it| (it.percent, it.part.name(), it.name.as_str()))
            .collect();
        let expected = [
            (20.0, "component", "h264::idct::add"),
            (10.0, "component", "wasm[0]::function[8]"),
            (5.0, "host", "crc32c::append"),
            (4.5, "component", "<h264::Slice as core::ops::Drop>::drop"),
            (1.0, "system", "clear_page"),
            (0.5, "system", "memcpy"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn maps_are_of_the_processes_that_ran() {
        assert_eq!(mapped(REPORT), [12]);
        assert!(mapped("1.00%\tperf-12.map\t[.] x\n").is_empty());
    }

    #[test]
    fn crates_are_summed_up() {
        let crates = crates(&symbols(REPORT, "framemill"));
        let told: Vec<_> = crates
            .iter()
            .map(|((_, name), percent)| (name.as_str(), *percent))
            .collect();
        let expected = [
            ("h264", 24.5),
            ("other", 10.0),
            ("crc32c", 5.0),
            ("system", 1.5),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn the_summary_names_the_first() {
        let text = summary("clip", &symbols(REPORT, "framemill"), 2);
        assert!(
            text.starts_with("clip\n\nparts\n 34.50 %  component"),
            "{text}"
        );
        assert!(
            text.contains(" 20.00 %  component  h264::idct::add\n"),
            "{text}"
        );
        assert!(!text.contains("crc32c::append"), "{text}");
    }
}
