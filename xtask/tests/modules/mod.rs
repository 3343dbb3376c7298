//! The graph of a crate's modules, read from its sources.
//!
//! A node is a file; a module inside a file belongs to it. An edge leads to the file that defines the item: a path through
//! `pub use` is followed to its end, so a module that re-exports its children is no dependency of theirs. A module may use
//! the items of the modules that contain it, so these are no edges. Items under `#[cfg(test)]` are left out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

/// `use` chains longer than this are taken for circular.
const MAX_ALIASES: usize = 16;

type Segments = Vec<String>;

#[derive(Default)]
struct Module {
    /// Index into [`Graph::files`].
    file: usize,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    /// Names of the items defined here.
    items: BTreeSet<String>,
    /// Names that `use` brings into scope, with their paths.
    aliases: BTreeMap<String, Segments>,
    /// Paths of `use path::*`.
    globs: Vec<Segments>,
    /// Every path that the code names, without those of `pub use`.
    used: Vec<Segments>,
}

/// Modules of one crate.
pub(crate) struct Graph {
    modules: Vec<Module>,
    /// Paths relative to the repository.
    files: Vec<String>,
}

/// The end of a resolved path.
struct Resolved {
    module: usize,
    /// The path names an item in the module, not the module itself.
    item: bool,
}

impl Graph {
    /// Reads the crate whose root file is `root`, a path relative to `repository`.
    pub(crate) fn read(repository: &Path, root: &str) -> Self {
        let mut graph = Self { modules: Vec::new(), files: Vec::new() };
        graph.read_file(repository, Path::new(root), true, None);
        graph
    }

    /// Adds the module of a file, with its children, and returns its index.
    fn read_file(&mut self, repository: &Path, file: &Path, is_root: bool, parent: Option<usize>) -> usize {
        let path = repository.join(file);
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let syntax = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.files.push(file.display().to_string());
        let folder = file.parent().unwrap_or(Path::new(""));
        let children = match file.file_stem() {
            Some(stem) if !is_root && stem != "mod" => folder.join(stem),
            _ => folder.to_path_buf(),
        };
        self.read_items(repository, &syntax.items, self.files.len() - 1, &children, parent)
    }

    fn read_items(
        &mut self,
        repository: &Path,
        items: &[syn::Item],
        file: usize,
        folder: &Path,
        parent: Option<usize>,
    ) -> usize {
        let mut module = Module { file, parent, ..Module::default() };
        for item in items {
            Collector(&mut module).visit_item(item);
        }
        let index = self.modules.len();
        self.modules.push(module);
        for item in items {
            let syn::Item::Mod(child) = item else { continue };
            if is_test(&child.attrs) {
                continue;
            }
            let name = name(&child.ident);
            let read = match &child.content {
                Some((_, items)) => {
                    self.read_items(repository, items, file, &folder.join(&name), Some(index))
                }
                None => {
                    self.read_file(repository, &child_file(repository, folder, &name), false, Some(index))
                }
            };
            self.modules[index].children.insert(name, read);
        }
        index
    }

    /// Follows a path that is written in `module`; `None` when it leads out of the crate.
    fn resolve(&self, module: usize, path: &[String], depth: usize) -> Option<Resolved> {
        self.resolve_named(module, path, depth).or_else(|| self.resolve_by_glob(module, path, depth))
    }

