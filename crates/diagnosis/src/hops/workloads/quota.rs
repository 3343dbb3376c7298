//! Pods that a ResourceQuota refuses.

use hpa::quantity::{Format, Quantity, format_milli};
use serde_json::{Map, Value, json};

use crate::finding::Fix;
use crate::{fixes, messages};

/// Raising the quota that the message names by the request of the missing pods.
pub(super) fn fix(message: &str, namespace: &str, missing: i32) -> Option<Fix> {
    let (_, rest) = message.split_once("exceeded quota: ")?;
    let (name, rest) = rest.split_once(", requested: ")?;
    let (requested, rest) = rest.split_once(", used: ")?;
    let (used, limited) = rest.split_once(", limited: ")?;
    let mut hard = Map::new();
    for (resource, request) in amounts(requested) {
        let of = |list: &str| amounts(list).find(|(name, _)| *name == resource).map(|(_, amount)| amount);
        let needed = of(used)?.checked_add(request.checked_mul(i64::from(missing.max(1)))?)?;
        let wanted = needed.max(of(limited)?);
        let format =
            if wanted % 1_000 == 0 && limited.contains('i') { Format::BinarySi } else { Format::DecimalSi };
        hard.insert(resource.to_owned(), Value::String(format_milli(wanted, format)));
    }
    let change = json!({"spec": {"hard": hard}});
    let patch = fixes::merge_patch("resourcequota", name, namespace, &change);
    Some(Fix::command(messages::fix_quota(name), patch))
}

/// The amounts of a list such as `cpu=1,memory=2Gi`, in thousandths.
fn amounts(list: &str) -> impl Iterator<Item = (&str, i64)> {
    let entries = list.split(',').filter_map(|entry| entry.trim().split_once('='));
    entries.filter_map(|(name, amount)| Some((name, amount.trim().parse::<Quantity>().ok()?.milli().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quota_is_raised_by_the_missing_pods() {
        let message = "pods \"w-1\" is forbidden: exceeded quota: team, requested: pods=1,requests.cpu=500m, used: pods=3,requests.cpu=1500m, limited: pods=3,requests.cpu=1800m";
        let fix = fix(message, "demo", 2).unwrap();
        assert_eq!(
            fix.text(),
            r#"kubectl patch resourcequota team -n demo --type merge -p '{"spec":{"hard":{"pods":"5","requests.cpu":"2500m"}}}'"#
        );
        assert_eq!(super::fix("violates PodSecurity", "demo", 2), None);
    }
}
