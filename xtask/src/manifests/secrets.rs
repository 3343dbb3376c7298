//! The two Secrets: a shell script that prints them with a random password, because plain YAML would contain a fixed one.

use anyhow::ensure;

use super::NOTE;
use super::layout::Document;

/// The password in the rendered chart; the script replaces it.
pub(super) const PLACEHOLDER: &str = "THE-PASSWORD";

const HEAD: &str = r#"#
# sh manifests/secrets.sh | kubectl create -f -
#
# prints the demo's namespace and its two Secrets, with a random password or with $PASSWORD. `kubectl create` refuses objects
# that already exist, so a second run changes nothing.
set -eu
password=${PASSWORD:-$(LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 24)}
case $password in
*[!A-Za-z0-9._-]* | '')
	echo "the password may contain only letters, digits, and . _ - (the script does not escape it)" >&2
	exit 1
	;;
esac
cat <<YAML
"#;

/// Returns the script for the rendered objects.
///
/// # Errors
/// When the chart has other Secrets than expected, or one contains characters that a shell expands.
pub(super) fn script(documents: &[Document]) -> anyhow::Result<String> {
    let wanted = |one: &&Document| ["namespace.yaml", "rabbitmq-secret.yaml"].contains(&one.file.as_str());
    let texts: Vec<&str> = documents.iter().filter(wanted).map(|one| one.text.as_str()).collect();
    let text = texts.join("---\n");
    ensure!(texts.len() == 3, "the chart renders {} objects for secrets.sh instead of 3", texts.len());
    ensure!(!text.contains(['$', '`', '\\']), "the Secrets contain characters that a shell expands");
    ensure!(text.matches(PLACEHOLDER).count() == 2, "the password is not in both Secrets exactly once");
    Ok(format!("#!/bin/sh\n{NOTE}{HEAD}{}YAML\n", text.replace(PLACEHOLDER, "$password")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(file: &str, text: &str) -> Document {
        Document { file: file.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn the_shell_expands_only_the_password() {
        let secrets = |text: &str| {
            script(&[
                document("namespace.yaml", "kind: Namespace\n"),
                document("worker.yaml", "kind: Deployment\n"),
                document("rabbitmq-secret.yaml", "password: THE-PASSWORD\n"),
                document("rabbitmq-secret.yaml", text),
            ])
        };
        let script = secrets("definitions: {THE-PASSWORD}\n").unwrap();
        assert!(script.ends_with(
            "cat <<YAML\nkind: Namespace\n---\npassword: $password\n---\ndefinitions: {$password}\nYAML\n"
        ));
        assert!(secrets("definitions: {THE-PASSWORD} $x\n").is_err());
        assert!(secrets("definitions: {}\n").is_err());
    }
}
