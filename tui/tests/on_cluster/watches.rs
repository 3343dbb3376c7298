//! Watches on a real API server that are closed, cut, torn and expire; its bookmarks; and its restart.

use std::process::Command;

use crate::on_cluster::handles;
use crate::scenarios::watching;

#[test]
#[ignore = "needs a cluster"]
fn ended_watches_come_back() {
    watching::ended_watches_come_back(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_watch_resumes_from_its_bookmark() {
    watching::a_watch_resumes_from_its_bookmark(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_lost_server_is_awaited() {
    watching::a_lost_server_is_awaited(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_failing_server_is_quoted_and_polled_less() {
    watching::a_failing_server_is_quoted_and_polled_less(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_slow_server_is_borne() {
    watching::a_slow_server_is_borne(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_hanging_server_differs_from_an_idle_one() {
    watching::a_hanging_server_differs_from_an_idle_one(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn silently_dead_connections_are_replaced() {
    watching::silently_dead_connections_are_replaced(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn nothing_is_asked_for_twice() {
    watching::nothing_is_asked_for_twice(&handles::demo());
}

#[test]
#[ignore = "needs a cluster and a command that restarts its API server"]
fn a_restarted_api_server_is_reconnected() {
    let (site, command) = (handles::demo(), handles::restart_apiserver());
    let mut dashboard = site.dashboard(&[]);
    dashboard.wait_until_live();
    let output = Command::new("sh").args(["-c", &command]).output();
    let output = output.expect("there is a shell");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    dashboard.wait_until_live();
    site.wait_for_rest();
    dashboard.fire_and_finish("1", 1);
    dashboard.quit();
    site.wait_for_rest();
}
