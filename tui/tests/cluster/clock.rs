//! A clock that is two minutes off the cluster's.

use crate::handles;
use crate::scenarios::clock;

#[test]
#[ignore = "needs a cluster"]
fn a_wrong_clock_moves_no_stage() {
    clock::a_wrong_clock_moves_no_stage(&handles::demo());
}
