//! The TriggerAuthentications that ScaledObjects name, and the Secrets that these read.

use std::collections::BTreeSet;

use serde_json::json;
use text::command::Command;

use crate::facts::{
    AuthenticationReference, AuthenticationSpec, CustomObject, Facts, Outcome, ScaledObject, SecretReference,
};
use crate::finding::{Fix, ReportWriter};
use crate::scaled_object::{awaits_finalizer, concerns_hpa, name};
use crate::{fixes, fmt, messages};

const CHECK: &str = "trigger-authentication";
const CLUSTER: &str = "ClusterTriggerAuthentication";
const NAMESPACED: &str = "TriggerAuthentication";

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let fact = &facts.keda.authentications;
    for authentication in fact.all().iter().filter(|object| awaits_finalizer(&object.metadata)) {
        let name = authentication.name();
        let fix = fixes::keda::release(facts, &[("triggerauthentication", name.to_owned())]);
        writer.fail(CHECK, messages::awaits_finalizer(NAMESPACED, name), fact.command.as_ref(), fix);
    }
    let mut checked = BTreeSet::new();
    let objects = facts
        .keda
        .scaled_objects
        .all()
        .iter()
        .filter(|object| object.metadata.deletion_timestamp.is_none() && concerns_hpa(facts, object));
    for object in objects {
        for (index, trigger) in object.spec.triggers.iter().enumerate() {
            let Some(reference) = &trigger.authentication_ref else { continue };
            let kind = reference.kind.clone().unwrap_or_default();
            if checked.insert((kind, reference.name.clone())) {
                exists(facts, writer, object, index, reference);
            }
        }
    }
}

fn exists(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    object: &ScaledObject,
    trigger: usize,
    reference: &AuthenticationReference,
) {
    let is_cluster = reference.kind.as_deref() == Some(CLUSTER);
    let (kind, fact) = if is_cluster {
        (CLUSTER, &facts.keda.cluster_authentications)
    } else {
        (NAMESPACED, &facts.keda.authentications)
    };
    let Ok(Some(all)) = writer.require(CHECK, fact) else { return };
    let (wanted, namespace) = (&reference.name, &facts.subject.namespace);
    if let Some(found) = all.iter().find(|candidate| candidate.name() == wanted) {
        return reads(facts, writer, kind, found);
    }
    let place = if is_cluster { String::new() } else { messages::of_namespace(namespace) };
    let detail = messages::authentication_missing(name(object), kind, wanted, place);
    let fix = match fmt::nearest(wanted, all.iter().map(CustomObject::name)) {
        Some(meant) => {
            let path = format!("/spec/triggers/{trigger}/authenticationRef/name");
            let change = json!([{"op": "replace", "path": path, "value": meant}]);
            let patch = fixes::json_patch("scaledobject", name(object), Some(namespace), &change);
            Fix::command(messages::fix_rename_object(), patch)
        }
        None if is_cluster => {
            let list = Command::kubectl(["get", "clustertriggerauthentication"]);
            Fix::command(messages::fix_list_authentications(), list)
        }
        None => fixes::keda::create_authentication(facts, wanted),
    };
    writer.fail(CHECK, detail, fact.command.as_ref(), fix);
}

/// Checks that the Secrets have the keys that an authentication reads.
fn reads(
    facts: &Facts,
    writer: &mut ReportWriter<'_>,
    kind: &str,
    authentication: &CustomObject<AuthenticationSpec>,
) {
    let name = authentication.name();
    // A ClusterTriggerAuthentication reads Secrets of KEDA's own namespace.
    let namespace =
        if kind == CLUSTER { facts.keda.namespace.as_str() } else { facts.subject.namespace.as_str() };
    let references = &authentication.spec.secret_target_ref;
    let mut is_checked = true;
    for (index, reference) in references.iter().enumerate() {
        let secret = facts
            .keda
            .secrets
            .iter()
            .find(|secret| secret.namespace == namespace && secret.name == reference.name);
        let Some(secret) = secret else { continue };
        let command = secret.keys.command.as_ref();
        match &secret.keys.outcome {
            Outcome::Value(keys) if keys.contains(&reference.key) => {}
            Outcome::Value(keys) => {
                let keys = || keys.iter().map(String::as_str);
                let listed = fmt::list(keys());
                let detail =
                    messages::secret_key_missing(kind, name, &reference.key, &reference.name, listed);
                let meant = fmt::nearest(&reference.key, keys()).unwrap_or("KEY");
                let path = format!("/spec/secretTargetRef/{index}/key");
                let change = json!([{"op": "replace", "path": path, "value": meant}]);
                let namespace = Some(namespace).filter(|_| kind != CLUSTER);
                let patch = fixes::json_patch(&kind.to_lowercase(), name, namespace, &change);
                let fix = Fix::command(messages::fix_secret_key(), patch);
                return writer.fail(CHECK, detail, command, fix);
            }
            Outcome::Absent => {
                let detail = messages::secret_missing(kind, name, &reference.name, namespace);
                let fix = create_secret(&reference.name, namespace, references);
                return writer.fail(CHECK, detail, command, fix);
            }
            Outcome::NotPermitted(_) | Outcome::Failed(_) | Outcome::NotAsked(_) => is_checked = false,
        }
    }
    let detail = if is_checked {
        messages::authentication_exists(kind, name)
    } else {
        messages::authentication_unchecked(kind, name)
    };
    writer.ok(CHECK, detail, facts.keda.authentications.command.as_ref());
}

/// Creating a Secret with the keys that are read, and the parameters' names in capitals as values.
fn create_secret(secret: &str, namespace: &str, references: &[SecretReference]) -> Fix {
    let of_secret = references.iter().filter(|reference| reference.name == secret);
    let literals = of_secret
        .map(|reference| format!("--from-literal={}={}", reference.key, reference.parameter.to_uppercase()));
    let create =
        Command::kubectl(["create", "secret"]).args(["generic", secret]).namespace(namespace).args(literals);
    Fix::command(messages::fix_create_secret(), create)
}
