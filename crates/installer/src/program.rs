//! Programs on `PATH`, found as a shell finds them: folders and files without the execute permission are skipped. The error
//! names the skipped ones, because the user may take one for the program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The program is not on `PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramNotFound {
    /// Its name.
    pub name: String,
    /// Paths of that name that are not executable.
    pub skipped: Vec<PathBuf>,
}

impl std::fmt::Display for ProgramNotFound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not on PATH", self.name)?;
        for (index, path) in self.skipped.iter().enumerate() {
            let why = if path.is_dir() { "is a folder" } else { "is not executable" };
            write!(f, "{} {} {why}", if index == 0 { ":" } else { "," }, path.display())?;
        }
        Ok(())
    }
}

/// The first program of that name in the folders of `path`.
///
/// # Errors
/// [`ProgramNotFound`].
pub fn find(name: &str, path: Option<&OsStr>) -> Result<PathBuf, ProgramNotFound> {
    // The default of a shell.
    let path = path.unwrap_or_else(|| OsStr::new("/usr/local/bin:/usr/bin:/bin"));
    let mut skipped = Vec::new();
    for folder in std::env::split_paths(path) {
        // An empty entry is the current folder.
        let candidate =
            if folder.as_os_str().is_empty() { Path::new(".").join(name) } else { folder.join(name) };
        let Ok(metadata) = candidate.metadata() else { continue };
        if metadata.is_file() && rustix::fs::access(&candidate, rustix::fs::Access::EXEC_OK).is_ok() {
            return Ok(candidate);
        }
        skipped.push(candidate);
    }
    Err(ProgramNotFound { name: name.to_owned(), skipped })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(path: &Path, mode: u32) {
        std::fs::write(path, "").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn folders_and_plain_files_are_skipped() {
        let root = tempfile::tempdir().unwrap();
        let folders = ["a", "b", "c", "d"].map(|name| root.path().join(name));
        for folder in &folders {
            std::fs::create_dir(folder).unwrap();
        }
        std::fs::create_dir(folders[1].join("helm")).unwrap();
        file(&folders[2].join("helm"), 0o644);
        let path = std::env::join_paths(&folders).unwrap();
        let missing = find("helm", Some(&path)).unwrap_err();
        assert_eq!(missing.skipped, [folders[1].join("helm"), folders[2].join("helm")]);
        let text = missing.to_string();
        assert!(text.starts_with("helm is not on PATH: /"), "{text}");
        assert!(
            text.contains("b/helm is a folder, /") && text.ends_with("c/helm is not executable"),
            "{text}"
        );

        file(&folders[3].join("helm"), 0o755);
        assert_eq!(find("helm", Some(&path)), Ok(folders[3].join("helm")));
        let nothing = find("helm", Some(folders[0].as_os_str())).unwrap_err();
        assert_eq!(nothing.to_string(), "helm is not on PATH");
    }
}
