//! The HPA and the namespace deleted under the dashboard.

use crate::handles;
use crate::scenarios::objects;

#[test]
#[ignore = "needs a cluster"]
fn an_hpa_that_is_made_again_is_watched_again() {
    objects::an_hpa_that_is_made_again_is_watched_again(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_namespace_that_is_made_again_is_watched_again() {
    objects::a_namespace_that_is_made_again_is_watched_again(&handles::demo());
}
