//! The files of a release, checked without publishing: an archive is made, installed and compared with what the files for package
//! managers say about it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first failure")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const TARGETS: [(&str, &str, &str); 4] = [
    ("x86_64-unknown-linux-musl", "linux", "amd64"),
    ("aarch64-unknown-linux-musl", "linux", "arm64"),
    ("x86_64-apple-darwin", "darwin", "amd64"),
    ("aarch64-apple-darwin", "darwin", "arm64"),
];

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn repository() -> String {
    let text = read("Cargo.toml");
    let line = text.lines().find(|line| line.starts_with("repository = ")).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A release whose program is a script that prints the target.
struct Release(tempfile::TempDir);

impl Release {
    fn new() -> Self {
        let release = Self(tempfile::tempdir().unwrap());
        for (target, _, _) in TARGETS {
            let program = release.0.path().join("program");
            // Another process writes it, because this one could not execute a file that a concurrent test has inherited open.
            let script = r#"printf '#!/bin/sh\necho %s\n' "$1" >"$2" && chmod +x "$2""#;
            done(Command::new("sh").args(["-c", script, "sh", target]).arg(&program));
            release.dist(&["archive", target, program.to_str().unwrap(), &release.path("")]);
        }
        std::fs::remove_file(release.0.path().join("program")).unwrap();
        release.dist(&["sums", &release.path("")]);
        release.dist(&["render", &release.path("")]);
        release
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn dist(&self, arguments: &[&str]) {
        done(
            Command::new("python3")
                .arg(root().join(".ci/dist"))
                .args(arguments)
                .env("SOURCE_DATE_EPOCH", "1700000000"),
        );
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The sums by file.
    fn sums(&self) -> BTreeMap<String, String> {
        let text = self.read("SHA256SUMS");
        let pairs = text.lines().map(|line| line.split_once("  ").unwrap());
        pairs.map(|(sum, name)| (name.to_owned(), sum.to_owned())).collect()
    }
}

fn archive(target: &str) -> String {
    format!("surge-v{VERSION}-{target}.tar.gz")
}

#[test]
fn archives_contain_program_and_licences_and_are_reproducible() {
    let (first, second) = (Release::new(), Release::new());
    assert_eq!(first.sums(), second.sums());
    for (target, _, _) in TARGETS {
        let listed = done(Command::new("tar").args(["-tzf", &first.path(&archive(target))]));
        let folder = format!("surge-v{VERSION}-{target}");
        let names = String::from_utf8(listed.stdout).unwrap();
        let expected = [
            "surge",
            "LICENSE",
            "LICENSE-MIT",
            "LICENSE-APACHE",
            "README.md",
            "CHANGELOG.md",
            "completions/surge.bash",
            "completions/_surge",
            "completions/surge.fish",
            "completions/_surge.ps1",
            "completions/surge.nu",
            "man/surge.1",
            "man/surge-up.1",
            "man/surge-down.1",
            "man/surge-status.1",
            "man/surge-doctor.1",
            "man/surge-list.1",
            "man/surge-explain.1",
            "man/surge-sandbox.1",
        ];
        assert_eq!(names.lines().collect::<Vec<_>>(), expected.map(|name| format!("{folder}/{name}")));
    }
}

#[test]
fn the_install_script_checks_the_sum() {
    let release = Release::new();
    let install = |folder: &Path| {
        let mut command = Command::new("sh");
        command
            .arg(release.path("install.sh"))
            .env("SURGE_DOWNLOAD", release.0.path())
            .env("SURGE_BIN", folder);
        command.output().unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let output = install(folder.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = done(&mut Command::new(folder.path().join("surge")));
    let target = String::from_utf8(printed.stdout).unwrap();
    assert!(target.starts_with(std::env::consts::ARCH), "{target}");

    for (target, _, _) in TARGETS {
        std::fs::write(release.path(&archive(target)), "another").unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let output = install(folder.path());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("nothing was installed"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_krew_manifest_follows_krews_rules() {
    let release = Release::new();
    let manifest: Value = serde_saphyr::from_str(&release.read("surge.yaml")).unwrap();
    assert_eq!(manifest["apiVersion"], "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!(manifest["kind"], "Plugin");
    assert_eq!(manifest["metadata"]["name"], "surge");
    assert_eq!(manifest["spec"]["version"], format!("v{VERSION}"));
    assert_eq!(manifest["spec"]["homepage"], repository());
    let short = manifest["spec"]["shortDescription"].as_str().unwrap();
    assert!(!short.contains('\n') && short.len() <= 50 && !short.ends_with('.'), "{short}");
    let platforms = manifest["spec"]["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), TARGETS.len());
    for (platform, (target, os, arch)) in platforms.iter().zip(TARGETS) {
        let labels = &platform["selector"]["matchLabels"];
        assert_eq!((&labels["os"], &labels["arch"]), (&os.into(), &arch.into()));
        let uri = format!("{}/releases/download/v{VERSION}/{}", repository(), archive(target));
        assert_eq!(platform["uri"], uri);
        assert_eq!(platform["sha256"], release.sums()[&archive(target)].as_str());
        assert_eq!(platform["bin"], "surge");
        let files = platform["files"].as_array().unwrap();
        for needed in ["*/surge", "*/LICENSE"] {
            assert!(files.iter().any(|file| file["from"] == needed && file["to"] == "."), "{needed}");
        }
    }
}

#[test]
fn formula_and_pkgbuild_name_the_archives_and_their_sums() {
    let release = Release::new();
    for (file, suffix) in [("surge.rb", ""), ("PKGBUILD", "linux")] {
        let text = release.read(file);
        assert!(text.contains(&repository()) && !text.contains('@'), "{file}: {text}");
        for (target, _, _) in TARGETS.iter().filter(|(target, _, _)| target.contains(suffix)) {
            let sum = &release.sums()[&archive(target)];
            assert_eq!(text.matches(sum).count(), 1, "{file}: {target}");
        }
    }
    let formula = release.read("surge.rb");
    for (target, _, _) in TARGETS {
        let url = format!("{}/releases/download/v{VERSION}/{}", repository(), archive(target));
        assert_eq!(formula.matches(&format!("url \"{url}\"")).count(), 1, "{target}");
    }
    // bash evaluates a PKGBUILD; its sources are the archives.
    let script =
        format!(". {} && echo \"${{source_x86_64[0]}} ${{source_aarch64[0]}}\"", release.path("PKGBUILD"));
    let sources = String::from_utf8(done(Command::new("bash").args(["-c", &script])).stdout).unwrap();
    for (source, (target, _, _)) in sources.split_whitespace().zip(TARGETS) {
        assert!(source.ends_with(&archive(target)), "{source}");
    }
}

/// Every step of a workflow, with the name of its job.
fn steps(workflow: &Value) -> Vec<(String, Value)> {
    let jobs = workflow["jobs"].as_object().unwrap();
    jobs.iter()
        .flat_map(|(job, body)| {
            assert!(body["runs-on"].is_string(), "{job} names no machine");
            body["steps"].as_array().unwrap().iter().map(move |step| (job.clone(), step.clone()))
        })
        .collect()
}

#[test]
fn workflows_use_files_of_the_repository_and_pinned_actions() {
    for file in ["ci.yml", "release.yml"] {
        let name = format!(".github/workflows/{file}");
        let workflow: Value = serde_saphyr::from_str(&read(&name)).unwrap();
        assert_eq!(workflow["permissions"]["contents"], "read", "{file}: jobs ask for more by themselves");
        for (job, step) in steps(&workflow) {
            match (step["uses"].as_str(), step["run"].as_str()) {
                (Some(action), None) => {
                    let (_, version) = action.split_once('@').unwrap_or_else(|| panic!("{job}: {action}"));
                    assert!(version.starts_with('v') && version.len() > 1, "{job}: {action}");
                }
                (None, Some(script)) => {
                    let words = script.split_whitespace();
                    for path in
                        words.filter(|word| word.starts_with(".ci/") || word.starts_with("packaging/"))
                    {
                        assert!(root().join(path).is_file(), "{job}: there is no {path}");
                    }
                    let checked = Command::new("bash").args(["-n", "-c", script]).output().unwrap();
                    assert!(checked.status.success(), "{job}: {}", String::from_utf8_lossy(&checked.stderr));
                }
                _ => panic!("{file}, {job}: a step has either uses or run: {step}"),
            }
        }
    }
}

#[test]
fn the_release_builds_every_target() {
    let workflow: Value = serde_saphyr::from_str(&read(".github/workflows/release.yml")).unwrap();
    let built = workflow["jobs"]["archive"]["strategy"]["matrix"]["include"].as_array().unwrap();
    let built: Vec<&str> = built.iter().map(|one| one["target"].as_str().unwrap()).collect();
    assert_eq!(built, TARGETS.map(|(target, _, _)| target));
    let permissions = &workflow["jobs"]["publish"]["permissions"];
    for (permission, reason) in [
        ("id-token", "provenance"),
        ("attestations", "provenance"),
        ("packages", "images"),
        ("contents", "release"),
    ] {
        assert_eq!(permissions[permission], "write", "{reason}");
    }
}

#[test]
fn issue_templates_are_forms() {
    for name in ["bug.yml", "feature.yml"] {
        let form: Value = serde_saphyr::from_str(&read(&format!(".github/ISSUE_TEMPLATE/{name}"))).unwrap();
        assert!(form["name"].is_string() && form["description"].is_string(), "{name}");
        for field in form["body"].as_array().unwrap() {
            assert!(["textarea", "input"].contains(&field["type"].as_str().unwrap()), "{name}");
            assert!(field["id"].is_string() && field["attributes"]["label"].is_string(), "{name}");
        }
    }
}

#[test]
fn the_licence_file_names_both_licences() {
    let text = read("LICENSE");
    for file in ["LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(text.contains(file) && root().join(file).is_file(), "{file}");
    }
}

/// Returns true if the licence expression holds with the licences `allowed`. `AND` binds more strongly than `OR`.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let parts = |text: &str, operator: &str| -> Vec<String> {
        let mut parts = vec![String::new()];
        let mut depth = 0;
        for word in text.replace('(', " ( ").replace(')', " ) ").split_whitespace() {
            depth += i32::from(word == "(") - i32::from(word == ")");
            match (depth, word) {
                (0, word) if word == operator => parts.push(String::new()),
                (_, word) => {
                    let last = parts.last_mut().unwrap();
                    last.push_str(if last.is_empty() { "" } else { " " });
                    last.push_str(word);
                }
            }
        }
        parts
    };
    // Old manifests separate alternatives by a slash.
    let alternatives = parts(&expression.replace('/', " OR "), "OR");
    let holds = |part: &String| match part.strip_prefix("( ").and_then(|part| part.strip_suffix(" )")) {
        Some(inner) => is_allowed(inner, allowed),
        None => allowed.contains(part),
    };
    alternatives.iter().any(|alternative| parts(alternative, "AND").iter().all(holds))
}

/// The checks of `cargo deny check licenses sources`, without that program.
#[test]
fn dependencies_have_allowed_licences_and_one_source() {
    let text = read("deny.toml");
    let (_, list) = text.split_once("allow = [\n").unwrap();
    let (list, _) = list.split_once("]\n").unwrap();
    let allowed: Vec<String> =
        list.lines().map(|line| line.trim().trim_matches([',', '"']).to_owned()).collect();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0 OR MIT", true),
        ("(MIT OR X) AND Y", false),
        ("MIT/X", true),
        ("X AND MIT OR MIT", true),
    ] {
        assert_eq!(is_allowed(expression, &allowed), expected, "{expression}");
    }
    let metadata =
        cargo_metadata::MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().unwrap();
    for package in metadata.packages.iter().filter(|package| package.source.is_some()) {
        let licence = package.license.as_deref().unwrap_or("none");
        assert!(is_allowed(licence, &allowed), "{} has licence {licence}", package.name);
        assert!(package.source.as_ref().unwrap().is_crates_io(), "{} is not from crates.io", package.name);
    }
}

/// The compiler of `rust-toolchain.toml` is the oldest that the packages promise, so each build checks the promise.
#[test]
fn the_oldest_compiler_is_the_pinned_one() {
    let field = |file: &str, name: &str| {
        let text = read(file);
        text.lines().find(|line| line.starts_with(name)).unwrap().split('"').nth(1).unwrap().to_owned()
    };
    let (oldest, pinned) = (field("Cargo.toml", "rust-version"), field("rust-toolchain.toml", "channel"));
    assert!(pinned.starts_with(&format!("{oldest}.")) || pinned == oldest, "{oldest} and {pinned}");
}
