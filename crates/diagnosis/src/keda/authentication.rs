//! What KEDA logs in by: the TriggerAuthentications that ScaledObjects name, and the Secrets that these read.

use std::collections::BTreeSet;

use super::super::facts::{
    AuthenticationReference, AuthenticationSpec, Custom, Facts, ScaledObject, SecretReference, Seen,
};
use super::super::line::{Fix, Pen};
use super::super::words;
use super::{is_about, name, release, suggested};

const CHECK: &str = "trigger-authentication";
const CLUSTER: &str = "ClusterTriggerAuthentication";

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) {
    let fact = &facts.keda.authentications;
    for authentication in fact.all().iter().filter(|object| release::is_held(&object.metadata)) {
        let name = authentication.name();
        let saw = format!(
            "TriggerAuthentication {name} is being deleted and waits for KEDA's operator to let it go (a finalizer); so does its namespace"
        );
        let fix = release::release(facts, &[format!("triggerauthentication/{name}")]);
        pen.fail(CHECK, saw, &fact.how, fix);
    }
    let mut told = BTreeSet::new();
    let objects = facts.keda.scaled_objects.all().iter();
    for object in
        objects.filter(|object| object.metadata.deletion_timestamp.is_none() && is_about(facts, object))
    {
        for (place, trigger) in object.spec.triggers.iter().enumerate() {
            let Some(reference) = &trigger.authentication_ref else { continue };
            let kind = reference.kind.clone().unwrap_or_default();
            if told.insert((kind, reference.name.clone())) {
                named(facts, pen, object, place, reference);
            }
        }
    }
}

fn named(
    facts: &Facts,
    pen: &mut Pen<'_>,
    object: &ScaledObject,
    place: usize,
    reference: &AuthenticationReference,
) {
    let is_clusters = reference.kind.as_deref() == Some(CLUSTER);
    let (kind, fact) = if is_clusters {
        (CLUSTER, &facts.keda.cluster_authentications)
    } else {
        ("TriggerAuthentication", &facts.keda.authentications)
    };
    let Ok(Some(all)) = pen.seen(CHECK, fact) else { return };
    let (wanted, namespace) = (&reference.name, &facts.place.namespace);
    if let Some(found) = all.iter().find(|candidate| candidate.name() == wanted) {
        reads(facts, pen, kind, found);
        return;
    }
    let at = if is_clusters { String::new() } else { format!(" in namespace {namespace}") };
    let saw = format!(
        "ScaledObject {} logs in by {kind} {wanted}, and there is none of that name{at}: KEDA cannot ask the broker",
        name(object)
    );
    let fix = match words::nearest(wanted, all.iter().map(Custom::name)) {
        Some(meant) => Fix::command(
            "name the one that is there",
            format!(
                "kubectl patch scaledobject {} -n {namespace} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/triggers/{place}/authenticationRef/name\",\"value\":\"{meant}\"}}]'",
                name(object)
            ),
        ),
        None if is_clusters => Fix::command(
            "name one of the namespace instead, or see which the cluster has",
            "kubectl get clustertriggerauthentication",
        ),
        None => suggested::authentication(facts, wanted),
    };
    pen.fail(CHECK, saw, &fact.how, fix);
}

/// Whether the Secrets that an authentication reads have what it reads of them.
fn reads(facts: &Facts, pen: &mut Pen<'_>, kind: &str, authentication: &Custom<AuthenticationSpec>) {
    let name = authentication.name();
    // Those of the cluster read Secrets of KEDA's own namespace.
    let namespace =
        if kind == CLUSTER { facts.keda.namespace.as_str() } else { facts.place.namespace.as_str() };
    let mut seen_all = true;
    for (index, reference) in authentication.spec.secret_target_ref.iter().enumerate() {
        let secret = facts
            .keda
            .secrets
            .iter()
            .find(|secret| secret.namespace == namespace && secret.name == reference.name);
        let Some(secret) = secret else { continue };
        let how = &secret.keys.how;
        match &secret.keys.seen {
            Seen::Value(keys) if keys.contains(&reference.key) => {}
            Seen::Value(keys) => {
                let keys = keys.iter().map(String::as_str);
                let saw = format!(
                    "{kind} {name} reads key {} of Secret {}, which has {}",
                    reference.key,
                    reference.name,
                    words::list(keys.clone())
                );
                pen.fail(CHECK, saw, how, key(kind, name, namespace, index, reference, keys));
                return;
            }
            Seen::Absent => {
                let saw = format!(
                    "{kind} {name} reads Secret {}, and there is none in namespace {namespace}: KEDA cannot log in to the broker",
                    reference.name
                );
                let literals: Vec<String> = authentication
                    .spec
                    .secret_target_ref
                    .iter()
                    .filter(|other| other.name == reference.name)
                    .map(|other| format!("--from-literal={}={}", other.key, other.parameter.to_uppercase()))
                    .collect();
                let fix = Fix::command(
                    "make it, with what the broker knows in place of the words in capitals",
                    format!(
                        "kubectl create secret generic {} -n {namespace} {}",
                        reference.name,
                        literals.join(" ")
                    ),
                );
                pen.fail(CHECK, saw, how, fix);
                return;
            }
            Seen::NotPermitted(_) | Seen::Failed(_) | Seen::NotAsked(_) => seen_all = false,
        }
    }
    let unseen = if seen_all { "" } else { " (whether its Secrets have what it reads may not be seen)" };
    let saw = format!("{kind} {name} is there{unseen}");
    pen.ok(CHECK, saw, &facts.keda.authentications.how);
}

fn key<'a>(
    kind: &str,
    name: &str,
    namespace: &str,
    index: usize,
    reference: &SecretReference,
    keys: impl Iterator<Item = &'a str>,
) -> Fix {
    let at = if kind == CLUSTER { String::new() } else { format!(" -n {namespace}") };
    let meant = words::nearest(&reference.key, keys).unwrap_or("KEY");
    Fix::command(
        "name the key that holds it",
        format!(
            "kubectl patch {} {name}{at} --type json -p '[{{\"op\":\"replace\",\"path\":\"/spec/secretTargetRef/{index}/key\",\"value\":\"{meant}\"}}]'",
            kind.to_lowercase()
        ),
    )
}
