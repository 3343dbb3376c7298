//! Programs on `PATH`, found as a shell finds them: a folder of that name is passed over, and so is a file that may not be
//! executed. What was passed over is told where nothing else is found, since it is what the person takes for the program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Why there is no such program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// What bears its name on the path and is no program.
    pub passed_over: Vec<PathBuf>,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not on your path", self.name)?;
        for (index, path) in self.passed_over.iter().enumerate() {
            let why = if path.is_dir() { "is a folder" } else { "may not be executed" };
            write!(f, "{} {} {why}", if index == 0 { ":" } else { "," }, path.display())?;
        }
        Ok(())
    }
}

/// The first program of that name in the folders of `path`.
///
/// # Errors
/// [`Missing`] when there is none.
pub fn find(name: &str, path: Option<&OsStr>) -> Result<PathBuf, Missing> {
    // What a shell takes where nothing is said.
    let path = path.unwrap_or_else(|| OsStr::new("/usr/local/bin:/usr/bin:/bin"));
    let mut passed_over = Vec::new();
    for folder in std::env::split_paths(path) {
        // An empty entry is the folder in which we are.
        let candidate =
            if folder.as_os_str().is_empty() { Path::new(".").join(name) } else { folder.join(name) };
        let Ok(metadata) = candidate.metadata() else { continue };
        if metadata.is_file() && rustix::fs::access(&candidate, rustix::fs::Access::EXEC_OK).is_ok() {
            return Ok(candidate);
        }
        passed_over.push(candidate);
    }
    Err(Missing { name: name.to_owned(), passed_over })
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
    fn folders_and_files_without_the_right_are_passed_over() {
        let root = tempfile::tempdir().unwrap();
        let folders = ["a", "b", "c", "d"].map(|name| root.path().join(name));
        for folder in &folders {
            std::fs::create_dir(folder).unwrap();
        }
        std::fs::create_dir(folders[1].join("helm")).unwrap();
        file(&folders[2].join("helm"), 0o644);
        let path = std::env::join_paths(&folders).unwrap();
        let missing = find("helm", Some(&path)).unwrap_err();
        assert_eq!(missing.passed_over, [folders[1].join("helm"), folders[2].join("helm")]);
        let said = missing.to_string();
        assert!(said.starts_with("helm is not on your path: /"), "{said}");
        assert!(
            said.contains("b/helm is a folder, /") && said.ends_with("c/helm may not be executed"),
            "{said}"
        );

        file(&folders[3].join("helm"), 0o755);
        assert_eq!(find("helm", Some(&path)), Ok(folders[3].join("helm")));
        let nothing = find("helm", Some(folders[0].as_os_str())).unwrap_err();
        assert_eq!(nothing.to_string(), "helm is not on your path");
    }
}
