//! `cargo xtask check-docs`: every link in the documents leads to something in the repository, and
//! the README is short.

use crate::sh;
use anyhow::{Context, Result, bail, ensure};
use pulldown_cmark::{BrokenLink, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of the README, at most: what a newcomer reads before the first command.
const README_LIMIT: usize = 8 << 10;

/// Fails with every link that leads nowhere.
pub fn check() -> Result<()> {
    let findings = findings(&sh::root())?;
    if findings.is_empty() {
        return Ok(());
    }
    bail!("documents:\n- {}", findings.join("\n- "));
}

fn findings(root: &Path) -> Result<Vec<String>> {
    let root = &fs::canonicalize(root)?;
    let known = known_paths(root)?;
    let mut documents = BTreeMap::new();
    for path in sh::repository_files(root, "*.md")? {
        let document = Document::parse(&sh::read(&path)?);
        documents.insert(path, document);
    }
    let readme = documents.get(&root.join("README.md"));
    let readme = readme.context("no README.md: the documents were not checked")?;
    let mut findings = Vec::new();
    if readme.bytes > README_LIMIT {
        findings.push(format!(
            "README.md has {} bytes, limit {README_LIMIT}: move detail to docs/",
            readme.bytes
        ));
    }
    let mut links = 0;
    for (path, document) in &documents {
        let name = path.strip_prefix(root).unwrap_or(path).display();
        for link in &document.links {
            links += 1;
            if let Err(why) = follow(root, &known, &documents, path, link) {
                findings.push(format!("{name}: {why}: {link}"));
            }
        }
        findings.extend(
            document
                .undefined
                .iter()
                .map(|label| format!("{name}: the link's label is not defined: [{label}]")),
        );
    }
    ensure!(links > 0, "no link in any document: nothing was checked");
    if findings.is_empty() {
        eprintln!(
            "documents: {links} links in {} files lead somewhere",
            documents.len()
        );
    }
    Ok(findings)
}

/// Files of the repository and the folders that they are in: what is built, or ignored, is on
/// this machine only.
fn known_paths(root: &Path) -> Result<BTreeSet<PathBuf>> {
    let files = sh::repository_files(root, "*")?;
    let with_folders = files.iter().flat_map(|file| file.ancestors());
    let inside = with_folders.filter(|path| path.starts_with(root));
    Ok(inside.map(Path::to_owned).collect())
}

/// What a document links to, and where one may link to in it.
struct Document {
    bytes: usize,
    /// Targets inside the repository, as they are written.
    links: Vec<String>,
    /// Labels of links that are not defined.
    undefined: Vec<String>,
    anchors: BTreeSet<String>,
}

impl Document {
    fn parse(text: &str) -> Self {
        let undefined = RefCell::new(Vec::new());
        let broken = |link: BrokenLink<'_>| -> Option<(CowStr<'_>, CowStr<'_>)> {
            // `[x]` alone is text.
            if link.link_type != LinkType::ShortcutUnknown && link.link_type != LinkType::Shortcut {
                undefined.borrow_mut().push(link.reference.to_string());
            }
            None
        };
        let options = Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES;
        let mut document = Self {
            bytes: text.len(),
            links: Vec::new(),
            undefined: Vec::new(),
            anchors: BTreeSet::new(),
        };
        let mut heading: Option<String> = None;
        for event in Parser::new_with_broken_link_callback(text, options, Some(broken)) {
            match event {
                Event::Start(Tag::Link {
                    link_type,
                    dest_url,
                    ..
                }) if link_type != LinkType::Email => {
                    document.link(&dest_url);
                }
                Event::Start(Tag::Image { dest_url, .. }) => document.link(&dest_url),
                Event::Html(html) | Event::InlineHtml(html) => document.html(&html),
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    document.anchor(&heading.take().unwrap_or_default());
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        document.undefined = undefined.into_inner();
        document
    }

    fn link(&mut self, target: &str) {
        let begin = target.split(['/', '#']).next().unwrap_or_default();
        // Not ours: https:, mailto:.
        if !begin.contains(':') {
            self.links.push(target.to_owned());
        }
    }

    fn html(&mut self, html: &str) {
        for (attribute, value) in attributes(html) {
            match attribute {
                "href" | "src" => self.link(value),
                "id" | "name" => drop(self.anchors.insert(value.to_owned())),
                _ => {}
            }
        }
    }

    /// A heading's anchor as GitHub makes it; the second of a name ends with -1.
    fn anchor(&mut self, heading: &str) {
        let kept = heading.trim().chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            _ => letter.is_alphanumeric().then_some(letter),
        });
        let anchor: String = kept.flat_map(char::to_lowercase).collect();
        let mut unique = anchor.clone();
        let mut number = 0;
        while !self.anchors.insert(unique) {
            number += 1;
            unique = format!("{anchor}-{number}");
        }
    }
}

