//! The main use on a cluster: a burst by the user's key scales the workers up and down, and the screen agrees with the API at
//! every instant.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;
use testkit::wait;

use crate::on_cluster::handles;
use crate::on_cluster::recorder::{Recorder, Series};
use crate::scenarios::dashboard::Screen;
use crate::scenarios::site::Site;

/// Allowed distance between the screen and the recorder: one poll of the dashboard (a second when it is idle), one of the
/// recorder, and two seconds for a machine with other work.
const ONE_POLL: Duration = Duration::from_millis(3_250);

/// The figures of the screen, the same figures in the API, and the comparison of both.
type Reading = (&'static str, fn(&Screen) -> Option<u64>, Series);

const READINGS: [Reading; 5] = [
    ("ready", Screen::ready, Series::Ready),
    ("current", Screen::current, Series::Current),
    ("desired", Screen::desired, Series::Desired),
    ("depth", Screen::depth, Series::Depth),
    ("external API", |screen| screen.belief("external API"), Series::Metric),
];

const JOBS: u32 = 50;

#[test]
#[ignore = "needs a cluster"]
fn the_screen_agrees_with_the_api_through_a_burst() {
    let site = handles::demo();
    let recorder = Recorder::start(&site);
    let mut dashboard = site.dashboard(&[]);
    let screen = dashboard.wait_for(&format!("/ {}", site.namespace));
    assert!(!screen.0.contains("sandbox"), "it takes the current context's cluster:\n{}", screen.0);
    dashboard.wait_until_live();

    let mut samples = Samples::default();
    dashboard.send("3");
    dashboard.send(" ");
    dashboard.wait_for("Fire this burst?");
    dashboard.send("y");
    samples.until(&dashboard, "every request to be accepted", |screen| {
        screen.says(&format!("{JOBS}/{JOBS} accepted"))
    });
    samples.until(&dashboard, "more ready workers", |screen| screen.ready().is_some_and(|ready| ready > 1));
    let wanted = usize::try_from(recorder.last(Series::Desired).unwrap()).unwrap();
    samples.until(&dashboard, "the queue to drain", |screen| screen.has_time("drained"));
    samples.until(&dashboard, "the way back", |screen| screen.has_time("back at min"));
    samples.until(&dashboard, "one worker", |screen| {
        screen.ready() == Some(1) && screen.current() == Some(1) && screen.desired() == Some(1)
    });
    let screen = dashboard.screen();
    assert!(screen.says(&format!("{JOBS} done")), "{}", screen.0);
    for stage in
        ["in the broker", "scraped sample", "external API", "desired changed", "first pod ready", "first ack"]
    {
        assert!(screen.has_time(stage), "the stopwatch has no time for {stage:?}:\n{}", screen.0);
    }
    // The recorder must have seen what follows the last sample.
    std::thread::sleep(ONE_POLL);
    samples.0.push((Instant::now(), dashboard.screen()));

    let desired = recorder.steps(Series::Desired);
    assert_eq!((desired.first(), desired.last()), (Some(&1), Some(&1)), "1, more, 1: {desired:?}");
    assert!(desired.iter().any(|desired| *desired > 1) && wanted > 1, "1, more, 1: {desired:?}");
    assert!(recorder.steps(Series::Depth).contains(&0), "the broker was drained");
    samples.agree_with(&recorder);
    samples.tell_of_every_rescale(&site);
    dashboard.quit();
}

/// The sampled screens, each with its instant.
#[derive(Default)]
struct Samples(Vec<(Instant, Screen)>);

impl Samples {
    /// Samples until `condition` holds.
    fn until(
        &mut self,
        dashboard: &crate::scenarios::dashboard::Dashboard,
        what: &str,
        condition: impl Fn(&Screen) -> bool,
    ) {
        // The wait is the dashboard's; the samples are the screens that it saw.
        let looked = std::cell::RefCell::new(&mut self.0);
        dashboard.wait(what, |screen| {
            let mut looked = looked.borrow_mut();
            let is_news = looked
                .last()
                .is_none_or(|(at, last)| last != screen && at.elapsed() > Duration::from_millis(100));
            if is_news {
                looked.push((Instant::now(), screen.clone()));
            }
            condition(screen).then_some(())
        });
    }

    /// Asserts that every figure of every sample was true within one poll of its instant.
    fn agree_with(&self, recorder: &Recorder) {
        let mut wrong = Vec::new();
        for (name, read, series) in READINGS {
            let (mut compared, mut exact) = (0, 0);
            for (at, screen) in &self.0 {
                let Some(shown) = read(screen) else { continue };
                let (from, to) = (at.checked_sub(ONE_POLL).unwrap_or(*at), *at + ONE_POLL);
                let Some((least, most)) = recorder.between(series, from, to) else { continue };
                compared += 1;
                exact += u32::from(
                    recorder
                        .between(series, *at, *at)
                        .is_some_and(|(least, most)| (least..=most).contains(&shown)),
                );
                if !(least..=most).contains(&shown) {
                    wrong.push(format!("{name} {shown}, the API said {least} to {most}"));
                }
            }
            assert!(compared > 100, "only {compared} samples of {name} could be compared");
            println!("{name}: {compared} samples within one poll, {exact} of them at the instant itself");
        }
        assert!(wrong.is_empty(), "{} samples disagree:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// Asserts that every event of the HPA's controller was on a screen, with its time.
    fn tell_of_every_rescale(&self, site: &Site) {
        let events: Api<Event> = Api::namespaced(site.client.clone(), &site.namespace);
        let about = ListParams::default()
            .fields(&format!("involvedObject.name={},reason=SuccessfulRescale", contract::names::HPA));
        let seconds = self.0.first().map_or(0, |(at, _)| at.elapsed().as_secs());
        let began = jiff::Timestamp::now() - Duration::from_secs(seconds);
        let written: Vec<String> = site
            .run(events.list(&about))
            .unwrap()
            .items
            .into_iter()
            .filter_map(|event| event.last_timestamp.map(|time| time.0))
            .filter(|time| *time >= began)
            .map(|time| time.strftime("%H:%M:%S").to_string())
            .collect();
        assert!(written.len() >= 2, "up and down are two events at least: {written:?}");
        for time in &written {
            let line = format!("{time} SuccessfulRes");
            let reported = self.0.iter().any(|(_, screen)| {
                screen.events("SuccessfulRes").iter().any(|event| event.starts_with(&line))
            });
            assert!(
                reported,
                "no screen reported of the rescale at {time}; the last one:\n{}",
                self.0.last().map_or("", |(_, screen)| &screen.0)
            );
        }
    }
}

#[test]
#[ignore = "needs a cluster and kubectl"]
fn the_targets_column_equals_kubectl() {
    let (site, kubectl) = (handles::demo(), handles::kubectl());
    let dashboard = site.dashboard(&[]);
    dashboard.wait_until_live();
    let config = site.kubeconfig.to_str().unwrap();
    wait::until_blocking("the same targets as kubectl prints", || {
        let arguments = [
            "--kubeconfig",
            config,
            "-n",
            &site.namespace,
            "get",
            "hpa",
            "--no-headers",
            contract::names::HPA,
        ];
        let output = std::process::Command::new(&kubectl).args(arguments).output().ok()?;
        let printed =
            String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        // worker-scaler Deployment/worker 0/20 (avg) 1 10 1 5m
        let targets = printed.split_once("Deployment/worker ")?.1.split_once(')')?.0.to_owned() + ")";
        dashboard.screen().says(&format!("reading {targets}")).then_some(())
    });
    dashboard.quit();
}
