//! The external metrics API in trouble, seen through a proxy: nobody else's metric is disturbed.

use crate::handles;
use crate::scenarios::metric;

#[test]
#[ignore = "needs a cluster"]
fn each_trouble_with_the_metric_is_told_apart() {
    metric::each_trouble_with_the_metric_is_told_apart(&handles::demo());
}
