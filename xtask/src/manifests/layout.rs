//! Splits the rendered objects into files: objects that all profiles share go to the base, the others to overlays.

use std::collections::BTreeMap;

use anyhow::Context as _;

use super::{NOTE, kustomize};

/// The file of the namespace, which `secrets.sh` creates. It is in no kustomization: `kubectl delete -k` would delete it first, and
/// fail on every object that is gone with it.
const NAMESPACE: &str = "namespace.yaml";

/// One object as Helm prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    /// File name of its template, and of the file that it goes to.
    pub(super) file: String,
    /// YAML with comments, without the separator, with one newline at the end.
    pub(super) text: String,
}

/// Parses the output of `helm template`.
///
/// # Errors
/// When a document does not name its template.
pub(super) fn documents(printed: &str) -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    for part in format!("\n{printed}").split("\n---\n") {
        let (notes, text): (Vec<&str>, Vec<&str>) =
            part.lines().partition(|line| line.starts_with("# Source: "));
        // A document may consist of comments only.
        if !text.iter().any(|line| !line.is_empty() && !line.starts_with('#')) {
            continue;
        }
        let source = notes.first().context("a document of the chart does not name its template")?;
        let file = source.rsplit('/').next().unwrap_or_default().to_owned();
        let lines: Vec<&str> = text.iter().map(|line| line.trim_end()).collect();
        documents.push(Document { file, text: format!("{}\n", lines.join("\n").trim_matches('\n')) });
    }
    Ok(documents)
}

/// Returns the files of the base and of each overlay.
pub(super) fn files(rendered: &BTreeMap<&str, Vec<Document>>) -> BTreeMap<String, String> {
    let mut profiles = rendered.values();
    let first = profiles.next().cloned().unwrap_or_default();
    let shared: Vec<Document> =
        first.into_iter().filter(|document| profiles.clone().all(|all| all.contains(document))).collect();
    let mut files = BTreeMap::new();
    add(&mut files, "base", &shared);
    for (profile, all) in rendered {
        let own: Vec<Document> = all.iter().filter(|one| !shared.contains(one)).cloned().collect();
        add(&mut files, &format!("overlays/{profile}"), &own);
    }
    files
}

/// Adds the documents and their kustomization.
fn add(files: &mut BTreeMap<String, String>, folder: &str, documents: &[Document]) {
    let mut names: Vec<&str> = Vec::new();
    for Document { file, text } in documents {
        if !names.contains(&file.as_str()) && file != NAMESPACE {
            names.push(file);
        }
        let whole = files.entry(format!("{folder}/{file}")).or_insert_with(|| NOTE.to_owned());
        if whole != NOTE {
            whole.push_str("---\n");
        }
        whole.push_str(text);
    }
    names.sort_unstable();
    files.insert(format!("{folder}/kustomization.yaml"), kustomize::list(folder, &names));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "---\n# Source: demo/templates/b.yaml\nkind: B\n\n---\n# Source: demo/templates/a.yaml\n# why\nkind: A1  \n---\n# Source: demo/templates/a.yaml\nkind: A2\n---\n# Source: demo/templates/c.yaml\n# nothing\n";

    #[test]
    fn documents_keep_comments_and_template() {
        let documents = documents(PRINTED).unwrap();
        let found: Vec<(&str, &str)> =
            documents.iter().map(|one| (one.file.as_str(), one.text.as_str())).collect();
        assert_eq!(
            found,
            [("b.yaml", "kind: B\n"), ("a.yaml", "# why\nkind: A1\n"), ("a.yaml", "kind: A2\n")]
        );
        assert!(super::documents("kind: X\n").is_err());
    }

    #[test]
    fn shared_documents_go_to_the_base() {
        let other = documents(&PRINTED.replace("A2", "A3")).unwrap();
        let files = files(&[("x", documents(PRINTED).unwrap()), ("y", other)].into());
        assert_eq!(files["base/a.yaml"], format!("{NOTE}# why\nkind: A1\n"));
        assert_eq!(files["overlays/x/a.yaml"], format!("{NOTE}kind: A2\n"));
        assert_eq!(files["overlays/y/a.yaml"], format!("{NOTE}kind: A3\n"));
        assert!(files["base/kustomization.yaml"].ends_with("resources:\n- a.yaml\n- b.yaml\n"));
        assert!(files["overlays/x/kustomization.yaml"].ends_with("resources:\n- ../../base\n- a.yaml\n"));
        assert_eq!(files.len(), 7);
    }
}
