//! Modules depend on each other in one direction: no file uses one that uses it, directly or
//! through others.

use super::resolve::Resolver;
use super::source_tree::Crate;
use crate::workspace::shown;
use anyhow::{Result, ensure};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

/// For each file the files that it uses, each with a path in its code that shows it.
type Graph = BTreeMap<usize, BTreeMap<usize, String>>;

/// Every cycle in these crates, as a path that ends where it begins.
pub fn check(root: &Path, crates: &[Crate]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut files = 0;
    for tree in crates {
        ensure!(
            !tree.files.is_empty(),
            "{} has no source file: its modules were not checked",
            tree.package
        );
        files += tree.files.len();
        let graph = graph(tree);
        for cycle in cycles(&graph) {
            findings.push(told(root, tree, &graph, &cycle));
        }
    }
    ensure!(files > 0, "no crate to check: no cycle was looked for");
    if findings.is_empty() {
        eprintln!(
            "cycles: none between {files} files of {} crates",
            crates.len()
        );
    }
    Ok(findings)
}

fn graph(tree: &Crate) -> Graph {
    let mut graph = Graph::new();
    let mut resolver = Resolver::new(tree);
    for (number, module) in tree.modules.iter().enumerate() {
        for reference in &module.references {
            for file in resolver.used(number, reference) {
                if file != module.file {
                    let uses = graph.entry(module.file).or_default();
                    uses.entry(file).or_insert_with(|| reference.shown());
                }
            }
        }
    }
    graph
}

/// Cycles of which no two share a step, the shortest first: for each use the shortest cycle that
/// it is part of, but not those that break when a step of another is mended.
fn cycles(graph: &Graph) -> Vec<Vec<usize>> {
    let mut all = BTreeSet::new();
    for (from, uses) in graph {
        for to in uses.keys() {
            if let Some(cycle) = way(graph, *to, *from) {
                all.insert((cycle.len(), from_smallest(cycle)));
            }
        }
    }
    let mut taken = BTreeSet::new();
    let mut found = Vec::new();
    for (_, cycle) in all {
        let steps: Vec<[usize; 2]> = steps(&cycle).collect();
        if steps.iter().all(|step| !taken.contains(step)) {
            taken.extend(steps);
            found.push(cycle);
        }
    }
    found
}

/// The same cycle, begun at its smallest file.
fn from_smallest(mut cycle: Vec<usize>) -> Vec<usize> {
    let first = cycle.iter().enumerate().min_by_key(|(_, file)| **file);
    let first = first.map_or(0, |(at, _)| at);
    cycle.rotate_left(first);
    cycle
}

/// From each file of a cycle to the next, the last of them back to the first.
fn steps(cycle: &[usize]) -> impl Iterator<Item = [usize; 2]> {
    let next = cycle.iter().cycle().skip(1);
    cycle.iter().zip(next).map(|(from, to)| [*from, *to])
}

/// The shortest way from one file to another.
fn way(graph: &Graph, from: usize, to: usize) -> Option<Vec<usize>> {
    let mut before = BTreeMap::from([(from, from)]);
    let mut next = VecDeque::from([from]);
    while let Some(file) = next.pop_front() {
        if file == to {
            let mut way = vec![to];
            let mut at = to;
            while at != from {
                at = before[&at];
                way.push(at);
            }
            way.reverse();
            return Some(way);
        }
        for used in graph.get(&file).into_iter().flat_map(BTreeMap::keys) {
            if !before.contains_key(used) {
                before.insert(*used, file);
                next.push_back(*used);
            }
        }
    }
    None
}

