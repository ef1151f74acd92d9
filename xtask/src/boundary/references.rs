//! What a module's code names: imports, paths in code, in macros and in attributes.

use super::items::{attributes, is_for_tests, name_of};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::BTreeSet;
use syn::visit::{self, Visit};
use syn::{
    Attribute, Block, ExprMethodCall, ImplItemFn, Item, ItemFn, ItemMod, ItemUse, Macro, Meta,
    PatIdent, Path, Signature, UseTree, Visibility,
};

/// A name in a module's code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Its words: `crate::a::b` has three.
    pub path: Vec<String>,
    /// How it is named.
    pub kind: Kind,
}

/// How a path is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// In code.
    Code,
    /// As a macro that is called.
    Macro,
    /// As a method that is called, on a value of which nothing is known.
    Method,
    /// By `use path as name`; other modules see it where it is `exported`.
    Import { name: String, exported: bool },
    /// By `use path::*`.
    Glob { exported: bool },
}

impl Reference {
    /// The path as it is written.
    pub fn shown(&self) -> String {
        self.path.join("::")
    }
}

/// Everything that these items name, but for modules in them and what is for tests only.
pub fn of(items: &[Item]) -> Vec<Reference> {
    let mut visitor = Visitor::default();
    for item in items {
        visitor.visit_item(item);
    }
    visitor.found.into_iter().collect()
}

#[derive(Default)]
struct Visitor {
    found: BTreeSet<Reference>,
    /// Variables of the function that is looked at: a name of one is no item.
    variables: BTreeSet<String>,
}

impl Visitor {
    fn add(&mut self, path: Vec<String>, kind: Kind) {
        let variable = matches!(path.as_slice(), [name] if self.variables.contains(name));
        if !path.is_empty() && !variable {
            self.found.insert(Reference { path, kind });
        }
    }

    fn method(&mut self, name: String) {
        let (path, kind) = (vec![name], Kind::Method);
        self.found.insert(Reference { path, kind });
    }

    /// Looks at a function with its variables known.
    fn function(&mut self, signature: &Signature, block: &Block, look: impl FnOnce(&mut Self)) {
        let mut variables = Variables::default();
        variables.visit_signature(signature);
        variables.visit_block(block);
        let outer = self.variables.clone();
        self.variables.extend(variables.0);
        look(self);
        self.variables = outer;
    }

    fn imports(&mut self, tree: &UseTree, before: &[String], exported: bool) {
        let with = |ident: &syn::Ident| {
            let mut path = before.to_vec();
            // `use a::{self}` is `use a`.
            if ident != "self" || path.is_empty() {
                path.push(name_of(ident));
            }
            path
        };
        match tree {
            UseTree::Path(path) => self.imports(&path.tree, &with(&path.ident), exported),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.imports(tree, before, exported);
                }
            }
            UseTree::Glob(_) => self.add(before.to_vec(), Kind::Glob { exported }),
            UseTree::Name(name) => {
                let path = with(&name.ident);
                let name = path.last().cloned().unwrap_or_default();
                self.add(path, Kind::Import { name, exported });
            }
            UseTree::Rename(rename) => {
                let name = name_of(&rename.rename);
                self.add(with(&rename.ident), Kind::Import { name, exported });
            }
        }
    }

    /// Paths in what a macro is given, whose grammar is its own: words between double colons, and
    /// single words that name no field, method or variable of the macro.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let sign = |at: usize, wanted: char| matches!(tokens.get(at), Some(TokenTree::Punct(sign)) if sign.as_char() == wanted);
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let begun = at;
            at += 1;
            let first = match token {
                TokenTree::Group(group) => {
                    self.tokens(group.stream());
                    continue;
                }
                TokenTree::Ident(ident) => name_of(ident),
                TokenTree::Punct(_) | TokenTree::Literal(_) => continue,
            };
            let follows = |wanted| begun > 0 && sign(begun - 1, wanted);
            // `.name`, `'name`, `$name` and `>::name`; but `$crate::name` is `crate::name`.
            let inner = follows(':') && begun > 1 && sign(begun - 2, ':');
            let variable = follows('$') && first != "crate";
            let other = follows('.') || follows('\'') || inner || variable;
            let mut path = vec![first];
            while sign(at, ':')
                && sign(at + 1, ':')
                && let Some(TokenTree::Ident(next)) = tokens.get(at + 2)
            {
                path.push(name_of(next));
                at += 3;
            }
            let field = path.len() == 1 && sign(at, ':');
            if follows('.') && matches!(tokens.get(at), Some(TokenTree::Group(_))) {
                self.method(path.concat());
            }
            if !other && !field {
                let kind = if sign(at, '!') {
                    Kind::Macro
                } else {
                    Kind::Code
                };
                self.add(path, kind);
            }
        }
    }

    /// Strings that are paths, as in `#[serde(with = "crate::seconds")]`.
    fn quoted(&mut self, tokens: TokenStream) {
        for token in tokens {
            let TokenTree::Literal(literal) = token else {
                continue;
            };
            let text = literal.to_string();
            let text = text.trim_matches('"');
            if text.contains("::")
                && let Ok(path) = syn::parse_str::<Path>(text)
            {
                self.add(words(&path), Kind::Code);
            }
        }
    }
}

fn words(path: &Path) -> Vec<String> {
    let words = path.segments.iter().map(|segment| name_of(&segment.ident));
    words.collect()
}

impl<'ast> Visit<'ast> for Visitor {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    /// A module of its own.
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if item.leading_colon.is_none() {
            let exported = !matches!(item.vis, Visibility::Inherited);
            self.imports(&item.tree, &[], exported);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.function(&item.sig, &item.block, |this| {
            visit::visit_item_fn(this, item)
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_for_tests(&item.attrs) {
            self.function(&item.sig, &item.block, |this| {
                visit::visit_impl_item_fn(this, item);
            });
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        if path.leading_colon.is_none() {
            self.add(words(path), Kind::Code);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.method(name_of(&call.method));
        visit::visit_expr_method_call(self, call);
    }

    /// A constant in a pattern looks like a variable.
    fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
        self.add(vec![name_of(&pattern.ident)], Kind::Code);
        visit::visit_pat_ident(self, pattern);
    }

    /// `pub(in path)` uses nothing of that path.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.add(words(&called.path), Kind::Macro);
        self.tokens(called.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        // Documentation names much that it does not use.
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
            self.quoted(list.tokens.clone());
        }
    }
}

/// Names that patterns bind.
#[derive(Default)]
struct Variables(BTreeSet<String>);

impl<'ast> Visit<'ast> for Variables {
    fn visit_pat_ident(&mut self, pattern: &'ast PatIdent) {
        let name = name_of(&pattern.ident);
        if name.starts_with(|first: char| first.is_lowercase() || first == '_') {
            self.0.insert(name);
        }
        visit::visit_pat_ident(self, pattern);
    }
}
