//! Kustomizations: those that list what was rendered, and those that are always the same.

use std::fmt::Write as _;

use super::NOTE;

const HEAD: &str = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";

/// What `kubectl apply -k manifests` applies.
const DEFAULT: &str = "overlays/plugin";

/// The kustomization of a folder whose files are `names`; an overlay stands on the base.
pub(super) fn of_folder(folder: &str, names: &[&str]) -> String {
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

/// Kustomizations that no template decides.
pub(super) fn fixed() -> [(String, String); 2] {
    [
        ("kustomization.yaml".to_owned(), format!("{NOTE}{HEAD}resources:\n- {DEFAULT}\n")),
        ("components/ephemeral/kustomization.yaml".to_owned(), format!("{NOTE}{EPHEMERAL}")),
    ]
}

/// The broker without a volume of its own; `rabbitmq.persistence.enabled=false` of the chart.
const EPHEMERAL: &str = "\
# For a cluster without a storage class: the broker's data ends with its pod. In a kustomization of your own:
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