    /// Like [`Self::resolve`], for a path whose first segment is not from a glob.
    fn resolve_named(&self, module: usize, path: &[String], depth: usize) -> Option<Resolved> {
        if depth > MAX_ALIASES {
            return None;
        }
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.walk(0, rest, depth),
            "self" => self.walk(module, rest, depth),
            "super" => {
                let parent = self.modules[module].parent?;
                if rest.first().is_some_and(|next| next == "super") {
                    return self.resolve_named(parent, rest, depth);
                }
                self.walk(parent, rest, depth)
            }
            _ if self.knows(module, first) => self.walk(module, path, depth),
            _ => None,
        }
    }

    /// Looks for the first segment in the modules whose items `use module::*` brings into `module`.
    fn resolve_by_glob(&self, module: usize, path: &[String], depth: usize) -> Option<Resolved> {
        let first = path.first()?;
        self.modules[module].globs.iter().find_map(|glob| {
            let target = self.resolve_named(module, glob, depth + 1)?;
            self.knows(target.module, first).then(|| self.walk(target.module, path, depth + 1))?
        })
    }

    /// The module itself has the name: a child, an item or a `use`.
    fn knows(&self, module: usize, name: &str) -> bool {
        let module = &self.modules[module];
        module.children.contains_key(name) || module.items.contains(name) || module.aliases.contains_key(name)
    }

    /// Follows a path from `module` downwards.
    fn walk(&self, module: usize, path: &[String], depth: usize) -> Option<Resolved> {
        let Some((first, rest)) = path.split_first() else { return Some(Resolved { module, item: false }) };
        let here = &self.modules[module];
        if let Some(child) = here.children.get(first) {
            return self.walk(*child, rest, depth);
        }
        if here.items.contains(first) {
            return Some(Resolved { module, item: true });
        }
        if let Some(alias) = here.aliases.get(first) {
            let whole: Segments = alias.iter().chain(rest).cloned().collect();
            return self.resolve(module, &whole, depth + 1);
        }
        self.resolve_by_glob(module, path, depth).or(Some(Resolved { module, item: true }))
    }

    /// Returns true if `outer` is a parent of `inner`, or a parent of a parent.
    fn contains(&self, outer: usize, inner: usize) -> bool {
        let mut parents = std::iter::successors(self.modules[inner].parent, |at| self.modules[*at].parent);
        parents.any(|parent| parent == outer)
    }

    /// The files that each file depends on, each with a path that says so.
    fn edges(&self) -> Vec<BTreeMap<usize, String>> {
        let mut edges = vec![BTreeMap::new(); self.files.len()];
        for (index, module) in self.modules.iter().enumerate() {
            for path in &module.used {
                let Some(found) = self.resolve(index, path, 0) else { continue };
                let to = self.modules[found.module].file;
                // `use a::b` of a module alone is no dependency; the paths that begin with `b` are.
                if found.item && to != module.file && !self.contains(found.module, index) {
                    edges[module.file].entry(to).or_insert_with(|| path.join("::"));
                }
            }
        }
        edges
    }

    /// The shortest cycle through each file that is on one, each cycle once and the shortest first.
    pub(crate) fn cycles(&self) -> Vec<String> {
        let edges = self.edges();
        let mut cycles: Vec<Vec<usize>> = Vec::new();
        for start in 0..self.files.len() {
            let Some(mut cycle) = shortest_cycle(&edges, start) else { continue };
            let first =
                cycle.iter().enumerate().min_by_key(|(_, file)| &self.files[**file]).map_or(0, |(at, _)| at);
            cycle.rotate_left(first);
            if !cycles.contains(&cycle) {
                cycles.push(cycle);
            }
        }
        cycles.sort_by_key(|cycle| (cycle.len(), self.files[cycle[0]].clone()));
        let print = |cycle: &Vec<usize>| {
            let mut text = self.files[cycle[0]].clone();
            for (at, from) in cycle.iter().enumerate() {
                let to = cycle[(at + 1) % cycle.len()];
                // Writing to a string does not fail.
                let _ = write!(text, " -> {} ({})", self.files[to], edges[*from][&to]);
            }
            text
        };
        cycles.iter().map(print).collect()
    }
}

