//! Watches on a real API server that are closed, cut, torn and expire; its bookmarks; and its restart.

use std::process::Command;

use crate::handles;
use crate::scenarios::watching;

#[test]
#[ignore = "needs a cluster"]
fn ended_watches_come_back() {
    watching::ended_watches_come_back(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn bookmarks_are_what_a_watch_resumes_from() {
    watching::bookmarks_are_what_a_watch_resumes_from(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_server_that_went_away_is_waited_for() {
    watching::a_server_that_went_away_is_waited_for(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_server_in_trouble_is_quoted_and_not_run_down() {
    watching::a_server_in_trouble_is_quoted_and_not_run_down(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_slow_server_is_borne() {
    watching::a_slow_server_is_borne(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn a_server_that_hangs_is_told_from_one_at_rest() {
    watching::a_server_that_hangs_is_told_from_one_at_rest(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn connections_that_are_silently_dead_are_given_up() {
    watching::connections_that_are_silently_dead_are_given_up(&handles::demo());
}

#[test]
#[ignore = "needs a cluster"]
fn nothing_is_asked_for_twice() {
    watching::nothing_is_asked_for_twice(&handles::demo());
}

#[test]
#[ignore = "needs a cluster and a command that restarts its API server"]
fn a_restarted_api_server_is_found_again() {
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
