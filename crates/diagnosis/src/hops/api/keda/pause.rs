//! A pause of KEDA. It is an order, so it comes first in the report, and what it causes is no failure.

use observed::keda::Pause;
use text::command::Command;

use crate::facts::{Facts, ScaledObject};
use crate::finding::{Fix, ReportWriter, Verdict};
use crate::fixes::{self, keda as fix};
use crate::messages;
use crate::scaled_object::{concerns_hpa, condition, name, pauses};

const CHECK: &str = "paused";

/// Reports the objects that are paused.
pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    for object in facts.keda.scaled_objects.all() {
        if object.metadata.deletion_timestamp.is_none() {
            paused(facts, writer, object);
        }
    }
}

fn paused(facts: &Facts, writer: &mut ReportWriter<'_>, object: &ScaledObject) {
    let (name, command) = (name(object), facts.keda.scaled_objects.command.as_ref());
    let pauses = pauses(object);
    let is_own = concerns_hpa(facts, object);
    let Some(first) = pauses.first() else {
        if condition(object, "Paused") == Some("True") && is_own {
            // KEDA clears the condition when it next looks at the object.
            let restart = fixes::restart("deployment", fix::OPERATOR, fix::namespace(facts));
            let fix = Fix::command(messages::fix_restart_keda(), restart);
            writer.fail(CHECK, messages::paused_without_annotation(name), command, fix);
        }
        return;
    };
    let detail = match first {
        Pause::HeldAt { annotation, replicas } => match replicas.parse::<i32>() {
            Ok(replicas) => messages::paused_at(name, replicas, annotation),
            Err(_) => messages::paused_at_invalid(name, replicas, annotation),
        },
        Pause::Held { annotation } => messages::paused(name, annotation),
        Pause::ScaleIn { annotation } => messages::paused_scale_in(name, annotation),
        Pause::ScaleOut { annotation } => messages::paused_scale_out(name, annotation),
    };
    let consequence = if first.holds() { consequence(facts, object) } else { String::new() };
    let annotate = Command::kubectl(["annotate"])
        .object("scaledobject", name)
        .namespace(&facts.subject.namespace)
        .args(pauses.iter().map(|pause| format!("{}-", pause.annotation())));
    let fix = Fix::command(messages::fix_resume(), annotate);
    let verdict = if is_own && first.holds() { Verdict::Failure } else { Verdict::Warning };
    writer.bad(CHECK, verdict, format!("{detail}{consequence}"), command, fix);
}

/// The state that the pause causes, such as a deleted HPA.
fn consequence(facts: &Facts, object: &ScaledObject) -> String {
    if facts.autoscaler.is_absent() && concerns_hpa(facts, object) {
        messages::paused_hpa_gone(&facts.subject.hpa)
    } else {
        messages::paused_no_scaling()
    }
}
