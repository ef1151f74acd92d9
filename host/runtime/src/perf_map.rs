//! Names of compiled functions for Linux perf. wasmtime's own way to write them
//! (`ProfilingStrategy::PerfMap`) comes with a feature that brings Intel's ittapi, C that is
//! compiled, and more; the compiled code names its functions without it.

use anyhow::Context as _;
use object::{File, Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};
use std::fmt::Write as _;

/// One line for each function of `image`, an ELF file that lies at the address `start`: its
/// address, its size and its name. See
/// <https://github.com/torvalds/linux/blob/master/tools/perf/Documentation/jit-interface.txt>.
///
/// # Errors
/// Where the image is no ELF file with code.
pub(super) fn lines(image: &[u8], start: u64) -> anyhow::Result<String> {
    let file = File::parse(image).context("compiled code cannot be read")?;
    let text = file.section_by_name(".text");
    let text = text.and_then(|text| text.file_range());
    let (text, _) = text.context("compiled code has no section .text")?;
    let code = start.saturating_add(text);
    let mut lines = String::new();
    for symbol in file.symbols() {
        let is_function = symbol.is_definition() && symbol.kind() == SymbolKind::Text;
        let (true, 1.., Ok(name)) = (is_function, symbol.size(), symbol.name()) else {
            continue;
        };
        let address = code.saturating_add(symbol.address());
        writeln!(lines, "{address:x} {:x} {}", symbol.size(), readable(name))?;
    }
    Ok(lines)
}

/// `wasm[0]::function[12]::_ZN…` with the Rust path that the last part stands for.
fn readable(name: &str) -> String {
    let (place, function) = name.rsplit_once("]::").unwrap_or(("", name));
    let whole = whole_parts(function);
    let function = rustc_demangle::demangle(whole.as_deref().unwrap_or(function));
    let function = format!("{function:#}");
    let name = match place {
        "" => function,
        place => format!("{place}]::{function}"),
    };
    name.replace(['\n', '\r'], "_")
}

/// wasmtime cuts long names, and what is cut has no meaning: the parts of a mangled path that are
/// whole, as a path of their own. `None` where it is no such path, or is whole.
fn whole_parts(name: &str) -> Option<String> {
    let path = name.strip_prefix("_ZN").filter(|it| !it.ends_with('E'))?;
    let mut rest = path;
    while let Some(end) = rest.find(|digit: char| !digit.is_ascii_digit()) {
        let (length, after) = rest.split_at_checked(end)?;
        let Some(next) = length
            .parse()
            .ok()
            .and_then(|length: usize| after.get(length..))
        else {
            break;
        };
        rest = next;
    }
    let whole = path.strip_suffix(rest).filter(|it| !it.is_empty())?;
    Some(format!("_ZN{whole}E"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_source() {
        let mangled = "wasm[0]::function[12]::_ZN4core3ptr4drop17h0123456789abcdefE";
        assert_eq!(readable(mangled), "wasm[0]::function[12]::core::ptr::drop");
        assert_eq!(readable("wasm[0]::function[13]"), "wasm[0]::function[13]");
        assert_eq!(readable("a\nb"), "a_b");
        for (cut, whole) in [
            (
                "_ZN4core3ptr28_$u7b$$u7b$closure$u7d$$u7d$17h01",
                "core::ptr::{{closure}}",
            ),
            ("_ZN4core3ptr28_$u7b$$u7b$clo", "core::ptr"),
            ("_ZN4core3ptr2", "core::ptr"),
            ("_ZN99core", "_ZN99core"),
            ("_ZN", "_ZN"),
        ] {
            assert_eq!(readable(cut), whole);
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for image in [&b""[..], b"no ELF", b"\x7fELF\x02\x01\x01"] {
            assert!(lines(image, 0).is_err());
        }
    }
}
