//! Tunnels through a real kubelet, to pods that come and go.

use crate::on_cluster::handles;
use crate::scenarios::tunnels;

#[test]
#[ignore = "needs a cluster"]
fn a_producer_that_goes_is_replaced() {
    tunnels::a_producer_that_goes_is_replaced(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn cut_tunnels_are_opened_again() {
    tunnels::cut_tunnels_are_opened_again(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_burst_waits_for_a_ready_producer() {
    tunnels::a_burst_waits_for_a_ready_producer(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_pod_that_is_not_ready_gets_nothing() {
    tunnels::a_pod_that_is_not_ready_gets_nothing(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn two_producers_share_a_burst() {
    tunnels::two_producers_share_a_burst(&handles::demo());
}
