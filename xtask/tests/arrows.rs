//! Enforces the dependencies between packages, and the libraries that must not be in the tree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Every dependency that may exist between our packages: the package, and the ones that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    // No I/O and no async.
    ("contract", &[]),
    ("hpa", &[]),
    ("text", &[]),
    ("promfmt", &[]),
    ("scenario", &["text", "hpa"]),
    ("observed", &["text", "contract", "hpa"]),
    ("explain", &["text", "observed", "hpa"]),
    ("diagnosis", &["text", "observed", "contract", "hpa", "promfmt"]),
    ("dashboard", &["text", "observed", "explain", "diagnosis", "contract", "hpa", "scenario"]),
    // Files.
    ("recording", &["dashboard", "observed", "contract", "hpa"]),
    ("import", &["text", "hpa", "observed", "promfmt", "dashboard"]),
    ("report", &["text", "observed", "explain", "diagnosis", "dashboard"]),
    // Talk to a cluster.
    ("cluster", &["text", "observed", "contract", "hpa", "promfmt"]),
    ("doctor", &["cluster", "diagnosis", "observed", "contract", "text", "hpa", "promfmt"]),
    ("installer", &["cluster", "observed", "contract", "text", "hpa", "promfmt"]),
    // Stand-ins for the servers of a cluster.
    ("http-server", &[]),
    ("broker", &["http-server"]),
    ("apiserver", &["hpa", "http-server"]),
    ("scraper", &["promfmt"]),
    ("sandbox", &["contract", "apiserver", "hpa", "promfmt"]),
    // The programs, and the parts that the pods share.
    ("podkit", &["contract", "http-server"]),
    ("producer", &["contract", "podkit"]),
    ("worker", &["contract", "podkit"]),
    ("cpu-burner", &["contract", "podkit"]),
    (
        "tui",
        &[
            "text",
            "observed",
            "explain",
            "dashboard",
            "scenario",
            "recording",
            "import",
            "report",
            "diagnosis",
            "doctor",
            "installer",
            "cluster",
            "contract",
            "hpa",
            "promfmt",
            // With the feature `sandbox`.
            "sandbox",
            "producer",
            "worker",
            "cpu-burner",
            "broker",
            "scraper",
        ],
    ),
    // Tools of the project.
    ("testkit", &["broker", "contract"]),
    ("xtask", &["contract"]),
];

/// Packages that only `command/sandbox.rs` and `command/pod.rs` of `tui` may name.
const HIDDEN_FROM_TUI: &[&str] = &["sandbox", "producer", "worker", "cpu_burner", "broker", "scraper"];

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path("../Cargo.toml")
        .no_deps()
        .exec()
        .expect("cargo metadata reads the workspace")
}

#[test]
fn dependencies_point_one_way() {
    let metadata = metadata();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(ours, allowed.keys().copied().collect(), "every package has its line in ALLOWED");
    for package in &metadata.packages {
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            if HIDDEN_FROM_TUI.contains(&name) && package.name.as_str() == "tui" {
                assert!(
                    dependency.optional || dependency.kind == DependencyKind::Development,
                    "{name} must be an optional dependency of tui"
                );
            }
            if !ours.contains(name) || dependency.kind == DependencyKind::Development {
                continue;
            }
            assert!(
                allowed[package.name.as_str()].contains(&name),
                "{} must not depend on {name}",
                package.name
            );
        }
    }
}

#[test]
fn two_files_of_tui_name_the_sandbox() {
    let root = Path::new("../tui/src");
    let exempt = [root.join("command/sandbox.rs"), root.join("command/pod.rs")];
    let mut folders = vec![root.to_path_buf()];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if exempt.contains(&path) || path.extension().is_none_or(|e| e != "rs") {
                continue;
            }
            read += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for name in HIDDEN_FROM_TUI {
                for form in [format!("use {name}::"), format!("use ::{name}::"), format!("use {name};")] {
                    assert!(!text.contains(&form), "{} must not `{form}`", path.display());
                }
            }
        }
    }
    assert!(read > 0, "tui/src has sources");
}

#[test]
fn one_tls_library_and_one_crypto_provider() {
    let lock = std::fs::read_to_string("../Cargo.lock").unwrap();
    for banned in ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "native-tls"] {
        assert!(!lock.contains(&format!("name = \"{banned}\"\n")), "{banned} must not be in Cargo.lock");
    }
    assert_eq!(lock.matches("name = \"crossterm\"\n").count(), 1, "raw mode is a process global");
}
