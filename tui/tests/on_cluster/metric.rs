//! The external metrics API in trouble, seen through a proxy: no other metric is disturbed.

use crate::on_cluster::handles;
use crate::scenarios::metric;

#[test]
#[ignore = "needs a cluster"]
fn each_metric_failure_is_shown_as_such() {
    metric::each_metric_failure_is_shown_as_such(&handles::demo());
}
