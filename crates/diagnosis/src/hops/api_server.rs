//! The API server and the namespace.

use text::command::Command;

use crate::facts::{Facts, Outcome};
use crate::finding::{Fix, ReportWriter};
use crate::{fixes, messages, scaled_object};

/// The user's access to the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The server does not answer.
    Unreachable,
    /// The server does not know the user.
    Unauthorized,
    /// The server answers.
    Granted,
}

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) -> Access {
    let command = facts.version.command.as_ref();
    match &facts.version.outcome {
        Outcome::Value(version) => writer.ok("api-server", version, command),
        // Every authenticated user may read the version.
        Outcome::NotPermitted(error) => {
            let view = Command::kubectl(["config", "view", "--minify"]);
            let fix = Fix::command(messages::fix_log_in(), view);
            writer.fail("api-server", messages::credentials_refused(error), command, fix);
            return Access::Unauthorized;
        }
        Outcome::Failed(sentence) | Outcome::NotAsked(sentence) => {
            let contexts = Command::kubectl(["config", "get-contexts"]);
            let how = facts.reach.clone().unwrap_or_else(messages::fix_reach);
            let fix = Fix::command(how, contexts);
            writer.fail("api-server", sentence, command, fix);
            return Access::Unreachable;
        }
        Outcome::Absent => writer.not_applicable("api-server", messages::no_version()),
    }
    namespace(facts, writer);
    Access::Granted
}

fn namespace(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let (name, command) = (&facts.subject.namespace, facts.namespace.command.as_ref());
    let namespace = match writer.require("namespace", &facts.namespace) {
        Ok(Some(namespace)) => namespace,
        Ok(None) => {
            let fix = Fix::command(messages::fix_install_or_name(), fixes::up(facts));
            return writer.fail("namespace", messages::no_namespace(name), command, fix);
        }
        Err(()) => return,
    };
    let status = namespace.status.clone().unwrap_or_default();
    if status.phase.as_deref() != Some("Terminating") {
        return writer.ok("namespace", messages::namespace_exists(name), command);
    }
    let message_of = |kind: &str| {
        let mut conditions = status.conditions.iter().flatten();
        let condition = conditions.find(|condition| condition.type_ == kind && condition.status == "True")?;
        Some(condition.message.as_deref().unwrap_or_default())
    };
    if let Some(message) = message_of("NamespaceDeletionDiscoveryFailure") {
        let fix = Fix::command(messages::fix_delete_registration(), fixes::delete_registration());
        return writer.fail("namespace", messages::namespace_stuck(name, message), command, fix);
    }
    let Some(message) = message_of("NamespaceFinalizersRemaining") else {
        let wait =
            Command::kubectl(["wait", "--for=delete"]).arg(format!("namespace/{name}")).arg("--timeout=120s");
        let fix = Fix::command(messages::fix_wait_for_deletion(), wait);
        return writer.fail("namespace", messages::namespace_terminating(name), command, fix);
    };
    let awaiting = scaled_object::awaiting_finalizer(facts);
    if awaiting.is_empty() {
        let kinds = Command::kubectl(["api-resources", "--verbs=list", "--namespaced", "-o", "name"]);
        let each = Command::new("xargs")
            .args(["-n", "1", "kubectl", "get", "--show-kind", "--ignore-not-found"])
            .namespace(name);
        let fix = Fix::command(messages::fix_list_remaining(), kinds.pipe(each));
        return writer.fail("namespace", messages::namespace_stuck(name, message), command, fix);
    }
    let objects: Vec<String> = awaiting.iter().map(|(kind, name)| format!("{kind}/{name}")).collect();
    let detail = messages::namespace_stuck_by(name, message, objects.join(", "));
    writer.fail("namespace", detail, command, fixes::keda::release(facts, &awaiting));
}
