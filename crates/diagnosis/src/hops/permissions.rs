//! The user's permissions. A missing one says nothing about the chain.

use text::command::Command;

use crate::facts::{Facts, Outcome};
use crate::finding::ReportWriter;
use crate::messages;

pub(crate) fn examine(facts: &Facts, writer: &mut ReportWriter<'_>) {
    let all = facts.permissions.len();
    let allowed =
        facts.permissions.iter().filter(|permission| permission.allowed.get() == Some(&true)).count();
    let mut unknown = None;
    for permission in &facts.permissions {
        let command = permission.allowed.command.as_ref();
        match &permission.allowed.outcome {
            Outcome::Value(true) | Outcome::Absent => {}
            Outcome::Value(false) => {
                let place = permission
                    .namespace
                    .as_ref()
                    .map_or_else(messages::in_all_namespaces, messages::in_namespace);
                let detail = messages::permission_missing(
                    permission.verb,
                    &permission.resource,
                    place,
                    permission.purpose,
                );
                writer.not_permitted("right", detail, command);
            }
            Outcome::NotPermitted(error) | Outcome::Failed(error) | Outcome::NotAsked(error) => {
                unknown = Some((error, command));
            }
        }
    }
    if let Some((error, command)) = unknown {
        writer.not_permitted("rights", messages::permissions_unknown(error), command);
    }
    if all == 0 {
        return;
    }
    if allowed == all {
        let list = Command::kubectl(["auth", "can-i", "--list"]);
        writer.ok("rights", messages::permissions_complete(all), Some(&list));
    } else {
        writer.ok("rights", messages::permissions_partial(allowed, all), None);
    }
}
