//! A crate's modules and files, as `mod` declarations make them, without what is compiled for
//! tests only.

use super::items::{attributes, defined, is_for_tests, name_of};
use super::references::{self, Reference};
use crate::sh;
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::{Item, ItemMod};

/// A library or a program.
pub struct Crate {
    /// Its package.
    pub package: String,
    /// Its source files; the first is the root's.
    pub files: Vec<PathBuf>,
    /// Its modules; the first is the root.
    pub modules: Vec<Module>,
    /// Where each `macro_rules` is: its name is known in all that follows it, and not by path.
    pub macros: BTreeMap<String, usize>,
}

/// A module: a file's, or an inline one.
pub struct Module {
    /// The module around it; the root's is the root.
    pub parent: usize,
    /// Its file, by number.
    pub file: usize,
    /// The modules in it.
    pub children: BTreeMap<String, usize>,
    /// Names that it defines.
    pub items: BTreeSet<String>,
    /// What its code names.
    pub references: Vec<Reference>,
}

impl Crate {
    /// Reads the crate whose root is this file.
    pub fn parse(package: &str, root: &Path) -> Result<Self> {
        let mut tree = Self {
            package: package.to_owned(),
            files: Vec::new(),
            modules: Vec::new(),
            macros: BTreeMap::new(),
        };
        let folder = root.parent().unwrap_or(root);
        tree.read(0, root, folder)?;
        Ok(tree)
    }

    /// Reads a module's file; `folder` is where its children's files are.
    fn read(&mut self, parent: usize, path: &Path, folder: &Path) -> Result<usize> {
        let parsed = syn::parse_file(&sh::read(path)?)
            .with_context(|| format!("cannot parse {}", path.display()))?;
        let file = self.files.len();
        self.files.push(path.to_owned());
        self.module(parent, file, folder, &parsed.items)
    }

    fn module(
        &mut self,
        parent: usize,
        file: usize,
        folder: &Path,
        items: &[Item],
    ) -> Result<usize> {
        let number = self.modules.len();
        self.modules.push(Module {
            parent,
            file,
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            references: references::of(items),
        });
        for item in items.iter().filter(|item| !is_for_tests(attributes(item))) {
            if let Item::Mod(child) = item {
                let made = self.child(number, file, folder, child)?;
                let name = name_of(&child.ident);
                self.modules[number].children.insert(name, made);
            } else if let Some(name) = defined(item) {
                if let Item::Macro(_) = item {
                    self.macros.insert(name.clone(), file);
                }
                self.modules[number].items.insert(name);
            }
        }
        Ok(number)
    }

    fn child(
        &mut self,
        parent: usize,
        file: usize,
        folder: &Path,
        child: &ItemMod,
    ) -> Result<usize> {
        let name = name_of(&child.ident);
        let below = folder.join(&name);
        if let Some((_, items)) = &child.content {
            return self.module(parent, file, &below, items);
        }
        if child.attrs.iter().any(|it| it.path().is_ident("path")) {
            bail!(
                "{}: `#[path]` hides where the module {name} is: place its file where its name says",
                self.files[file].display()
            );
        }
        let places = [folder.join(format!("{name}.rs")), below.join("mod.rs")];
        let Some(path) = places.iter().find(|path| path.is_file()) else {
            bail!(
                "{}: no file of the module {name}",
                self.files[file].display()
            );
        };
        self.read(parent, path, &below)
    }
}
