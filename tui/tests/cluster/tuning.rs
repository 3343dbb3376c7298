//! The HPA tuned on a real API server: its validation, its versions, its managed fields.

use crate::handles;
use crate::scenarios::tuning::{self, Place};

#[test]
#[ignore = "needs a cluster"]
fn a_change_is_tried_made_and_taken_back() {
    let site = handles::cluster();
    let place = Place::new(site.client.clone(), &site.namespace);
    site.run(tuning::a_change_is_tried_made_and_taken_back(&place));
}

#[test]
#[ignore = "needs a cluster"]
fn what_is_not_valid_or_not_as_it_was_seen_is_not_made() {
    let site = handles::cluster();
    let place = Place::new(site.client.clone(), &site.namespace);
    site.run(tuning::what_is_not_valid_or_not_as_it_was_seen_is_not_made(&place));
}
