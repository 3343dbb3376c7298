//! The chart as plain YAML: a kustomize base, and an overlay for each profile.
//!
//! The chart is the single source of the demo's objects. Users without Helm apply these files, and the sandbox embeds
//! them. They are in the repository, and a test fails when they differ from the rendered chart. The table of values in the
//! chart's README is generated too.

mod adapter;
mod kustomize;
mod layout;
mod readme;
mod secrets;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

/// Values of the chart's `metrics.source`; each is a profile with its own overlay.
pub(crate) const PROFILES: [&str; 3] = ["plugin", "exporter", "keda"];

/// First line of every generated file.
const NOTE: &str = "# Generated from charts/ by `cargo xtask manifests`: change the chart, not this file.\n";

/// Folder of files that are written by hand: they are not part of the demo.
const BY_HAND: &str = "rbac/";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The Helm program
    #[arg(long, value_name = "PATH", default_value = "helm")]
    helm: PathBuf,
    /// Change nothing; fail if a file differs from the rendered chart
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let wanted = generate(&root, &args.helm)?;
    let folder = root.join("manifests");
    let mut drift = drift(&folder, &wanted)?;
    let readme = readme::generate(&root)?;
    if std::fs::read_to_string(root.join(readme::PATH))? != readme {
        drift.push(format!("{}: differs", readme::PATH));
    }
    if drift.is_empty() {
        println!("manifests/ and the chart's README are up to date");
        return Ok(());
    }
    if args.check {
        bail!(
            "generated files differ from the chart; run `cargo xtask manifests`:\n  {}",
            drift.join("\n  ")
        );
    }
    write(&folder, &wanted)?;
    std::fs::write(root.join(readme::PATH), readme)?;
    println!("written:\n  {}", drift.join("\n  "));
    Ok(())
}

/// Generates every file of `manifests/`, by its path in that folder.
fn generate(root: &Path, helm: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut rendered = BTreeMap::new();
    for profile in PROFILES {
        let values = [("metrics.source", profile), ("rabbitmq.auth.create", "false")];
        rendered.insert(profile, layout::documents(&render(root, helm, &values)?)?);
    }
    let mut files = layout::files(&rendered);
    let password = ("rabbitmq.auth.password", secrets::PLACEHOLDER);
    files.insert(
        "secrets.sh".to_owned(),
        secrets::script(&layout::documents(&render(root, helm, &[password])?)?)?,
    );
    for profile in ["plugin", "exporter"] {
        files.insert(format!("adapter/{profile}.yaml"), adapter::config_map(root, profile)?);
    }
    files.extend(kustomize::fixed());
    Ok(files)
}

/// Returns the output of `helm template`.
fn render(root: &Path, helm: &Path, values: &[(&str, &str)]) -> anyhow::Result<String> {
    let mut command = Command::new(helm);
    command.args(["template", contract::names::PART_OF, "charts/autoscaling-demo"]).current_dir(root);
    command.args(["--namespace", contract::names::NAMESPACE]);
    command.args(["--set", "managedBy=kustomize,namespace.create=true,tests.enabled=false"]);
    for (name, value) in values {
        command.arg("--set").arg(format!("{name}={value}"));
    }
    let helm = helm.display();
    let output = command
        .output()
        .with_context(|| format!("cannot start {helm}; set the path of Helm with --helm PATH"))?;
    ensure!(
        output.status.success(),
        "{helm} template failed ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    String::from_utf8(output.stdout).with_context(|| format!("the output of {helm} is not UTF-8"))
}

/// Lists the files that differ, are missing or are extra, each with its problem.
fn drift(folder: &Path, wanted: &BTreeMap<String, String>) -> anyhow::Result<Vec<String>> {
    let present = present(folder)?;
    let mut drift = Vec::new();
    for (path, text) in wanted {
        match present.get(path) {
            None => drift.push(format!("manifests/{path}: missing")),
            Some(found) if found != text => drift.push(format!("manifests/{path}: differs")),
            Some(_) => {}
        }
    }
    let extra = present.keys().filter(|path| !wanted.contains_key(*path));
    drift.extend(extra.map(|path| format!("manifests/{path}: extra")));
    Ok(drift)
}

/// Reads every generated file below `folder`, by its path in that folder.
fn present(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        if !next.exists() {
            continue;
        }
        for entry in std::fs::read_dir(&next).with_context(|| format!("reading {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            let name = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
            if !name.starts_with(BY_HAND) {
                files.insert(name, text);
            }
        }
    }
    Ok(files)
}

fn write(folder: &Path, wanted: &BTreeMap<String, String>) -> anyhow::Result<()> {
    for path in present(folder)?.keys().filter(|path| !wanted.contains_key(*path)) {
        let path = folder.join(path);
        std::fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
    }
    for (path, text) in wanted {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| format!("creating {}", parent.display()))?;
        }
        std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_lists_every_file() {
        let folder = tempfile::tempdir().unwrap();
        let files = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
        };
        let first = files(&[("a.yaml", "1"), ("b/c.yaml", "2")]);
        assert_eq!(drift(folder.path(), &first).unwrap().len(), 2);
        write(folder.path(), &first).unwrap();
        assert_eq!(drift(folder.path(), &first).unwrap(), [""; 0]);
        let second = files(&[("a.yaml", "3"), ("d.yaml", "4")]);
        assert_eq!(
            drift(folder.path(), &second).unwrap(),
            ["manifests/a.yaml: differs", "manifests/d.yaml: missing", "manifests/b/c.yaml: extra"]
        );
        write(folder.path(), &second).unwrap();
        assert_eq!(present(folder.path()).unwrap(), second);
    }
}
