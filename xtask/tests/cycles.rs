//! Enforces the shape inside each package: its modules depend on each other one way, and one style of module files.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

mod modules;

use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, TargetKind};

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path("../Cargo.toml")
        .no_deps()
        .exec()
        .expect("cargo metadata reads the workspace")
}

/// The folder of every package, relative to the repository, with the root files of its library and programs.
fn packages() -> Vec<(String, Vec<String>)> {
    let metadata = metadata();
    let relative = |path: &Path| path.strip_prefix(&metadata.workspace_root).unwrap().display().to_string();
    let roots = |targets: &[cargo_metadata::Target]| {
        let roots = targets.iter().filter(|target| {
            target.kind.iter().any(|kind| matches!(kind, TargetKind::Lib | TargetKind::Bin))
        });
        roots.map(|target| relative(target.src_path.as_std_path())).collect()
    };
    let packages = metadata.packages.iter().map(|package| {
        (relative(package.manifest_path.parent().unwrap().as_std_path()), roots(&package.targets))
    });
    packages.collect()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// A path relative to the repository, for messages.
fn shown(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap_or(path).display().to_string()
}

/// Every `.rs` file below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Fails with the findings of all packages.
fn report(rule: &str, findings: impl Fn(&str, &[String]) -> Vec<String>) {
    let all: Vec<String> =
        packages().iter().flat_map(|(folder, roots)| findings(folder.as_str(), roots.as_slice())).collect();
    assert!(
        all.is_empty(),
        "{rule}:
{}",
        all.join(
            "
"
        )
    );
}

#[test]
fn modules_form_no_cycle() {
    report("modules have cyclic dependencies", |_folder, roots| {
        let graphs = roots.iter().map(|root| modules::Graph::read(&repository(), root));
        graphs.flat_map(|graph| graph.cycles()).collect()
    });
}

#[test]
fn a_module_with_children_is_name_rs() {
    report("rename foo/mod.rs to foo.rs", |folder, _roots| {
        let files = sources(&repository().join(folder).join("src"));
        let files = files.iter().filter(|path| path.ends_with("mod.rs"));
        files.map(|path| shown(path)).collect()
    });
}

#[test]
fn no_file_is_included_from_above() {
    report("move code that two targets share to a crate, such as testkit", |folder, _roots| {
        let mut found = Vec::new();
        for kind in ["src", "tests", "benches", "examples"] {
            for path in sources(&repository().join(folder).join(kind)) {
                let text = std::fs::read_to_string(&path).unwrap();
                let upwards =
                    text.lines().enumerate().filter(|(_, line)| line.trim().starts_with("#[path = \"../"));
                found.extend(upwards.map(|(index, line)| format!("{}:{}: {line}", shown(&path), index + 1)));
            }
        }
        found
    });
}

/// Writes a package of one library and returns its cycles.
fn cycles(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join("src").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    modules::Graph::read(folder.path(), "src/lib.rs").cycles()
}

#[test]
fn a_cycle_is_printed_as_a_path_of_files() {
    let found = cycles(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "mod d; pub struct B;"),
        ("b/d.rs", "fn d() { println!(\"{}\", crate::c::x()) }"),
        ("c.rs", "use super::{a, b}; pub fn x(_: a::A, _: b::B) {}"),
    ]);
    assert_eq!(found, [""; 0], "nothing uses d");
    let found = cycles(&[
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B; fn d() { println!(\"{}\", crate::c::x()) }"),
        ("c.rs", "use super::a; pub fn x(_: a::A) {}"),
    ]);
    assert_eq!(found, ["src/a.rs -> src/b.rs (crate::b::B) -> src/c.rs (crate::c::x) -> src/a.rs (a::A)"]);
}

#[test]
fn a_reexport_is_not_a_dependency() {
    let parent = "mod a; mod b; pub use a::A; pub(crate) use b::*;";
    let a = ("p/a.rs", "use super::B; pub struct A(B);");
    assert_eq!(cycles(&[("lib.rs", "mod p;"), ("p.rs", parent), a, ("p/b.rs", "pub struct B;")]), [""; 0]);
    let found = cycles(&[
        ("lib.rs", "mod p;"),
        ("p.rs", parent),
        a,
        ("p/b.rs", "use crate::p::A; pub struct B; fn b(_: A) {}"),
    ]);
    assert_eq!(found, ["src/p/a.rs -> src/p/b.rs (super::B) -> src/p/a.rs (crate::p::A)"]);
}

#[test]
fn a_module_may_use_the_items_of_its_parents() {
    let parent = ("p.rs", "mod a; pub const LIMIT: u8 = 1; fn p() { a::a(); }");
    let lib = ("lib.rs", "mod p; mod q; struct Root;");
    let child = ("p/a.rs", "use super::LIMIT; pub fn a() -> u8 { LIMIT } fn b(_: crate::Root) {}");
    assert_eq!(cycles(&[lib, parent, child, ("q.rs", "")]), [""; 0]);
    let child = ("p/a.rs", "pub fn a() -> u8 { crate::q::q() }");
    let found = cycles(&[lib, parent, child, ("q.rs", "pub fn q() -> u8 { crate::p::LIMIT }")]);
    assert_eq!(
        found,
        ["src/p.rs -> src/p/a.rs (a::a) -> src/q.rs (crate::q::q) -> src/p.rs (crate::p::LIMIT)"]
    );
}

#[test]
fn tests_and_visibilities_do_not_count() {
    let found = cycles(&[
        ("lib.rs", "mod a; mod b; #[cfg(test)] mod tests;"),
        (
            "a.rs",
            "pub(super) struct A; impl A { #[cfg(test)] fn t(_: crate::b::B) {} } #[cfg(test)] mod tests { use crate::b::B; fn t(_: B) {} }",
        ),
        ("b.rs", "pub(in crate::b) struct B(crate::a::A);"),
    ]);
    assert_eq!(found, [""; 0]);
}
