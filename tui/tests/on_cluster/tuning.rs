//! Tuning on a real API server: its validation, its versions, its managed fields.

use crate::on_cluster::handles;
use crate::scenarios::tuning::{self, Place};

#[test]
#[ignore = "needs a cluster"]
fn a_change_is_tried_applied_and_undone() {
    let site = handles::cluster();
    let place = Place::new(site.client.clone(), &site.namespace);
    site.run(tuning::a_change_is_tried_applied_and_undone(&place));
}

#[test]
#[ignore = "needs a cluster"]
fn an_invalid_or_conflicting_change_is_refused() {
    let site = handles::cluster();
    let place = Place::new(site.client.clone(), &site.namespace);
    site.run(tuning::an_invalid_or_conflicting_change_is_refused(&place));
}
