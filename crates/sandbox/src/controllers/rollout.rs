//! The arithmetic of a Deployment's rollout: the next size of each ReplicaSet. Pure.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use k8s_openapi::jiff::Timestamp;

/// The sizes of a ReplicaSet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SetSizes {
    /// `spec.replicas`.
    pub(super) replicas: i32,
    /// `status.availableReplicas`.
    pub(super) available: i32,
    /// `metadata.creationTimestamp`, for the order by age.
    pub(super) created: Timestamp,
    /// Annotation `max-replicas`: the Deployment's size with surge when this set was last scaled; see [`proportional`].
    pub(super) max_replicas: Option<i32>,
}

/// The sizes that a Deployment allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeploymentSizes {
    /// `spec.replicas`.
    pub(super) replicas: i32,
    /// Pods above `replicas` during an update.
    pub(super) max_surge: i32,
    /// Pods below `replicas` during an update.
    pub(super) max_unavailable: i32,
    /// `status.replicas`.
    pub(super) observed: i32,
}

/// `maxSurge` and `maxUnavailable` as numbers: surge rounds up, unavailable rounds down, and one of them is not zero.
pub(super) fn surge_and_unavailable(
    surge: Option<&IntOrString>,
    unavailable: Option<&IntOrString>,
    replicas: i32,
) -> (i32, i32) {
    let surge = scaled(surge, replicas, true);
    let unavailable = scaled(unavailable, replicas, false);
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable.min(replicas.max(1))) }
}

fn scaled(value: Option<&IntOrString>, total: i32, up: bool) -> i32 {
    let percent = |percent: i64| {
        let exact = percent.saturating_mul(i64::from(total));
        let rounded = if up { (exact + 99) / 100 } else { exact / 100 };
        i32::try_from(rounded).unwrap_or(i32::MAX)
    };
    match value {
        None => percent(25),
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(text)) => text.trim_end_matches('%').parse().map_or(0, percent),
    }
}

fn total(sets: &[SetSizes]) -> i32 {
    sets.iter().map(|set| set.replicas).fold(0, i32::saturating_add)
}

/// Next size of the newest set in a rolling update.
pub(super) fn new_size(wanted: DeploymentSizes, new: SetSizes, old: &[SetSizes]) -> i32 {
    if new.replicas >= wanted.replicas {
        return wanted.replicas;
    }
    let room = wanted.replicas + wanted.max_surge - total(old) - new.replicas;
    if room <= 0 { new.replicas } else { new.replicas + room.min(wanted.replicas - new.replicas) }
}

/// Next sizes of the old sets in a rolling update, in the order of `old`.
pub(super) fn old_sizes(wanted: DeploymentSizes, new: SetSizes, old: &[SetSizes]) -> Vec<i32> {
    let mut sizes: Vec<i32> = old.iter().map(|set| set.replicas).collect();
    let minimum = wanted.replicas - wanted.max_unavailable;
    let new_unavailable = new.replicas - new.available;
    let spare = total(old) + new.replicas - minimum - new_unavailable;
    if total(old) == 0 || spare <= 0 {
        return sizes;
    }
    let mut by_age: Vec<usize> = (0..old.len()).collect();
    by_age.sort_by_key(|&index| old[index].created);
    // Removes unavailable pods first, which costs no availability.
    let mut removed = 0;
    for &index in &by_age {
        let idle = (old[index].replicas - old[index].available).max(0);
        let cut = idle.min(spare - removed).max(0);
        sizes[index] -= cut;
        removed += cut;
    }
    let available: i32 = new.available + old.iter().map(|set| set.available).sum::<i32>();
    let mut cut_left = available - minimum;
    for &index in &by_age {
        if cut_left <= 0 {
            break;
        }
        let cut = sizes[index].min(cut_left);
        sizes[index] -= cut;
        cut_left -= cut;
    }
    sizes
}

/// Sizes after the Deployment was scaled during an update: each set grows or shrinks in proportion. `sets` are the sets
/// with pods; the result has their order.
pub(super) fn proportional(wanted: DeploymentSizes, sets: &[SetSizes]) -> Vec<i32> {
    let allowed = if wanted.replicas > 0 { wanted.replicas + wanted.max_surge } else { 0 };
    let to_add = allowed - total(sets);
    let mut order: Vec<usize> = (0..sets.len()).collect();
    // The largest set gets the remainder. Among equal sets the newer one grows and the older one shrinks.
    order.sort_by(|&a, &b| {
        let age = if to_add > 0 {
            sets[b].created.cmp(&sets[a].created)
        } else {
            sets[a].created.cmp(&sets[b].created)
        };
        sets[b].replicas.cmp(&sets[a].replicas).then(age)
    });
    let mut sizes: Vec<i32> = sets.iter().map(|set| set.replicas).collect();
    let mut added = 0;
    for &index in &order {
        if to_add == 0 {
            break;
        }
        let fraction = fraction(wanted, sets[index]);
        let left = to_add - added;
        let share = if to_add > 0 { fraction.min(left) } else { fraction.max(left) };
        sizes[index] += share;
        added += share;
    }
    if let Some(&first) = order.first()
        && to_add != 0
    {
        sizes[first] += to_add - added;
    }
    sizes.into_iter().map(|size| size.max(0)).collect()
}

