//! The explanation of one HPA from what a single look at the cluster shows.

use hpa::memory::Recommendation;
use hpa::status::{ConditionStatus, Status};
use hpa::{Input, Memory, Pod, Reading, Scale, Time, Trace};
use observed::Hpa;

use crate::metric::{MetricReport, reports};
use crate::outlook::sentences;
use crate::pods::{PodTable, table};
use crate::rules::Rules;

/// The inputs of an explanation.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The HPA.
    pub hpa: &'a Hpa,
    /// Its namespace.
    pub namespace: &'a str,
    /// The scale of its target, or the reason why it could not be read.
    pub scale: Result<&'a Scale, &'a str>,
    /// The pods that the selector of the scale matches.
    pub pods: &'a [Pod],
    /// Names of the pods that another workload owns.
    pub foreign: &'a [String],
    /// The answers of the metrics APIs, one for each entry of `spec.metrics`.
    pub readings: &'a [Reading],
    /// The rules of the release.
    pub rules: Rules,
    /// The time on the cluster's clock.
    pub now: Time,
}

/// The decision that the next sync would make now, in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The name of the rules, such as `rules of 1.34`.
    pub rules: String,
    /// Each step of the arithmetic.
    pub trace: Trace,
    /// The metrics.
    pub metrics: Vec<MetricReport>,
    /// The pods of each metric that counts pods.
    pub pods: Vec<Option<PodTable>>,
    /// Sentences about holds and about the next change; the most important first.
    pub sentences: Vec<String>,
}

/// Explains the decision of the next sync. `None` if the specification is invalid.
///
/// The controller's memory is not visible. The status tells whether an earlier recommendation holds the size; if so, the
/// current size stands for it. `clock` formats a time of day.
#[must_use]
pub fn explain(subject: &Subject<'_>, clock: &dyn Fn(Time) -> String) -> Option<Explanation> {
    let spec = subject.hpa.spec.as_deref()?;
    let status = status(subject.hpa);
    let input = Input {
        now: subject.now,
        namespace: subject.namespace,
        generation: None,
        spec,
        status: &status,
        scale: subject.scale,
        pods: subject.pods,
        selected_by: &[],
        readings: subject.readings,
        config: &subject.rules.config,
    };
    let trace = hpa::decide(&input, &mut memory(subject)).trace;
    let is_foreign = |name: &str| subject.foreign.iter().any(|foreign| foreign == name);
    Some(Explanation {
        rules: subject.rules.name(),
        metrics: reports(spec, Some(&trace)),
        pods: (0..spec.metrics.len()).map(|index| table(&input, &trace, index, is_foreign)).collect(),
        sentences: sentences(spec, &trace, subject.now, clock),
        trace,
    })
}

/// The part of the status that a decision depends on.
#[must_use]
pub fn status(hpa: &Hpa) -> Status {
    let conditions = hpa.conditions.iter().map(|condition| hpa::status::Condition {
        type_: condition.kind.clone().into(),
        status: match condition.status.as_str() {
            "True" => ConditionStatus::True,
            "False" => ConditionStatus::False,
            _ => ConditionStatus::Unknown,
        },
        reason: condition.reason.clone().into(),
        message: condition.message.clone().into(),
        last_transition_time: None,
    });
    Status {
        current_replicas: hpa.current_replicas,
        desired_replicas: hpa.desired_replicas,
        conditions: conditions.collect(),
        ..Status::default()
    }
}

fn memory(subject: &Subject<'_>) -> Memory {
    let is_free =
        subject.hpa.conditions.iter().any(|c| c.kind == "AbleToScale" && c.reason == "ReadyForNewScale");
    let held = subject
        .scale
        .ok()
        .filter(|_| !is_free)
        .map(|scale| Recommendation { replicas: scale.spec_replicas, at: subject.now });
    Memory { recommendations: Some(held.into_iter().collect()), ..Memory::default() }
}

#[cfg(test)]
mod tests {
    use hpa::input::{Container, ContainerUsage, PodUsage, Ready};
    use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
    use observed::convert;
    use serde_json::{Value, json};

    use super::*;

    const NOW: Time = Time::from_secs(100_000);

    fn hpa(spec: &Value, status: &Value) -> Hpa {
        let object: HorizontalPodAutoscaler =
            serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": spec, "status": status}))
                .unwrap();
        convert::hpa::convert(&object)
    }

    fn spec(metrics: &Value, min: i32, max: i32) -> Value {
        json!({"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": min, "maxReplicas": max, "metrics": metrics})
    }

