//! The resources that the server offers: each kind with its schema and its stored objects.

use std::sync::Arc;

use crate::kinds::custom;
use crate::schema::{self, Shape};
use crate::storage::{Collection, Storage};
use crate::{Kind, View};

/// A kind at its path, with what follows from it.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) kind: Kind,
    pub(crate) api_version: String,
    /// The stored objects; a view shares them with the kind that it shows.
    pub(crate) objects: Arc<Collection>,
    /// The fields of objects in this kind's own form.
    pub(crate) shape: &'static Shape,
    /// The resource in whose form the objects are stored, for a view.
    stored_as: Option<Arc<Resource>>,
}

impl Resource {
    pub(crate) fn view(&self) -> Option<&View> {
        self.kind.view.as_ref()
    }

    /// The resource in whose form the objects are stored: itself, unless it is a view.
    pub(crate) fn stored_as(self: &Arc<Self>) -> Arc<Self> {
        self.stored_as.clone().unwrap_or_else(|| Arc::clone(self))
    }

    pub(crate) fn is_namespace(&self) -> bool {
        self.kind.is("", "namespaces")
    }

    pub(crate) fn is_definition(&self) -> bool {
        self.kind.is(custom::GROUP, custom::PLURAL)
    }
}

/// All resources.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    resources: Vec<Arc<Resource>>,
}

impl Registry {
    /// Builds the resources of `kinds`. A later kind for the same path replaces an earlier one, so that a caller can
    /// override a built-in kind. A view of an unknown kind is left out. Collections of `before` are kept.
    pub(crate) fn new(kinds: &[Kind], storage: &Arc<Storage>, before: &Self) -> Self {
        let mut unique: Vec<Kind> = Vec::with_capacity(kinds.len());
        for kind in kinds {
            let same = |known: &Kind| known.is(&kind.group, &kind.plural) && known.version == kind.version;
            match unique.iter().position(same) {
                Some(index) => unique[index] = kind.clone(),
                None => unique.push(kind.clone()),
            }
        }
        let resource = |kind: &Kind, objects, stored_as| {
            Arc::new(Resource {
                api_version: kind.api_version(),
                shape: schema::root(kind.schema),
                kind: kind.clone(),
                objects,
                stored_as,
            })
        };
        let stored: Vec<Arc<Resource>> = unique
            .iter()
            .filter(|kind| kind.view.is_none())
            .map(|kind| {
                let known =
                    before.stored_as(&kind.group, &kind.plural).map(|known| Arc::clone(&known.objects));
                let objects = known.unwrap_or_else(|| Arc::new(Collection::new(storage, kind.fields)));
                resource(kind, objects, None)
            })
            .collect();
        let resources = unique.iter().filter_map(|kind| match &kind.view {
            None => stored
                .iter()
                .find(|known| known.api_version == kind.api_version() && known.kind.plural == kind.plural)
                .cloned(),
            Some(view) => {
                let source = stored.iter().find(|known| known.kind.is(&view.group, &view.plural))?;
                Some(resource(kind, Arc::clone(&source.objects), Some(Arc::clone(source))))
            }
        });
        Self { resources: resources.collect() }
    }

    pub(crate) fn resources(&self) -> &[Arc<Resource>] {
        &self.resources
    }

    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        let mut all = self.resources.iter();
        all.find(|known| known.kind.version == version && known.kind.is(group, plural)).cloned()
    }

    /// The resource in whose form the objects of a group and plural are stored.
    pub(crate) fn stored_as(&self, group: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.stored().find(|known| known.kind.is(group, plural))
    }

    /// One resource for each collection.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.iter().filter(|known| known.stored_as.is_none())
    }

    pub(crate) fn has_group_version(&self, group: &str, version: &str) -> bool {
        self.resources.iter().any(|known| known.kind.group == group && known.kind.version == version)
    }
}
