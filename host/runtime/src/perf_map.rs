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
    let function = format!("{:#}", rustc_demangle::demangle(function));
    let name = match place {
        "" => function,
        place => format!("{place}]::{function}"),
    };
    name.replace(['\n', '\r'], "_")
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
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for image in [&b""[..], b"no ELF", b"\x7fELF\x02\x01\x01"] {
            assert!(lines(image, 0).is_err());
        }
    }
}
