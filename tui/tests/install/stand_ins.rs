//! Stub programs on `PATH` for helm and for the programs of local clusters.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::sandboxed::{Said, Sandbox};

/// Answers from files in its folder, and records its arguments.
const HELM: &str = r#"#!/bin/sh
here=${0%/*}
echo "$*" >>"$here/asked"
case $1 in
version) cat "$here/version" ;;
template)
  if [ -f "$here/refusal" ]; then /bin/cat "$here/refusal" >&2; exit 1; fi
  cat "$here/template" ;;
list) case "$*" in *--selector*) cat "$here/ours" ;; *) cat "$here/all" ;; esac ;;
get) cat "$here/$2-$3" ;;
show) [ "$2" = crds ] || echo "version: 1.0.0" ;;
upgrade)
  if [ -f "$here/slow" ]; then trap 'echo terminated >>"$here/asked"; exit 1' TERM; echo upgrading >>"$here/asked"
    while :; do /bin/sleep 1; done; fi ;;
esac
"#;

/// Records its name and arguments.
pub(crate) const LOADER: &str = "#!/bin/sh\necho \"${0##*/} $*\" >>\"${0%/*}/asked\"\n";

/// A folder of stub programs, the only one on `PATH`.
pub(crate) struct StandIns(tempfile::TempDir);

impl StandIns {
    /// A helm without releases that renders `template`.
    pub(crate) fn new(template: &str) -> Self {
        let here = Self(tempfile::tempdir().unwrap());
        here.program("helm", HELM);
        // The scripts need it.
        std::os::unix::fs::symlink("/bin/cat", here.path().join("cat")).unwrap();
        for (file, text) in [("version", "v3.14.0"), ("all", "[]"), ("ours", "[]"), ("template", template)] {
            here.file(file, text);
        }
        here
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn program(&self, name: &str, text: &str) {
        self.file(name, text);
        std::fs::set_permissions(self.path().join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).unwrap();
    }

    pub(crate) fn asked(&self) -> String {
        std::fs::read_to_string(self.path().join("asked")).unwrap_or_default()
    }
}

/// The demo's manifests, with the sandbox's images.
pub(crate) fn demo() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests");
    let files = [
        "base/namespace.yaml",
        "base/service-accounts.yaml",
        "base/rabbitmq.yaml",
        "overlays/plugin/rabbitmq.yaml",
        "base/producer.yaml",
        "base/worker.yaml",
        "overlays/plugin/hpa.yaml",
        "base/monitoring.yaml",
        "overlays/plugin/monitoring.yaml",
    ];
    let mut text = String::from(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: rabbitmq-definitions}\nstringData: {definitions.json: '{}'}\n",
    );
    text.push_str("---\napiVersion: v1\nkind: Secret\nmetadata: {name: rabbitmq}\nstringData: {username: surge, password: secret}\n");
    for file in files {
        text.push_str("---\n");
        for line in std::fs::read_to_string(root.join(file)).unwrap().lines() {
            text.push_str(&here(line));
            text.push('\n');
        }
    }
    text
}

/// A line of a manifest, with the sandbox's image.
fn here(line: &str) -> String {
    for program in ["producer", "worker", "rabbitmq"] {
        if let Some((indent, reference)) = line.split_once("image: ")
            && reference.contains(program)
        {
            return format!("{indent}image: surge.local/{program}:{}", env!("CARGO_PKG_VERSION"));
        }
    }
    line.to_owned()
}

/// A namespace and two ConfigMaps, without pods.
pub(crate) const SMALL: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: autoscaling-demo}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {a: b}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
data: {a: b}
";

pub(crate) const UP: [&str; 5] = ["up", "--skip-stack", "--yes", "--timeout", "120s"];

/// `surge up` with no time to wait for the metric, which [`SMALL`] never has.
pub(crate) const SHORT: [&str; 5] = ["up", "--skip-stack", "--yes", "--timeout", "0s"];

pub(crate) fn run(sandbox: &Sandbox, stand_ins: &StandIns, arguments: &[&str]) -> Said {
    Said::by(&mut sandbox.surge(stand_ins.path(), arguments))
}
