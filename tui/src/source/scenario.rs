//! Reads scenarios: those of the library by their name, others from their files.

use std::path::Path;

use scenario::file::{Problem, Scenario, parse};
use scenario::library;
use text::clean;

/// Largest size of a scenario or a trace, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// A scenario by its name in the library, or by the path of its file. A file of that name wins.
///
/// # Errors
/// Fails with one sentence a mistake, or with the reason why there is no file.
pub fn load(wanted: &str) -> Result<Scenario, Vec<String>> {
    let path = Path::new(wanted);
    if !path.exists() {
        if let Some(found) = library::scenario(wanted) {
            return found.map_err(|problems| sentences(wanted, &problems));
        }
        let names = library::names();
        let guess = scenario::strings::did_you_mean(wanted, names.iter().copied());
        let shown = clean::text(wanted);
        let sentence = format!(
            "there is no file {shown} and no such scenario{guess}; the library has {}",
            names.join(", ")
        );
        return Err(vec![sentence]);
    }
    let text = read(path).map_err(|why| vec![format!("{}: {why}", clean::text(wanted))])?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let name = path.file_stem().map(|name| clean::text(&name.to_string_lossy())).unwrap_or_default();
    parse(&name, &text, &|other| read(&folder.join(other))).map_err(|problems| sentences(wanted, &problems))
}

fn read(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MAX_BYTES {
        return Err(format!("it has {size} bytes; the limit is {MAX_BYTES}"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

fn sentences(path: &str, problems: &[Problem]) -> Vec<String> {
    problems.iter().map(|problem| clean::text(&format!("{path}: {problem}"))).collect()
}
