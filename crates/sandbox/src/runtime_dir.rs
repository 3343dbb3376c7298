//! The private folder that holds all files of a sandbox.

use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::Error;

/// Creates a new folder, mode 0700, in `parent` or in the user's runtime folder.
pub(crate) fn create(parent: Option<&Path>) -> Result<PathBuf, Error> {
    let parent = parent.map_or_else(default_parent, Path::to_owned);
    let failed = |source| Error::RuntimeDir { parent: parent.clone(), source };
    let folder = tempfile::Builder::new()
        .prefix("surge-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(&parent)
        .map_err(failed)?;
    // The reaper removes it.
    Ok(folder.keep())
}

/// Writes a new file that only the user may read; fails when it exists.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// Creates a folder, mode 0700, unless it exists. Does not create its parent, so that a folder which the reaper removed
/// is not created again.
pub(crate) fn create_private(path: &Path) -> std::io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        created => created,
    }
}

fn default_parent() -> PathBuf {
    std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute() && path.is_dir())
        .unwrap_or_else(std::env::temp_dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_and_its_files_are_private() {
        let parent = tempfile::tempdir().unwrap();
        let folder = create(Some(parent.path())).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        let file = folder.join("secret");
        write_private(&file, "x").unwrap();
        assert_eq!(mode(&file), 0o600);
        assert!(write_private(&file, "y").is_err(), "an existing file must not change");
    }

    #[test]
    fn the_error_names_an_unusable_parent() {
        let error = create(Some(Path::new("/nowhere/at/all"))).unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all"), "{error}");
    }
}