/// `a.rs -> b.rs -> a.rs`, and what is used of each.
fn told(root: &Path, tree: &Crate, graph: &Graph, cycle: &[usize]) -> String {
    let name = |file: usize| shown(root, &tree.files[file]);
    let closed = cycle.iter().chain(cycle.first());
    let names: Vec<String> = closed.map(|file| name(*file)).collect();
    let mut text = format!("modules in a circle: {}", names.join(" -> "));
    for [from, to] in steps(cycle) {
        text.push_str(&format!("\n    {} uses {}", name(from), graph[&from][&to]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// The cycles of a crate with these files.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let tree = Crate::parse("it", &folder.path().join(files[0].0)).unwrap();
        let found = check(folder.path(), &[tree]).unwrap();
        let shown = |finding: String| {
            let line = finding.lines().next().unwrap().to_owned();
            line.trim_start_matches("modules in a circle: ").to_owned()
        };
        found.into_iter().map(shown).collect()
    }

    #[test]
    fn a_tree_has_no_cycle() {
        let none: [&str; 0] = [];
        assert_eq!(
            found(&[
                ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
                (
                    "a.rs",
                    "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }"
                ),
                ("b.rs", "pub mod c; use super::A; pub struct B(A);"),
                ("b/c.rs", "use crate::a::A; pub fn c() -> A { A }"),
            ]),
            none
        );
    }

    #[test]
    fn siblings_that_use_each_other_are_a_cycle() {
        assert_eq!(
            found(&[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "use crate::b::B; pub struct A(B);"),
                ("b.rs", "use super::a; pub struct B(Box<a::A>);"),
            ]),
            ["a.rs -> b.rs -> a.rs"]
        );
    }

    #[test]
    fn a_cycle_over_three_files_is_told_once() {
        assert_eq!(
            found(&[
                ("lib.rs", "mod a; mod b; mod c;"),
                ("a.rs", "pub fn a() { crate::b::b() }"),
                ("b.rs", "pub fn b() { crate::c::c() }"),
                ("c.rs", "pub fn c() { crate::a::a() }"),
            ]),
            ["a.rs -> b.rs -> c.rs -> a.rs"]
        );
    }

    /// `use super::B` in a.rs is a use of b.rs, where B is defined.
    #[test]
    fn re_exports_lead_to_the_file_that_defines() {
        assert_eq!(
            found(&[
                (
                    "lib.rs",
                    "mod a; mod b; pub use b::B as C; pub use inner::*; mod inner;"
                ),
                ("a.rs", "use super::C; pub struct A(C);"),
                ("b.rs", "use crate::D; pub struct B(D);"),
                ("inner.rs", "pub use self::deep::D; mod deep;"),
                ("inner/deep.rs", "pub struct D(crate::a::A);"),
            ]),
            ["a.rs -> b.rs -> inner/deep.rs -> a.rs"]
        );
    }

    #[test]
    fn items_of_the_parent_and_of_its_child_are_a_cycle() {
        let uses = ("lib.rs", "mod a; pub struct P; fn open() { a::A::new(); }");
        assert_eq!(
            found(&[uses, ("a.rs", "use super::P; pub struct A(P);")]),
            ["lib.rs -> a.rs -> lib.rs"]
        );
        // Through an import of the parent, which the child does not see.
        let imports = ("lib.rs", "mod a; use a::A; pub struct P; fn open(a: A) {}");
        assert_eq!(
            found(&[imports, ("a.rs", "pub struct A(super::P);")]),
            ["lib.rs -> a.rs -> lib.rs"]
        );
        // The re-export alone only makes the tree, its use in code is one.
        let exports = "mod a; pub use a::A; pub struct P;";
        let child = ("a.rs", "pub struct A(super::P);");
        assert_eq!(found(&[("lib.rs", exports), child]).len(), 0);
        let used = format!("{exports} fn open(_: A) {{}}");
        assert_eq!(found(&[("lib.rs", &used), child]).len(), 1);
    }

    #[test]
    fn re_exports_of_what_is_not_below_are_uses() {
        assert_eq!(
            found(&[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", "pub use super::b::B; pub struct A;"),
                ("b.rs", "pub struct B(super::a::A);"),
            ]),
            ["a.rs -> b.rs -> a.rs"]
        );
    }

    #[test]
    fn uses_in_macros_attributes_and_blocks_count() {
        for body in [
            "fn f() { println!(\"{}\", crate::a::A); }",
            "#[serde(with = \"crate::a::A\")] struct S;",
            "#[arg(value_parser = crate::a::A)] struct S;",
            "fn f() { use super::a as other; other::A; }",
            "fn f() { match 1 { crate::a::A => 1 } }",
            "impl super::a::A {}",
            "macro_rules! m { () => { $crate::a::A } }",
            "use super::a::*;",
            "mod inner { fn f() { super::super::a::A; } }",
        ] {
            let b = format!("pub struct B; {body}");
            let lib = ("lib.rs", "mod a; mod b;");
            let a = ("a.rs", "pub struct A; fn f(b: crate::b::B) {}");
            assert_eq!(found(&[lib, a, ("b.rs", &b)]).len(), 1, "{body}");
        }
    }

    #[test]
    fn what_only_looks_like_a_use_does_not_count() {
        for body in [
            "#[cfg(test)] use super::a::A;",
            "#[cfg(all(unix, test))] mod t { use crate::a::A; }",
            "#[test] fn f() { crate::a::A; }",
            "/// [`crate::a::A`]\nfn f() { \"crate::a::A\"; }",
            "pub(in crate::a) fn f() {}",
            "use super::a as other;",
            "fn f(a: u8) -> u8 { a }",
            "fn f() { x!(s.A, A: 1) }",
            "use std::a::A;",
            "fn f() { ::a::A; }",
        ] {
            let b = format!("pub struct B; {body}");
            let lib = ("lib.rs", "pub mod a; pub mod b;");
            let a = ("a.rs", "pub struct A; fn f(b: crate::b::B) {}");
            assert_eq!(found(&[lib, a, ("b.rs", &b)]).len(), 0, "{body}");
        }
    }

    /// A function that takes a variable named as a re-exported function does not call it.
    #[test]
    fn variables_are_no_items() {
        let child = ("a.rs", "pub fn names(p: super::P) {}");
        let lib = "mod a; pub use a::names; pub struct P;";
        let shadowed = format!("{lib} fn f() {{ let names = 1; g(names); }}");
        assert_eq!(found(&[("lib.rs", &shadowed), child]).len(), 0);
        let called = format!("{lib} fn f() {{ names(P); }}");
        assert_eq!(found(&[("lib.rs", &called), child]).len(), 1);
    }

    #[test]
    fn macros_by_text_and_what_macros_make_are_uses() {
        assert_eq!(
            found(&[
                ("lib.rs", "#[macro_use] mod a; mod b;"),
                ("a.rs", "macro_rules! keys { () => {} } use crate::b::Made;"),
                ("b.rs", "keys! { Made }"),
            ]),
            ["a.rs -> b.rs -> a.rs"]
        );
    }

    #[test]
    fn a_missing_subject_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check(folder.path(), &[]).is_err());
        let root = folder.path().join("lib.rs");
        assert!(Crate::parse("it", &root).is_err());
        for broken in ["mod gone;", "fn", "#[path = \"b.rs\"] mod a;"] {
            fs::write(&root, broken).unwrap();
            assert!(Crate::parse("it", &root).is_err(), "{broken}");
        }
    }
}
