//! From a name in a module to the file that defines what it names, through imports and
//! re-exports, as the compiler would look it up.

use super::references::{Kind, Reference};
use super::source_tree::Crate;
use std::collections::BTreeSet;

/// What a name stands for. A name may stand for several things: a function and a module.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Named {
    Module(usize),
    /// An item, by its file.
    Item(usize),
    /// Something that the crate does not define, by its path from another crate or the prelude.
    Outside(Vec<String>),
}

impl Named {
    /// What it is with these words behind it. What follows an item is its own: a variant, an
    /// associated function.
    fn followed_by(self, words: &[String]) -> Self {
        match self {
            Self::Outside(path) => Self::Outside([&path, words].concat()),
            named => named,
        }
    }
}

/// Looks names up.
pub struct Resolver<'a> {
    tree: &'a Crate,
    /// Names that are being looked up: imports may lead in a circle.
    open: BTreeSet<(usize, String)>,
}

impl<'a> Resolver<'a> {
    /// In this crate.
    pub fn new(tree: &'a Crate) -> Self {
        let open = BTreeSet::new();
        Self { tree, open }
    }

    /// The files whose items a reference in a module uses. A module's name alone uses nothing of
    /// it, and a re-export of something below the module only makes the tree.
    pub fn used(&mut self, module: usize, reference: &Reference) -> Vec<usize> {
        if reference.kind == Kind::Method {
            return Vec::new();
        }
        let named = self.path(module, &reference.path);
        let mut files = match reference.kind {
            // All of the module may be used, and methods of traits come unnamed.
            Kind::Glob { .. } => named.iter().filter_map(|named| self.file(named)).collect(),
            _ => items(&named),
        };
        match reference.kind {
            Kind::Import { exported: true, .. } | Kind::Glob { exported: true } => {
                files.retain(|file| !self.is_below(*file, module));
            }
            Kind::Macro if files.is_empty() => files = self.textual_macro(&reference.path),
            _ => {}
        }
        files
    }

    /// What a reference in a module names outside of the crate, by the path that it has there,
    /// however it was imported: `["std", "fs", "read"]`.
    pub fn outside(&mut self, module: usize, reference: &Reference) -> Vec<Vec<String>> {
        if reference.kind == Kind::Method {
            return Vec::new();
        }
        let named = self.path(module, &reference.path).into_iter();
        let outside = named.filter_map(|named| match named {
            Named::Outside(path) => Some(path),
            _ => None,
        });
        outside.collect()
    }

    /// A macro that is known by its place in the text and not by a path.
    fn textual_macro(&self, path: &[String]) -> Vec<usize> {
        match path {
            [name] => self.tree.macros.get(name).copied().into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn file(&self, named: &Named) -> Option<usize> {
        match named {
            Named::Module(module) => Some(self.tree.modules[*module].file),
            Named::Item(file) => Some(*file),
            Named::Outside(_) => None,
        }
    }

    /// Whether a file is that of a module below this one.
    fn is_below(&self, file: usize, module: usize) -> bool {
        let modules = self.tree.modules.iter().enumerate();
        let mut of_file = modules.filter(|(_, other)| other.file == file);
        of_file.any(|(number, _)| {
            let mut at = number;
            while at != 0 && at != module {
                at = self.tree.modules[at].parent;
            }
            at == module
        })
    }

    fn path(&mut self, module: usize, path: &[String]) -> Vec<Named> {
        let Some((first, mut rest)) = path.split_first() else {
            return Vec::new();
        };
        let mut named = match first.as_str() {
            "crate" => vec![Named::Module(0)],
            "self" => vec![Named::Module(module)],
            "super" => vec![Named::Module(self.tree.modules[module].parent)],
            name => self.name(module, name),
        };
        if named.is_empty() {
            named.push(Named::Outside(vec![first.clone()]));
        }
        while let Some((next, after)) = rest.split_first() {
            let Some(module) = named.iter().find_map(module_of) else {
                let whole = named.into_iter().map(|named| named.followed_by(rest));
                return whole.collect();
            };
            named = match next.as_str() {
                "super" => vec![Named::Module(self.tree.modules[module].parent)],
                name => self.name(module, name),
            };
            if all_outside(&named) {
                // Made by a macro there, or imported there from elsewhere: that import is used.
                named.push(Named::Item(self.tree.modules[module].file));
            }
            rest = after;
        }
        named
    }

    /// What a name stands for in a module: what it defines, else what it imports by name, else
    /// what a glob brings.
    fn name(&mut self, module: usize, name: &str) -> Vec<Named> {
        if !self.open.insert((module, name.to_owned())) {
            return Vec::new();
        }
        let tree = self.tree;
        let here = &tree.modules[module];
        let mut named = Vec::new();
        named.extend(here.children.get(name).map(|child| Named::Module(*child)));
        if here.items.contains(name) {
            named.push(Named::Item(here.file));
        }
        for reference in &here.references {
            if matches!(&reference.kind, Kind::Import { name: known, .. } if known == name) {
                named.extend(self.path(module, &reference.path));
            }
        }
        if all_outside(&named) {
            for reference in &here.references {
                if let Kind::Glob { .. } = reference.kind {
                    named.extend(self.through_glob(module, reference, name));
                }
            }
        }
        self.open.remove(&(module, name.to_owned()));
        named.sort();
        named.dedup();
        named
    }

    fn through_glob(&mut self, module: usize, glob: &Reference, name: &str) -> Vec<Named> {
        let from = self.path(module, &glob.path);
        let modules: Vec<usize> = from.iter().filter_map(module_of).collect();
        modules
            .into_iter()
            .flat_map(|module| self.name(module, name))
            .collect()
    }
}

fn module_of(named: &Named) -> Option<usize> {
    match named {
        Named::Module(module) => Some(*module),
        _ => None,
    }
}

fn all_outside(named: &[Named]) -> bool {
    let mut all = named.iter();
    all.all(|named| matches!(named, Named::Outside(_)))
}

fn items(named: &[Named]) -> Vec<usize> {
    let items = named.iter().filter_map(|named| match named {
        Named::Item(file) => Some(*file),
        _ => None,
    });
    items.collect()
}
