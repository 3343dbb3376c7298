//! What the asking user may do, and what cannot be seen without it. A missing right says nothing about the chain.

use super::facts::{Facts, Seen};
use super::line::Pen;
use super::words;

pub(super) fn examine(facts: &Facts, pen: &mut Pen<'_>) {
    let allowed = facts.rights.iter().filter(|right| right.allowed.get() == Some(&true)).count();
    let mut unknown = None;
    for right in &facts.rights {
        let place = match &right.namespace {
            Some(namespace) => format!("in namespace {namespace}"),
            None => "in all namespaces".to_owned(),
        };
        match &right.allowed.seen {
            Seen::Value(true) => {}
            Seen::Value(false) => {
                let saw = format!(
                    "you may not {} {} {place}: {} cannot be seen",
                    right.verb, right.resource, right.purpose
                );
                pen.not_permitted("right", saw, &right.allowed.how);
            }
            Seen::NotPermitted(sentence) | Seen::Failed(sentence) | Seen::NotAsked(sentence) => {
                unknown = Some((sentence.clone(), right.allowed.how.clone()));
            }
            Seen::Absent => {}
        }
    }
    if let Some((sentence, how)) = unknown {
        pen.not_permitted("rights", format!("some rights cannot be asked for: {sentence}"), &how);
    }
    if !facts.rights.is_empty() && allowed == facts.rights.len() {
        let saw = format!(
            "you may do all that is needed ({})",
            words::count(allowed, "right asked for", "rights asked for")
        );
        pen.ok("rights", saw, "kubectl auth can-i --list");
    } else if !facts.rights.is_empty() {
        pen.ok("rights", format!("you have {allowed} of the {} rights asked for", facts.rights.len()), "");
    }
}
