//! The external metrics API absent, empty, failing and slow: the dashboard shows which, keeps everything else, and shows the
//! value again when it returns.

use std::time::Duration;

use testkit::fault_proxy::{Fault, RecordedRequest};

use super::site::Site;

fn is_metric(asked: &RecordedRequest) -> bool {
    asked.path.starts_with("/apis/external.metrics.k8s.io/")
}

/// The answer that replaces the metric, and the text on the screen.
fn troubles() -> [(&'static str, Fault, &'static str); 6] {
    let refuse = |code, reason, message: &str| Fault::Status(code, reason, message.to_owned());
    let empty = r#"{"kind":"ExternalMetricValueList","apiVersion":"external.metrics.k8s.io/v1beta1","metadata":{},"items":[]}"#;
    [
        (
            "no APIService",
            refuse(404, "NotFound", "the server could not find the requested resource"),
            "the server could not find the requested resource (404)",
        ),
        (
            "no adapter behind it",
            refuse(503, "ServiceUnavailable", "the server is currently unable to handle the request"),
            "the server is currently unable to handle the request (503)",
        ),
        (
            "an adapter without Prometheus",
            refuse(500, "InternalError", "Internal error occurred: unable to fetch metrics"),
            "Internal error occurred: unable to fetch metrics (500)",
        ),
        ("no series", Fault::Reply(empty.to_owned()), "no reading"),
        ("an answer that is none", Fault::Reply("{\"items\": 7}".to_owned()), "invalid answer"),
        ("no answer", Fault::Hang, "no answer within 5s"),
    ]
}

pub(crate) fn each_metric_failure_is_shown_as_such(site: &Site) {
    let proxy = site.proxy();
    let dashboard = site.dashboard_through(&proxy, &["--context", "proxied"]);
    dashboard.wait_until_live();
    let back = |when: &str| {
        dashboard.wait(&format!("the metric {when}"), |screen| {
            (screen.belief("external API") == Some(0)).then_some(())
        });
    };
    back("at first");
    for (name, fault, said) in troubles() {
        let trouble = proxy.inject(is_metric, fault);
        dashboard.wait(&format!("{said:?}, with {name}"), |screen| {
            screen.belief_says("external API", said).then_some(())
        });
        let screen = dashboard.screen();
        assert!(screen.is_reachable(), "{name} is not the whole cluster's trouble:\n{}", screen.0);
        assert_eq!(screen.ready(), Some(1), "{name}:\n{}", screen.0);
        drop(trouble);
        back(&format!("after {name}"));
    }
    let _slow = proxy.inject(is_metric, Fault::Delay(Duration::from_secs(3)));
    back("from a slow API");
    dashboard.quit();
}
