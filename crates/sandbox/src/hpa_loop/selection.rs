//! The pods that a selector selects, and the HPAs that select the same pods, without a look at all of them.
//!
//! Kubernetes' controller keeps such an index for the second (`BiMultimap`). A look-up costs as much as it finds, so a
//! round of syncs of many HPAs grows with their number and not with its square.

use std::collections::{BTreeMap, HashMap, HashSet};

use apiserver::{LabelSelector, Requirement};

use crate::informer::Key;

/// Namespace, label and value.
type Bucket = (String, String, String);

/// The pods of each label value.
#[derive(Debug, Default)]
pub(super) struct PodIndex {
    labels: HashMap<Key, BTreeMap<String, String>>,
    buckets: HashMap<Bucket, HashSet<Key>>,
}

impl PodIndex {
    /// Adds a pod, or replaces its labels.
    pub(super) fn insert(&mut self, pod: Key, labels: &BTreeMap<String, String>) {
        if self.labels.get(&pod) == Some(labels) {
            return;
        }
        self.remove(&pod);
        for bucket in buckets_of(&pod.0, labels) {
            self.buckets.entry(bucket).or_default().insert(pod.clone());
        }
        self.labels.insert(pod, labels.clone());
    }

    pub(super) fn remove(&mut self, pod: &Key) {
        let Some(labels) = self.labels.remove(pod) else { return };
        for bucket in buckets_of(&pod.0, &labels) {
            leave(&mut self.buckets, &bucket, pod);
        }
    }

    /// The pods of a namespace that the selector may select: those of its rarest value. `None` if it fixes no value.
    pub(super) fn candidates(&self, namespace: &str, selector: &LabelSelector) -> Option<Vec<Key>> {
        let rarest = fixed(namespace, selector).map(|bucket| self.buckets.get(&bucket));
        let rarest = rarest.min_by_key(|pods| pods.map_or(0, HashSet::len))?;
        Some(rarest.into_iter().flatten().cloned().collect())
    }
}

/// The selector of each HPA's target at its last sync.
#[derive(Debug, Default)]
pub(super) struct Selectors {
    /// The selector, and the bucket of the HPA; `None` for a selector that fixes no value.
    by_hpa: HashMap<Key, (LabelSelector, Option<Bucket>)>,
    buckets: HashMap<Bucket, HashSet<Key>>,
    others: HashSet<Key>,
}

impl Selectors {
    /// Sets the selector of an HPA.
    pub(super) fn set(&mut self, hpa: &Key, selector: Option<&LabelSelector>) {
        if self.by_hpa.get(hpa).map(|(known, _)| known) == selector {
            return;
        }
        self.remove(hpa);
        let Some(selector) = selector else { return };
        // A value that many selectors share, such as that of a whole application, would find all of them.
        let size = |bucket: &Bucket| self.buckets.get(bucket).map_or(0, HashSet::len);
        let bucket = fixed(&hpa.0, selector).min_by_key(size);
        match &bucket {
            Some(bucket) => self.buckets.entry(bucket.clone()).or_default().insert(hpa.clone()),
            None => self.others.insert(hpa.clone()),
        };
        self.by_hpa.insert(hpa.clone(), (selector.clone(), bucket));
    }

    pub(super) fn remove(&mut self, hpa: &Key) {
        match self.by_hpa.remove(hpa) {
            Some((_, Some(bucket))) => leave(&mut self.buckets, &bucket, hpa),
            Some((_, None)) => {
                self.others.remove(hpa);
            }
            None => {}
        }
    }

    /// The HPAs of a namespace whose selectors select an object with these labels.
    pub(super) fn selecting<'a>(
        &'a self,
        namespace: &'a str,
        labels: &'a BTreeMap<String, String>,
    ) -> impl Iterator<Item = &'a Key> {
        let found = buckets_of(namespace, labels).filter_map(|bucket| self.buckets.get(&bucket)).flatten();
        let others = self.others.iter().filter(move |hpa| hpa.0 == namespace);
        found
            .chain(others)
            .filter(|hpa| self.by_hpa.get(*hpa).is_some_and(|(known, _)| known.selects(labels)))
    }
}

fn buckets_of<'a>(
    namespace: &'a str,
    labels: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = Bucket> + 'a {
    labels.iter().map(|(label, value)| (namespace.to_owned(), label.clone(), value.clone()))
}

/// The values that a selector fixes.
fn fixed<'a>(namespace: &'a str, selector: &'a LabelSelector) -> impl Iterator<Item = Bucket> + 'a {
    selector.requirements().iter().filter_map(|requirement| match requirement {
        Requirement::In(label, values) => match values.as_slice() {
            [value] => Some((namespace.to_owned(), label.clone(), value.clone())),
            _ => None,
        },
        _ => None,
    })
}

fn leave(buckets: &mut HashMap<Bucket, HashSet<Key>>, bucket: &Bucket, key: &Key) {
    if let Some(members) = buckets.get_mut(bucket) {
        members.remove(key);
        if members.is_empty() {
            buckets.remove(bucket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        ("demo".to_owned(), name.to_owned())
    }

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
    }

    fn selector(text: &str) -> LabelSelector {
        LabelSelector::parse(text).unwrap()
    }

    #[test]
    fn candidates_are_the_pods_of_the_rarest_value() {
        let mut index = PodIndex::default();
        for number in 0..10 {
            let name = format!("web-{number}");
            index.insert(key(&name), &labels(&[("part-of", "shop"), ("app", &name)]));
        }
        let found = |text: &str| index.candidates("demo", &selector(text)).map(|pods| pods.len());
        assert_eq!(found("part-of=shop,app=web-3"), Some(1));
        assert_eq!(found("part-of=shop"), Some(10));
        assert_eq!(found("part-of=shop,app=gone"), Some(0));
        assert_eq!(found("app in (web-1,web-2)"), None);
        assert_eq!(index.candidates("other", &selector("part-of=shop")), Some(vec![]));
    }

    #[test]
    fn a_pod_moves_with_its_labels() {
        let mut index = PodIndex::default();
        index.insert(key("a"), &labels(&[("app", "web")]));
        index.insert(key("a"), &labels(&[("app", "db")]));
        assert_eq!(index.candidates("demo", &selector("app=web")), Some(vec![]));
        assert_eq!(index.candidates("demo", &selector("app=db")), Some(vec![key("a")]));
        index.remove(&key("a"));
        assert!(index.buckets.is_empty() && index.labels.is_empty());
    }

    #[test]
    fn hpas_are_found_by_the_pods_that_they_select() {
        let mut selectors = Selectors::default();
        for number in 0..10 {
            let text = format!("part-of=shop,app=web-{number}");
            selectors.set(&key(&format!("hpa-{number}")), Some(&selector(&text)));
        }
        selectors.set(&key("all"), Some(&selector("part-of in (shop,other)")));
        let pod = labels(&[("part-of", "shop"), ("app", "web-3")]);
        let found = |selectors: &Selectors| {
            let mut names: Vec<String> = selectors.selecting("demo", &pod).map(|hpa| hpa.1.clone()).collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(found(&selectors), "all hpa-3");
        // All but the first are in buckets of their own.
        assert!(selectors.buckets.values().all(|hpas| hpas.len() == 1));
        selectors.set(&key("hpa-3"), Some(&selector("part-of=shop,app=web-4")));
        selectors.remove(&key("all"));
        assert_eq!(found(&selectors), "");
        selectors.set(&key("hpa-3"), None);
        assert_eq!(selectors.by_hpa.len(), 9);
    }
}
