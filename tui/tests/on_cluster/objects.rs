//! The HPA and the namespace are deleted while the dashboard runs.

use crate::on_cluster::handles;
use crate::scenarios::objects;

#[test]
#[ignore = "needs a cluster"]
fn a_recreated_hpa_is_watched() {
    objects::a_recreated_hpa_is_watched(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_recreated_namespace_is_watched() {
    objects::a_recreated_namespace_is_watched(&handles::demo());
}
