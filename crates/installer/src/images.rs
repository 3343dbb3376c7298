//! Clusters that run on this machine take images from files: which command does it, known by the context's name.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::program;
use super::shell;

/// Where `cargo xtask image` leaves the archives that it builds, from the root of a clone.
pub const BUILT: &str = "target/images";

/// How long loading one archive may take.
const WITHIN: Duration = Duration::from_secs(300);

/// A program that keeps clusters on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Local {
    /// kind, with the cluster's name.
    Kind(String),
    /// minikube, with the profile's name.
    Minikube(String),
    /// k3d, with the cluster's name.
    K3d(String),
}

impl Local {
    /// The program that made a context of this name, if its name tells.
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

    /// The command that loads the image in `archive`.
    #[must_use]
    pub fn load(&self, archive: &Path) -> Vec<String> {
        let archive = archive.to_string_lossy().into_owned();
        let words = |words: [&str; 4], last: [&str; 2]| {
            words.iter().chain(&last).map(|word| (*word).to_owned()).collect::<Vec<_>>()
        };
        match self {
            Self::Kind(name) => words(["kind", "load", "image-archive", &archive], ["--name", name]),
            Self::Minikube(name) => words(["minikube", "image", "load", &archive], ["--profile", name]),
            Self::K3d(name) => words(["k3d", "image", "import", &archive], ["--cluster", name]),
        }
    }
}

/// The archives in a folder, by name.
///
/// # Errors
/// When the folder cannot be read or holds none.
pub fn archives(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let advice = "make them with: cargo xtask image all --output DIR";
    let entries = std::fs::read_dir(folder).map_err(|error| {
        Failure::usage(format!("reading the folder of images {} failed: {error}", folder.display()), advice)
    })?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "tar"))
        .collect();
    found.sort();
    if found.is_empty() {
        return Err(Failure::usage(format!("the folder {} holds no NAME.tar", folder.display()), advice));
    }
    Ok(found)
}

/// Runs one loading command to its end.
///
/// # Errors
/// When the program is not there, fails or takes too long, with the last thing that it said.
pub async fn run(command: &[String], stop: &CancellationToken) -> Result<(), Failure> {
    let line = shell::line(command);
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let found = program::find(program, std::env::var_os("PATH").as_deref()).map_err(|missing| {
        let advice =
            format!("put {program} on your path, or load the images yourself and leave --archives out");
        Failure::step(format!("{line}: {program} cannot be started: {missing}"), advice)
    })?;
    let running = Command::new(found).args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::select! {
        output = tokio::time::timeout(WITHIN, running) => output,
        () = stop.cancelled() => return Err(Failure::stopped()),
    };
    let output = match output {
        Err(_late) => return Err(Failure::step(format!("{line}: not done within {WITHIN:?}"), "")),
        Ok(Err(error)) => {
            let advice = "load the images yourself and leave --archives out";
            return Err(Failure::step(format!("{line}: {program} cannot be started: {error}"), advice));
        }
        Ok(Ok(output)) => output,
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    Err(Failure::step(format!("{line}: {last}"), "run it yourself to see more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_known_by_the_context() {
        for (context, command) in [
            ("kind-demo", Some("kind load image-archive a.tar --name demo")),
            ("k3d-demo", Some("k3d image import a.tar --cluster demo")),
            ("minikube", Some("minikube image load a.tar --profile minikube")),
            ("kind-", None),
            ("production", None),
            ("kindly", None),
        ] {
            let local = Local::of_context(context);
            let line = local.map(|local| shell::line(local.load(Path::new("a.tar"))));
            assert_eq!(line.as_deref(), command, "{context}");
        }
    }

    #[test]
    fn a_folder_without_images_is_told() {
        let folder = tempfile::tempdir().unwrap();
        assert!(archives(folder.path()).unwrap_err().what.contains("holds no NAME.tar"));
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
