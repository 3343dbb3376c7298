//! The lifecycle of CustomResourceDefinitions.
//!
//! Every change of a definition rebuilds the registry. A deleted definition deletes its objects first: the server removes
//! it, and the API of its kinds, with the last object.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;

use crate::kinds::custom;
use crate::registry::{Registry, Resource};
use crate::storage::Key;
use crate::{ApiServer, meta, strategy};

/// Attempts to remove a definition while others write to it.
const MAX_ATTEMPTS: usize = 32;

impl ApiServer {
    /// Rebuilds the registry from the built-in kinds and the definitions.
    pub(crate) fn rebuild_registry(&self) {
        let mut registry = self.inner.registry.write().unwrap_or_else(PoisonError::into_inner);
        let mut kinds = self.inner.config.kinds.clone();
        if let Some(definitions) = registry.stored_as(custom::GROUP, custom::PLURAL) {
            for definition in definitions.objects.list(None).0 {
                let defined = custom::kinds_of(&definition.value);
                // A definition cannot replace a built-in kind.
                let is_builtin = defined
                    .iter()
                    .any(|new| self.inner.config.kinds.iter().any(|known| known.is(&new.group, &new.plural)));
                if !is_builtin {
                    kinds.extend(defined);
                }
            }
        }
        let next = Registry::new(&kinds, &self.inner.storage, &registry);
        for resource in registry.stored() {
            if next.stored_as(&resource.kind.group, &resource.kind.plural).is_none() {
                resource.objects.close();
            }
        }
        *registry = Arc::new(next);
    }

    /// Returns true when the definition of a custom kind is terminating.
    pub(crate) fn is_definition_terminating(&self, resource: &Resource) -> bool {
        let registry = self.registry();
        let definitions = registry.stored_as(custom::GROUP, custom::PLURAL);
        let key: Key = (String::new(), format!("{}.{}", resource.kind.plural, resource.kind.group));
        definitions
            .and_then(|definitions| definitions.objects.get(&key))
            .is_some_and(|definition| meta::is_terminating(&definition.value))
    }

    /// Deletes all objects of a terminating definition.
    pub(crate) fn delete_definition_contents(&self, name: &str, now: Timestamp) {
        let registry = self.registry();
        let defined = name.split_once('.').and_then(|(plural, group)| registry.stored_as(group, plural));
        match defined.filter(|resource| resource.kind.is_custom()) {
            Some(resource) => {
                self.delete_all(resource, None, now);
                self.remove_if_empty_definition(resource);
            }
            None => self.remove_definition(name),
        }
    }

    /// Removes the terminating definition of a custom kind without objects.
    pub(crate) fn remove_if_empty_definition(&self, resource: &Resource) {
        if resource.objects.is_empty(None) {
            self.remove_definition(&format!("{}.{}", resource.kind.plural, resource.kind.group));
        }
    }

    fn remove_definition(&self, name: &str) {
        let registry = self.registry();
        let Some(definitions) = registry.stored_as(custom::GROUP, custom::PLURAL) else { return };
        let key: Key = (String::new(), name.to_owned());
        for _ in 0..MAX_ATTEMPTS {
            let Some(found) = definitions.objects.get(&key) else { return };
            let mut last = found.value.clone();
            meta::remove_finalizer(&mut last, strategy::CLEANUP);
            if !meta::is_terminating(&last) || meta::has_finalizers(&last) {
                return;
            }
            if definitions.objects.remove(&key, found.version(), last).is_ok() {
                return self.rebuild_registry();
            }
        }
    }
}
