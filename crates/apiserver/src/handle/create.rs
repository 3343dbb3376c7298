//! POST to a collection, and new objects in general.

use axum::response::Response;
use serde_json::{Value, json};

use super::admit::{admit, check_namespace, decode};
use super::call::Call;
use super::write::{Written, answer, full, writer};
use crate::conform::{Fill, conform};
use crate::kind::StatusPart;
use crate::patch::managed;
use crate::store::Refusal;
use crate::{Status, meta, names};

/// Names that are tried for one `generateName`.
const NAMES: usize = 8;

/// POST to a collection.
pub(crate) fn create(call: &mut Call<'_>, bytes: &[u8]) -> Result<Response, Status> {
    let mut object = decode(call, bytes)?;
    admit(call, &mut object, Fill::Parts)?;
    let written = insert(call, object, Origin::Update)?;
    Ok(answer(call, 201, written))
}

/// Whose fields those of a new object are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Everything belongs to the writer.
    Update,
    /// An apply has noted it already.
    Apply,
}

/// Stores an object that is new.
pub(super) fn insert(call: &mut Call<'_>, mut object: Value, origin: Origin) -> Result<Written, Status> {
    check_namespace(call, &object)?;
    let storage = call.storage;
    let namespace = storage.kind.is_namespaced().then(|| call.namespace().to_owned());
    if let Some(namespace) = &namespace {
        call.server.namespace_takes(storage, namespace, meta::text(&object, "name"))?;
    }
    let has_status = storage.kind.status != StatusPart::None;
    if origin == Origin::Update {
        meta::metadata(&mut object).remove("managedFields");
        let before = object.clone();
        let fresh = json!({"metadata": {}});
        managed::updated(&fresh, &mut object, storage.shape, &writer(call, ""), has_status);
        debug_assert_eq!(before["spec"], object["spec"]);
    }
    if storage.kind.status == StatusPart::Subresource {
        if let Some(map) = object.as_object_mut() {
            map.remove("status");
        }
        let _conforms = conform(&mut object, storage.shape, Fill::Parts);
    }
    if !meta::text(&object, "resourceVersion").is_empty() {
        // A plain error in Kubernetes, which makes it a 500 without a reason.
        return Err(Status::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    let generate = meta::text(&object, "generateName").to_owned();
    let wants_name = meta::text(&object, "name").is_empty() && !generate.is_empty();
    meta::create(&mut object, storage, namespace.as_deref(), call.now);
    let tries = if wants_name { NAMES } else { 1 };
    for attempt in 1..=tries {
        if wants_name {
            meta::metadata(&mut object).insert("name".into(), names::generate(&generate).into());
        }
        if attempt == 1 {
            call.server.assign(storage, &mut object)?;
            let mut causes = meta::validate(&object, storage);
            causes.extend(storage.kind.validate.iter().flat_map(|validate| validate(&object, None)));
            if !causes.is_empty() {
                return Err(call.invalid(&object, causes));
            }
        }
        let name = meta::text(&object, "name").to_owned();
        let key = (namespace.clone().unwrap_or_default(), name.clone());
        let store = &call.server.inner.store;
        let exists = || {
            let kind = &call.row.kind;
            Status::already_exists(kind.group, kind.plural, &name)
        };
        if call.dry_run()? {
            if store.get(call.row.shelf, &key).is_some() {
                return Err(exists());
            }
            return Ok(Written::Dry(object));
        }
        match store.create(call.row.shelf, key, object.clone()) {
            Ok(stored) => {
                call.server.expire(storage, call.now);
                return Ok(Written::Stored(stored));
            }
            Err(Refusal::Full) => return Err(full()),
            Err(Refusal::Raced) if attempt == tries => return Err(exists()),
            Err(Refusal::Raced) => {}
        }
    }
    Err(Status::internal("no name was tried"))
}
