//! Comparison of pod templates, and the short hash that names a version.

use k8s_openapi::api::core::v1::PodTemplateSpec;

/// Label that distinguishes the pods of different versions.
pub(super) const HASH_LABEL: &str = "pod-template-hash";

/// Returns true when two templates are equal apart from the hash label that a controller added.
pub(super) fn same(a: &PodTemplateSpec, b: &PodTemplateSpec) -> bool {
    let without_hash = |template: &PodTemplateSpec| {
        let mut template = template.clone();
        if let Some(labels) = template.metadata.as_mut().and_then(|meta| meta.labels.as_mut()) {
            labels.remove(HASH_LABEL);
        }
        template
    };
    without_hash(a) == without_hash(b)
}

/// A short hash of `template`; another number of `collisions` gives another hash.
///
/// Its form is Kubernetes' (FNV-1a, in letters that form no words). Its value differs, because Kubernetes hashes a dump
/// of a Go structure.
pub(super) fn hash(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    let text = serde_json::to_string(template).unwrap_or_default();
    let mut hash: u32 = 0x811c_9dc5;
    for byte in text.bytes().chain(collisions.into_iter().flat_map(i32::to_le_bytes)) {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    hash.to_string().bytes().map(|digit| char::from(LETTERS[usize::from(digit) % LETTERS.len()])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(json: serde_json::Value) -> PodTemplateSpec {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn only_the_hash_label_is_ignored() {
        let plain = template(serde_json::json!({"metadata": {"labels": {"a": "b"}}}));
        let mut labelled = plain.clone();
        labelled.metadata.as_mut().unwrap().labels.as_mut().unwrap().insert(HASH_LABEL.into(), "x".into());
        assert!(same(&plain, &labelled));
        let other = template(serde_json::json!({"metadata": {"labels": {"a": "c"}}}));
        assert!(!same(&plain, &other));
        assert_ne!(hash(&plain, None), hash(&other, None));
        assert_ne!(hash(&plain, None), hash(&plain, Some(1)));
        assert_eq!(hash(&plain, None), hash(&plain, None));
    }
}