/// The quoted attributes of the tags in a piece of HTML.
fn attributes(html: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = html;
    std::iter::from_fn(move || {
        let (before, after) = rest.split_once("=\"")?;
        let (value, after) = after.split_once('"')?;
        rest = after;
        let name = before
            .rsplit(char::is_whitespace)
            .next()
            .unwrap_or_default();
        Some((name, value))
    })
}

/// Whether a link leads to something, from the document that it is in.
fn follow(
    root: &Path,
    known: &BTreeSet<PathBuf>,
    documents: &BTreeMap<PathBuf, Document>,
    from: &Path,
    link: &str,
) -> Result<(), &'static str> {
    let (path, anchor) = match link.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (link, None),
    };
    let target = match path.strip_prefix('/') {
        Some(below) => root.join(below),
        None if path.is_empty() => from.to_owned(),
        None => from.with_file_name("").join(path),
    };
    let target = fs::canonicalize(&target).map_err(|_| "the link leads to nothing")?;
    if !known.contains(&target) {
        return Err("the link leads to something that is not in the repository");
    }
    let Some(anchor) = anchor else {
        return Ok(());
    };
    let document = documents.get(&target);
    let document = document.ok_or("the link names a heading of something that has none")?;
    let there = document.anchors.contains(anchor);
    there.then_some(()).ok_or("the link names no heading there")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(readme: &str, other: &str) -> Result<Vec<String>> {
        let folder = tempfile::tempdir()?;
        sh::run(sh::command("git").args(["init", "-q"]).arg(folder.path()))?;
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap_or(&path))?;
            fs::write(path, text)
        };
        write("README.md", readme)?;
        write("docs/other.md", other)?;
        write("code/lib.rs", "")?;
        write(".gitignore", "built\n")?;
        write("built/a.md", "[x](gone)")?;
        findings(folder.path())
    }

    const OTHER: &str =
        "# Keys, `every` & more\n## Same\n## Same\n<a id=\"here\"></a> [up](../README.md)\n";

    #[test]
    fn links_that_lead_somewhere_are_taken() {
        let readme = "[a](docs/other.md) [b](docs) [c](/code/lib.rs) [d][e] [x] `[y](z)`\n\
             [f](docs/other.md#keys-every--more) [g](docs/other.md#same-1) [h](docs/other.md#here)\n\
             [web](https://example.com/a#b) <me@example.com> [top](#top) <img src=\"code/lib.rs\">\n\
             \n# Top\n\n[e]: docs/other.md#same\n";
        assert_eq!(found(readme, OTHER).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn each_link_that_leads_nowhere_is_found() {
        for (link, why) in [
            ("[a](gone.md)", "leads to nothing"),
            ("![a](gone.svg)", "leads to nothing"),
            ("<img src=\"gone.svg\">", "leads to nothing"),
            ("[a](../outside)", "leads to nothing"),
            ("[a](/..)", "not in the repository"),
            ("[a](built/a.md)", "not in the repository"),
            ("[a](#gone)", "no heading there"),
            ("[a](docs/other.md#gone)", "no heading there"),
            ("[a](docs/other.md#Same)", "no heading there"),
            ("[a](docs/other.md#same-2)", "no heading there"),
            ("[a](code/lib.rs#L1)", "something that has none"),
            ("[a][gone]", "not defined"),
            ("[gone][]", "not defined"),
        ] {
            let found = found(link, OTHER).unwrap();
            assert!(
                found.len() == 1 && found[0].contains(why),
                "{link}: {found:?}"
            );
        }
    }

    #[test]
    fn links_of_other_documents_are_relative_to_them() {
        let found = found("[a](docs)", "[a](README.md) [b](other.md)").unwrap();
        assert_eq!(
            found,
            ["docs/other.md: the link leads to nothing: README.md"]
        );
    }

    #[test]
    fn a_long_readme_is_found() {
        let long = |bytes: usize| format!("[a](docs){}", ".".repeat(bytes - 9));
        assert_eq!(found(&long(README_LIMIT), OTHER).unwrap().len(), 0);
        let found = found(&long(README_LIMIT + 1), OTHER).unwrap();
        assert!(found[0].contains("8193 bytes"), "{found:?}");
    }

    #[test]
    fn nothing_to_check_is_an_error() {
        assert!(found("no link", "none").is_err());
        let folder = tempfile::tempdir().unwrap();
        sh::run(sh::command("git").args(["init", "-q"]).arg(folder.path())).unwrap();
        fs::write(folder.path().join("other.md"), "[a](other.md)").unwrap();
        assert!(findings(folder.path()).is_err());
    }
}
