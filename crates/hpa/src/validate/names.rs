//! Rules for names, with the error texts of Kubernetes.
//!
//! Source: `k8s.io/apimachinery/pkg/util/validation`, `.../pkg/api/validation/path` and
//! `pkg/apis/core/v1/validation` (resource names of containers).

use crate::selector::{is_dns_label_without_limit, is_dns_subdomain, is_name_without_limit};

/// The errors of a text as one segment of a path.
pub(super) fn path_segment(text: &str) -> Vec<String> {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    ["/", "%"]
        .into_iter()
        .filter(|bad| text.contains(bad))
        .map(|bad| format!("may not contain '{bad}'"))
        .collect()
}

/// The errors of a text as a DNS label.
pub(super) fn dns_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push("must be no more than 63 bytes".to_owned());
    }
    if !is_dns_label_without_limit(text) {
        wrong.push(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and \
             end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
             '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
                .to_owned(),
        );
    }
    wrong
}

const NAME_PART: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
     alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
     '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// The errors of a text as a name with an optional DNS prefix.
fn qualified(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let parts: Vec<&str> = text.split('/').collect();
    let name = match parts.as_slice() {
        [name] => name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else if !is_dns_subdomain(prefix) {
                wrong.push(
                    "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
                     '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex \
                     used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
                        .to_owned(),
                );
            }
            name
        }
        _ => {
            return vec![format!(
                "a qualified name {NAME_PART} with an optional DNS subdomain prefix and '/' (e.g. \
                 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push("name part must be no more than 63 bytes".to_owned());
    }
    if !is_name_without_limit(name) {
        wrong.push(format!("name part {NAME_PART}"));
    }
    wrong
}

/// The errors of a text as the name of a container resource. An empty text has none.
pub(super) fn container_resource(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let wrong = qualified(text);
    if !wrong.is_empty() {
        return wrong;
    }
    let mut wrong = Vec::new();
    if !text.contains('/') {
        let of_containers =
            matches!(text, "cpu" | "memory" | "ephemeral-storage") || text.starts_with("hugepages-");
        if !of_containers && !is_standard(text) {
            wrong.push("must be a standard resource type or fully qualified".to_owned());
        }
        if !of_containers {
            wrong.push("must be a standard resource for containers".to_owned());
        }
    } else if !text.contains("kubernetes.io/")
        && (text.starts_with("requests.") || !qualified(&format!("requests.{text}")).is_empty())
    {
        wrong.push("doesn't follow extended resource name standard".to_owned());
    }
    wrong
}

/// Returns whether quotas support the resource, apart from the resources of containers.
fn is_standard(text: &str) -> bool {
    const NAMES: [&str; 17] = [
        "requests.cpu",
        "requests.memory",
        "requests.ephemeral-storage",
        "limits.cpu",
        "limits.memory",
        "limits.ephemeral-storage",
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "persistentvolumeclaims",
        "configmaps",
        "services.nodeports",
        "services.loadbalancers",
        "storage",
        "requests.storage",
    ];
    NAMES.contains(&text) || text.starts_with("requests.hugepages-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn container_resource_names() {
        for good in
            ["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "example.com/gpu", "kubernetes.io/x"]
        {
            assert_eq!(container_resource(good), Vec::<String>::new(), "{good}");
        }
        assert_eq!(
            container_resource("InvalidResource"),
            [
                "must be a standard resource type or fully qualified",
                "must be a standard resource for containers"
            ]
        );
        assert_eq!(container_resource("pods"), ["must be a standard resource for containers"]);
        for bad in ["-cpu", "a/b/c", "/gpu", "example.com/", "requests.example.com/gpu", "Example.com/gpu"] {
            assert!(!container_resource(bad).is_empty(), "{bad}");
        }
    }

    #[test]
    fn dns_labels_and_path_segments() {
        assert!(dns_label("worker-1").is_empty());
        for bad in ["Worker", "-a", "a-", "a_b", "a.b", "é"] {
            assert_eq!(dns_label(bad).len(), 1, "{bad}");
        }
        assert_eq!(dns_label(&"a".repeat(64)), ["must be no more than 63 bytes"]);
        assert_eq!(path_segment("a/%"), ["may not contain '/'", "may not contain '%'"]);
        assert_eq!(path_segment(".."), ["may not be '..'"]);
    }
}
