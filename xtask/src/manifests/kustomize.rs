//! Kustomizations: the lists of rendered files, and those with fixed content.

use std::fmt::Write as _;

use super::NOTE;

const HEAD: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

/// The overlay that `kubectl apply -k manifests` applies.
const DEFAULT: &str = "overlays/plugin";

/// Returns the kustomization of a folder with the files `names`; an overlay includes the base.
pub(super) fn list(folder: &str, names: &[&str]) -> String {
    let mut text = format!("{NOTE}{HEAD}resources:\n");
    if folder.starts_with("overlays/") {
        text.push_str("- ../../base\n");
    }
    for name in names {
        // Writing to a string does not fail.
        let _ = writeln!(text, "- {name}");
    }
    text
}

/// Kustomizations with fixed content, by path.
pub(super) fn fixed() -> [(String, String); 2] {
    [
        ("kustomization.yaml".to_owned(), format!("{NOTE}{HEAD}resources:\n- {DEFAULT}\n")),
        ("components/ephemeral/kustomization.yaml".to_owned(), format!("{NOTE}{EPHEMERAL}")),
    ]
}

/// The broker without a volume claim, like the chart's `rabbitmq.persistence.enabled=false`.
const EPHEMERAL: &str = "\
# For a cluster without a storage class: the broker's data is lost with its pod. In your own kustomization:
#
#   resources: [overlays/plugin]
#   components: [components/ephemeral]
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
- target:
    kind: StatefulSet
    name: rabbitmq
  patch: |
    - op: remove
      path: /spec/volumeClaimTemplates
    - op: add
      path: /spec/template/spec/volumes/-
      value:
        name: data
        emptyDir: {}
";