    fn cpu(percent: i32) -> Value {
        json!({"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": percent}}})
    }

    fn queue(name: &str, target: &str) -> Value {
        json!({"type": "External", "external": {
            "metric": {"name": "depth", "selector": {"matchLabels": {"queue": name}}},
            "target": {"type": "AverageValue", "averageValue": target}}})
    }

    fn pod(name: &str) -> Pod {
        Pod {
            name: name.to_owned(),
            phase: "Running".to_owned(),
            ready: Some(Ready { status: ConditionStatus::True, since: Time(0) }),
            started_at: Some(Time(0)),
            containers: vec![Container {
                name: "app".to_owned(),
                requests_milli: [("cpu".to_owned(), 200)].into(),
            }],
            ..Pod::default()
        }
    }

    fn usage(list: &[(&str, i64)]) -> Reading {
        let one = |(name, milli): &(&str, i64)| PodUsage {
            pod: (*name).to_owned(),
            at: NOW,
            window_seconds: 15,
            containers: vec![ContainerUsage {
                name: "app".to_owned(),
                milli: [("cpu".to_owned(), *milli)].into(),
            }],
        };
        Reading::Resource(list.iter().map(one).collect())
    }

    fn explained(hpa: &Hpa, size: i32, pods: &[Pod], readings: &[Reading]) -> Explanation {
        let scale = Scale { spec_replicas: size, status_replicas: size, selector: "app=web".to_owned() };
        let subject = Subject {
            hpa,
            namespace: "demo",
            scale: Ok(&scale),
            pods,
            foreign: &["c".to_owned()],
            readings,
            rules: Rules::of(Some("v1.34.1")),
            now: NOW,
        };
        explain(&subject, &|time| format!("{} s", time.0 / 1_000)).unwrap()
    }

    fn ready() -> Value {
        json!({"currentReplicas": 3, "desiredReplicas": 3, "conditions": [
            {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale"}]})
    }

    #[test]
    fn a_cpu_metric_names_pods_and_edges() {
        let hpa = hpa(&spec(&json!([cpu(60)]), 1, 10), &ready());
        let pods = ["a", "b", "c"].map(pod);
        let found = explained(&hpa, 3, &pods, &[usage(&[("a", 111), ("b", 110), ("c", 110)])]);
        assert_eq!(found.rules, "rules of 1.34");
        let [report] = found.metrics.as_slice() else { panic!("one metric") };
        assert_eq!(
            (report.usage.as_deref(), report.target.as_str(), report.wins),
            (Some("55 %"), "60 %", true)
        );
        assert_eq!(report.arithmetic.as_deref(), Some("55 % ÷ 60 %"));
        let table = found.pods[0].as_ref().unwrap();
        assert_eq!(table.summary, "3 counted, 1 of another workload");
        assert_eq!(table.truncation.as_deref(), Some("55.1 % counts as 55 %"));
        let line = &table.lines[0];
        let figures = (line.usage.as_deref(), line.request.as_deref(), line.share.as_deref());
        assert_eq!(figures, (Some("111m"), Some("200m"), Some("55 %")));
        assert_eq!(
            found.sentences,
            [
                "3 replicas are what the metrics ask for",
                "cpu needs 40 % or less before one pod can go",
                "cpu needs 67 % for one more pod",
            ]
        );
    }

    #[test]
    fn two_metrics_of_one_name_are_distinguished() {
        let hpa = hpa(&spec(&json!([queue("Orders", "20"), queue("Invoices", "60")]), 1, 10), &ready());
        let found = explained(&hpa, 4, &[], &[Reading::External(vec![0]), Reading::External(vec![205_000])]);
        let [orders, invoices] = found.metrics.as_slice() else { panic!("two metrics") };
        assert_eq!((orders.name.as_str(), orders.wins), ("depth{queue=Orders}", false));
        assert_eq!((invoices.name.as_str(), invoices.wins), ("depth{queue=Invoices}", true));
        assert_eq!(invoices.arithmetic.as_deref(), Some("205 ÷ (60 × 4)"));
        assert_eq!((invoices.proposal, found.trace.desired), (Some(4), 4));
    }

    #[test]
    fn the_sentences_say_what_the_size_waits_for() {
        let failed = Reading::Failed("no such API".to_owned());
        let both = json!([cpu(60), queue("Orders", "20")]);
        for (metrics, max, size, readings, first) in [
            (
                json!([queue("Orders", "20")]),
                10,
                10,
                vec![Reading::External(vec![280_000])],
                "maxed out: wants 14, max is 10",
            ),
            (
                both.clone(),
                10,
                3,
                vec![failed.clone(), Reading::External(vec![20_000])],
                "cpu could not be read: this blocks scaling down only",
            ),
            (json!([cpu(60)]), 10, 3, vec![failed.clone()], "no metric could be read: the size stays"),
            (
                json!([queue("Orders", "20")]),
                10,
                0,
                vec![Reading::External(vec![20_000])],
                "paused at 0 replicas, which the HPA did not set",
            ),
            (
                json!([queue("Orders", "20")]),
                5,
                7,
                vec![failed],
                "7 replicas are above max: the next sync sets 5",
            ),
        ] {
            let hpa = hpa(&spec(&metrics, 1, max), &ready());
            assert_eq!(explained(&hpa, size, &[], &readings).sentences[0], first, "{metrics}");
        }
    }

    #[test]
    fn an_earlier_recommendation_holds_by_the_status() {
        let status = json!({"currentReplicas": 9, "desiredReplicas": 9, "conditions": [
            {"type": "AbleToScale", "status": "True", "reason": "ScaleDownStabilized"}]});
        let hpa = hpa(&spec(&json!([queue("Orders", "20")]), 1, 10), &status);
        let found = explained(&hpa, 9, &[], &[Reading::External(vec![20_000])]);
        assert_eq!(found.trace.desired, 9);
        assert!(
            found.sentences[0].starts_with("scale-down held by an earlier 9, at most until "),
            "{:?}",
            found.sentences
        );
    }

    #[test]
    fn a_missing_sample_makes_a_second_pass() {
        let hpa = hpa(&spec(&json!([cpu(50)]), 1, 10), &ready());
        let pods = ["a", "b"].map(pod);
        let found = explained(&hpa, 2, &pods, &[usage(&[("a", 40)])]);
        let table = found.pods[0].as_ref().unwrap();
        assert_eq!(table.summary, "1 counted, 1 no sample");
        let pass = "1 pod (no sample) counts as its target, ratio 0.40 becomes 1.20";
        assert_eq!(table.second_pass.as_deref(), Some(pass));
        assert_eq!(table.lines[1].assumed.as_deref(), Some("counts at its target"));
    }
}