fn fraction(wanted: DeploymentSizes, set: SetSizes) -> i32 {
    if wanted.replicas == 0 {
        return -set.replicas;
    }
    let size = f64::from(wanted.replicas + wanted.max_surge);
    let before = f64::from(set.max_replicas.unwrap_or(wanted.observed).max(1));
    (f64::from(set.replicas) * size / before).round() as i32 - set.replicas
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(replicas: i32, available: i32, age: i64) -> SetSizes {
        let created = Timestamp::from_second(1000 - age).unwrap();
        SetSizes { replicas, available, created, max_replicas: None }
    }

    fn wanted(replicas: i32, max_surge: i32, max_unavailable: i32) -> DeploymentSizes {
        DeploymentSizes { replicas, max_surge, max_unavailable, observed: replicas }
    }

    #[test]
    fn surge_rounds_up_and_unavailable_down() {
        let text = |text: &str| IntOrString::String(text.to_owned());
        for (surge, unavailable, replicas, expected) in [
            (None, None, 10, (3, 2)),
            (None, None, 1, (1, 0)),
            (None, None, 0, (0, 1)),
            (Some(text("0%")), Some(text("0%")), 10, (0, 1)),
            (Some(IntOrString::Int(2)), Some(IntOrString::Int(50)), 10, (2, 10)),
            (Some(text("100%")), Some(text("50%")), 5, (5, 2)),
        ] {
            assert_eq!(
                surge_and_unavailable(surge.as_ref(), unavailable.as_ref(), replicas),
                expected,
                "{surge:?}"
            );
        }
    }

    #[test]
    fn the_new_set_grows_within_the_surge() {
        for (expected, wanted, new, old) in [
            (3, wanted(10, 3, 2), set(0, 0, 0), vec![set(10, 10, 9)]),
            (5, wanted(10, 3, 2), set(3, 0, 0), vec![set(8, 8, 9)]),
            (10, wanted(10, 3, 2), set(9, 0, 0), vec![set(0, 0, 9)]),
            (4, wanted(4, 1, 1), set(7, 7, 0), vec![]),
            (2, wanted(4, 0, 1), set(2, 2, 0), vec![set(2, 2, 9)]),
        ] {
            assert_eq!(new_size(wanted, new, &old), expected, "{wanted:?} {new:?} {old:?}");
        }
    }

    #[test]
    fn old_sets_lose_unavailable_pods_first() {
        for (expected, wanted, new, old) in [
            (vec![8], wanted(10, 3, 2), set(3, 0, 0), vec![set(10, 10, 9)]),
            (vec![5], wanted(10, 3, 2), set(5, 3, 0), vec![set(8, 8, 9)]),
            // Five old pods are unavailable and go at once.
            (vec![5], wanted(10, 3, 5), set(3, 0, 0), vec![set(10, 5, 9)]),
            (vec![0, 2], wanted(4, 1, 1), set(1, 1, 0), vec![set(1, 1, 9), set(3, 3, 8)]),
            (vec![1], wanted(1, 1, 0), set(1, 0, 0), vec![set(1, 1, 9)]),
            (vec![0], wanted(1, 1, 0), set(1, 1, 0), vec![set(1, 1, 9)]),
        ] {
            assert_eq!(old_sizes(wanted, new, &old), expected, "{wanted:?} {new:?} {old:?}");
        }
    }

    #[test]
    fn scaling_during_an_update_is_proportional() {
        let sized = |replicas, age, max| SetSizes { max_replicas: Some(max), ..set(replicas, replicas, age) };
        for (expected, wanted, sets) in [
            (vec![10, 10], wanted(20, 0, 0), vec![sized(5, 1, 10), sized(5, 2, 10)]),
            (vec![0, 0], wanted(0, 0, 1), vec![sized(5, 1, 10), sized(5, 2, 10)]),
            (vec![4, 1], wanted(5, 0, 1), vec![sized(8, 1, 10), sized(2, 2, 10)]),
            (vec![11, 4], wanted(15, 0, 1), vec![sized(7, 1, 10), sized(3, 2, 10)]),
        ] {
            let sizes = proportional(wanted, &sets);
            assert_eq!(sizes.iter().sum::<i32>(), expected.iter().sum::<i32>(), "{sets:?}");
            assert_eq!(sizes, expected, "{wanted:?} {sets:?}");
        }
    }
}
