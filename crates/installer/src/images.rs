//! Image archives, loaded into clusters on this machine. The name of the context shows which program made the cluster.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use text::command::Command;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::program;

/// The folder of the archives that `cargo xtask image` builds, from the root of a clone.
pub const BUILT_ARCHIVES: &str = "target/images";

/// Time limit for loading one archive.
const LOAD_TIMEOUT: Duration = Duration::from_secs(300);

/// A cluster on this machine, by the program that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalCluster {
    /// kind, with the cluster's name.
    Kind(String),
    /// minikube, with the profile's name.
    Minikube(String),
    /// k3d, with the cluster's name.
    K3d(String),
}

impl LocalCluster {
    /// The cluster of a context, by the context's name.
    #[must_use]
    pub fn of_context(context: &str) -> Option<Self> {
        if let Some(name) = context.strip_prefix("kind-").filter(|name| !name.is_empty()) {
            return Some(Self::Kind(name.to_owned()));
        }
        if let Some(name) = context.strip_prefix("k3d-").filter(|name| !name.is_empty()) {
            return Some(Self::K3d(name.to_owned()));
        }
        (context == "minikube" || context.starts_with("minikube-"))
            .then(|| Self::Minikube(context.to_owned()))
    }

    /// The command that loads an archive.
    #[must_use]
    pub fn load(&self, archive: &Path) -> Command {
        let (program, verb, flag, name) = match self {
            Self::Kind(name) => ("kind", ["load", "image-archive"], "--name", name),
            Self::Minikube(name) => ("minikube", ["image", "load"], "--profile", name),
            Self::K3d(name) => ("k3d", ["image", "import"], "--cluster", name),
        };
        Command::new(program).args(verb).arg(archive.to_string_lossy()).flag(flag, name.as_str())
    }
}

/// The archives in a folder, sorted by name.
///
/// # Errors
/// If the folder is not readable or has no archives.
pub fn archives(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let advice = "build them with: cargo xtask image all --output DIR";
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Failure::usage(format!("reading the image folder {} failed: {error}", folder.display()), advice)
    })?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "tar"))
        .collect();
    found.sort();
    if found.is_empty() {
        return Err(Failure::usage(format!("the folder {} has no NAME.tar", folder.display()), advice));
    }
    Ok(found)
}

/// Runs a command that loads an archive.
///
/// # Errors
/// If the program is missing, fails or exceeds the time limit; with the last line of its standard error.
pub async fn run(command: &Command, stop: &CancellationToken) -> Result<(), Failure> {
    let program = command.program();
    let found = program::find(program, std::env::var_os("PATH").as_deref()).map_err(|missing| {
        let advice = format!("install {program}, or load the images yourself and omit --archives");
        Failure::step(format!("{command}: {program} does not start: {missing}"), advice)
    })?;
    let mut process = tokio::process::Command::new(found);
    let running = process.args(command.arguments()).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::select! {
        output = tokio::time::timeout(LOAD_TIMEOUT, running) => output,
        () = stop.cancelled() => return Err(Failure::stopped()),
    };
    let output = match output {
        Err(_elapsed) => {
            return Err(Failure::step(format!("{command}: not done within {LOAD_TIMEOUT:?}"), ""));
        }
        Ok(Err(error)) => {
            let advice = "load the images yourself and omit --archives";
            return Err(Failure::step(format!("{command}: {program} does not start: {error}"), advice));
        }
        Ok(Ok(output)) => output,
    };
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it failed without a message");
    Err(Failure::step(format!("{command}: {last}"), "run it to see more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_shows_the_program() {
        for (context, expected) in [
            ("kind-demo", Some("kind load image-archive a.tar --name demo")),
            ("k3d-demo", Some("k3d image import a.tar --cluster demo")),
            ("minikube", Some("minikube image load a.tar --profile minikube")),
            ("kind-", None),
            ("production", None),
            ("kindly", None),
        ] {
            let command = LocalCluster::of_context(context).map(|local| local.load(Path::new("a.tar")));
            assert_eq!(command.map(|command| command.to_string()).as_deref(), expected, "{context}");
        }
    }

    #[test]
    fn a_folder_without_archives_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(archives(folder.path()).unwrap_err().what.contains("has no NAME.tar"));
        for name in ["worker.tar", "producer.tar", "notes.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<_> = archives(folder.path())
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["producer.tar", "worker.tar"]);
        assert!(archives(Path::new("/nowhere")).unwrap_err().what.contains("/nowhere"));
    }
}
