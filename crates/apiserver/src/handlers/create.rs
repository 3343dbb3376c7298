//! POST to a collection, and new objects in general.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use super::call::Call;
use super::convert::{check_namespace, parse, to_stored};
use super::write::{Written, manager, respond, storage_full};
use crate::decode::{self, ZeroValues};
use crate::kind::StatusSubresource;
use crate::patch::managed_fields::{self, Operation};
use crate::storage::Refusal;
use crate::{Kind, Status, meta, names, strategy};

/// Attempts to find a free name for `generateName`.
const MAX_GENERATED_NAMES: usize = 8;

/// Handles POST to a collection.
pub(crate) fn create(call: &mut Call<'_>, bytes: &[u8]) -> Result<Response, Status> {
    let mut object = parse(call, bytes)?;
    to_stored(call, &mut object, ZeroValues::Fill)?;
    let written = insert(call, object, Operation::Update)?;
    Ok(respond(call, 201, written))
}

/// Stores a new object. With `Operation::Apply` the caller has set the `managedFields`.
pub(super) fn insert(
    call: &mut Call<'_>,
    mut object: Value,
    operation: Operation,
) -> Result<Written, Status> {
    check_namespace(call, &object)?;
    let resource = Arc::clone(&call.stored_as);
    if let Some(why) = resource.kind.refused {
        let Kind { group, plural, .. } = &resource.kind;
        return Err(Status::forbidden(group, plural, meta::text(&object, "name"), why));
    }
    if resource.kind.is_custom() && call.server.is_definition_terminating(&resource) {
        let mut status = Status::method_not_allowed();
        status.message = "create not allowed while custom resource definition is terminating".to_owned();
        return Err(status);
    }
    let namespace = resource.kind.is_namespaced().then(|| call.namespace().to_owned());
    if let Some(namespace) = &namespace {
        call.server.check_namespace_accepts(&resource, namespace, meta::text(&object, "name"))?;
    }
    if operation == Operation::Update {
        meta::metadata(&mut object).remove("managedFields");
        let has_status = resource.kind.status != StatusSubresource::None;
        let empty = json!({"metadata": {}});
        managed_fields::record_update(&empty, &mut object, resource.shape, &manager(call, ""), has_status);
    }
    if resource.kind.status == StatusSubresource::Enabled {
        if let Some(map) = object.as_object_mut() {
            map.remove("status");
        }
        decode::normalize(&mut object, resource.shape);
    }
    if !meta::text(&object, "resourceVersion").is_empty() {
        // Upstream returns a plain Go error here, so the response is 500 without a reason.
        return Err(Status::new(500, "", "resourceVersion should not be set on objects to be created"));
    }
    let generate = meta::text(&object, "generateName").to_owned();
    let is_generated = meta::text(&object, "name").is_empty() && !generate.is_empty();
    meta::create(&mut object, &resource, namespace.as_deref(), call.now);
    let attempts = if is_generated { MAX_GENERATED_NAMES } else { 1 };
    for attempt in 1..=attempts {
        if is_generated {
            meta::metadata(&mut object).insert("name".into(), names::generate(&generate).into());
        }
        if attempt == 1 {
            strategy::prepare_for_create(&call.server.registry(), &resource, &mut object)?;
            let mut causes = meta::validate(&object, &resource);
            causes.extend(resource.kind.validate.iter().flat_map(|validate| validate(&object, None)));
            if !causes.is_empty() {
                return Err(call.invalid(&object, causes));
            }
        }
        let name = meta::text(&object, "name").to_owned();
        let key = (namespace.clone().unwrap_or_default(), name.clone());
        let exists = || {
            let kind = &call.resource.kind;
            Status::already_exists(&kind.group, &kind.plural, &name)
        };
        if call.dry_run()? {
            if resource.objects.get(&key).is_some() {
                return Err(exists());
            }
            return Ok(Written::Dry(object));
        }
        match resource.objects.create(key, object.clone()) {
            Ok(stored) => {
                call.server.after_change(&resource);
                call.server.remove_expired(&resource, call.now);
                return Ok(Written::Stored(stored));
            }
            Err(Refusal::Full) => return Err(storage_full()),
            Err(Refusal::Raced) if attempt == attempts => return Err(exists()),
            Err(Refusal::Raced) => {}
        }
    }
    Err(Status::internal("no name was tried"))
}
