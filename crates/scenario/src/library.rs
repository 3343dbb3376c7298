//! The scenarios that are part of the program: the files of `scenarios/`.

use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::file::{Problem, Scenario, parse};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scenarios");

/// The names, in alphabetical order.
#[must_use]
pub fn names() -> Vec<&'static str> {
    let files = FILES.files().filter(|file| file.path().extension().is_some_and(|ending| ending == "toml"));
    let mut names: Vec<_> = files.filter_map(|file| file.path().file_stem()?.to_str()).collect();
    names.sort_unstable();
    names
}

/// The text of a scenario.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    FILES.get_file(format!("{name}.toml"))?.contents_utf8()
}

/// A scenario of the library.
///
/// # Errors
/// All problems of the file; a test proves that there are none.
pub fn scenario(name: &str) -> Option<Result<Scenario, Vec<Problem>>> {
    let read = |path: &Path| {
        let found = FILES.get_file(path).and_then(include_dir::File::contents_utf8);
        found.map(str::to_owned).ok_or_else(|| format!("there is no file {}", path.display()))
    };
    Some(parse(name, text(name)?, &read))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_valid_and_described() {
        assert!(names().contains(&"spike"));
        for name in names() {
            let scenario = scenario(name).unwrap();
            let scenario = scenario.unwrap_or_else(|problems| panic!("{name}: {problems:?}"));
            assert!(!scenario.description.is_empty() && !scenario.expect.is_empty(), "{name}");
            assert_eq!(scenario.name, name);
        }
    }
}
