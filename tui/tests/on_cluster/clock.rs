//! A clock that differs by two minutes from the cluster's.

use crate::on_cluster::handles;
use crate::scenarios::clock;

#[test]
#[ignore = "needs a cluster"]
fn a_wrong_clock_shifts_no_stage() {
    clock::a_wrong_clock_shifts_no_stage(&handles::demo());
}