/// The files of the shortest way from `start` back to it, by breadth-first search.
fn shortest_cycle(edges: &[BTreeMap<usize, String>], start: usize) -> Option<Vec<usize>> {
    let mut before: BTreeMap<usize, usize> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(file) = queue.pop_front() {
        for to in edges[file].keys() {
            if *to == start {
                let mut cycle = vec![file];
                while let Some(previous) =
                    cycle.last().filter(|file| **file != start).map(|file| before[file])
                {
                    cycle.push(previous);
                }
                cycle.reverse();
                return Some(cycle);
            }
            if *to != start && !before.contains_key(to) {
                before.insert(*to, file);
                queue.push_back(*to);
            }
        }
    }
    None
}

/// The file of `mod name;` in a module whose children are in `folder`.
fn child_file(repository: &Path, folder: &Path, name: &str) -> PathBuf {
    let file = folder.join(format!("{name}.rs"));
    if repository.join(&file).exists() { file } else { folder.join(name).join("mod.rs") }
}

fn name(ident: &proc_macro2::Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}

/// `#[cfg(test)]`, alone or as one of several conditions.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let condition = list.tokens.to_string().replace(' ', "");
        list.path.is_ident("cfg") && (condition == "test" || condition.starts_with("all(test"))
    })
}

/// Collects the names of one module, without those of its children.
struct Collector<'a>(&'a mut Module);

impl Collector<'_> {
    fn add_use(&mut self, tree: &syn::UseTree, before: &Segments, reexported: bool) {
        let with = |ident: &proc_macro2::Ident| {
            let mut path = before.clone();
            path.push(name(ident));
            path
        };
        let (alias, path) = match tree {
            syn::UseTree::Path(path) => return self.add_use(&path.tree, &with(&path.ident), reexported),
            syn::UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.add_use(tree, before, reexported));
            }
            syn::UseTree::Glob(_) => return self.0.globs.push(before.clone()),
            syn::UseTree::Name(leaf) if leaf.ident == "self" => {
                let Some(alias) = before.last() else { return };
                (alias.clone(), before.clone())
            }
            syn::UseTree::Name(leaf) => (name(&leaf.ident), with(&leaf.ident)),
            syn::UseTree::Rename(leaf) if leaf.ident == "self" => (name(&leaf.rename), before.clone()),
            syn::UseTree::Rename(leaf) => (name(&leaf.rename), with(&leaf.ident)),
        };
        if !reexported {
            self.0.used.push(path.clone());
        }
        // `use foo;` and `use foo::bar as foo` of another crate would name themselves.
        if path.first() != Some(&alias) {
            self.0.aliases.insert(alias, path);
        }
    }

    /// Paths in tokens that are not parsed: arguments of macros and attributes.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Segments = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 && !path.is_empty() {
                        self.0.used.push(std::mem::take(&mut path));
                    }
                    path.push(name(&ident));
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => colons += 1,
                other => {
                    if !path.is_empty() {
                        self.0.used.push(std::mem::take(&mut path));
                    }
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.add_tokens(group.stream());
                    }
                }
            }
        }
        if !path.is_empty() {
            self.0.used.push(path);
        }
    }
}

/// The attributes of an item, and its name where it has one.
fn parts(item: &syn::Item) -> (&[syn::Attribute], Option<&proc_macro2::Ident>) {
    match item {
        syn::Item::Const(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Enum(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Fn(item) => (&item.attrs, Some(&item.sig.ident)),
        syn::Item::Macro(item) => (&item.attrs, item.ident.as_ref()),
        syn::Item::Static(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Struct(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Trait(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Type(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Union(item) => (&item.attrs, Some(&item.ident)),
        syn::Item::Impl(item) => (&item.attrs, None),
        syn::Item::Use(item) => (&item.attrs, None),
        _ => (&[], None),
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let (attributes, ident) = parts(item);
        if is_test(attributes) {
            return;
        }
        self.0.items.extend(ident.map(name));
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let reexported = !matches!(item.vis, syn::Visibility::Inherited);
        self.add_use(&item.tree, &Vec::new(), reexported);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.used.push(path.segments.iter().map(|segment| name(&segment.ident)).collect());
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.add_tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.add_tokens(list.tokens.clone());
        }
    }
}
