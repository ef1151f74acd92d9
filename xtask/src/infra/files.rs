//! infra/*.tf as Terraform reads them.

use crate::sh;
use anyhow::{Context, Result, ensure};
use hcl_edit::Ident;
use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::structure::Body;
use hcl_edit::visit::{self, Visit};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Everything in the files.
#[derive(Default)]
pub struct Files {
    /// Each file's blocks and arguments; an expression is a string: `${var.x}`.
    values: Vec<Value>,
    /// Every `type.name.attribute`, `var.name` and `local.name` in an expression.
    pub references: BTreeSet<Vec<String>>,
}

/// A resource, or a data source.
pub struct Block<'a> {
    /// Whether it is a data source.
    pub data: bool,
    /// `google_storage_bucket`
    pub kind: &'a str,
    /// Its name in the files.
    pub name: &'a str,
    /// Its arguments.
    pub body: &'a Value,
}

impl Block<'_> {
    /// `google_storage_bucket.dataset`
    pub fn address(&self) -> String {
        let data = if self.data { "data." } else { "" };
        format!("{data}{}.{}", self.kind, self.name)
    }
}

impl Files {
    /// Reads the files of a folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let paths = with_extension(folder, "tf")?;
        ensure!(!paths.is_empty(), "no *.tf in {}", folder.display());
        let mut files = Self::default();
        for path in paths {
            let text = sh::read(&path)?;
            files
                .add(&text)
                .with_context(|| format!("cannot parse {}", path.display()))?;
        }
        Ok(files)
    }

    /// Takes another file in.
    pub fn add(&mut self, text: &str) -> Result<()> {
        let body: Body = text.parse()?;
        References(&mut self.references).visit_body(&body);
        self.values.push(hcl::from_str(text)?);
        Ok(())
    }

    /// All resources and data sources.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        let mut blocks = Vec::new();
        for file in &self.values {
            for (section, data) in [("resource", false), ("data", true)] {
                for (kind, named) in entries(&file[section]) {
                    blocks.extend(entries(named).map(|(name, body)| Block {
                        data,
                        kind,
                        name,
                        body,
                    }));
                }
            }
        }
        blocks
    }

    /// Resources of a kind.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = Block<'a>> {
        let blocks = self.blocks().into_iter();
        blocks.filter(move |block| block.kind == kind && !block.data)
    }

    /// Names of the variables.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let sections = self.values.iter().map(|file| &file["variable"]);
        sections.flat_map(entries).map(|(name, _)| name)
    }

    /// All `locals`.
    pub fn locals(&self) -> impl Iterator<Item = (&str, &Value)> {
        let sections = self.values.iter().flat_map(|file| many(&file["locals"]));
        sections.flat_map(entries)
    }
}

/// The blocks of one kind in a block: there may be none, one or several.
pub fn many(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(values) => values,
        one => std::slice::from_ref(one),
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.as_str(), value))
}

/// The files of a folder whose names end so, in order.
pub fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|is| is == extension))
        .collect();
    paths.sort();
    Ok(paths)
}

struct References<'a>(&'a mut BTreeSet<Vec<String>>);

impl Visit for References<'_> {
    fn visit_traversal(&mut self, traversal: &Traversal) {
        if let Expression::Variable(first) = &traversal.expr {
            let mut words = vec![first.as_str().to_owned()];
            for operator in &traversal.operators {
                match operator.value() {
                    TraversalOperator::GetAttr(name) => words.push(Ident::as_str(name).to_owned()),
                    // An index stands between a resource's name and its attribute.
                    TraversalOperator::Index(_) | TraversalOperator::LegacyIndex(_) => {}
                    TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => break,
                }
            }
            let head = first.as_str();
            if ["var", "local", "data"].contains(&head) || head.starts_with("google_") {
                self.0.insert(words);
            }
        }
        visit::visit_traversal(self, traversal);
    }
}
