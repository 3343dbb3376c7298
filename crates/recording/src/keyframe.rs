//! The newest state of every subject as events: a recording that begins in the middle of a run begins with them.

use std::collections::BTreeMap;

use dashboard::clock::At;
use dashboard::message::{Event, Request, Timestamped};
use dashboard::reported::{DrillEvent, FleetEvent, TargetEvent};
use observed::{Pod, PodsEvent};

use crate::format::{Header, RecordedHpa};

/// Answers of the API server's clock that are kept: the offset narrows with each.
const SERVER_TIMES: usize = 16;

/// The subjects with one newest event, in the order in which a recording begins with them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Target,
    Step(String),
    TargetState,
    Size,
    Rate,
    ServerTime(usize),
    Source(dashboard::reported::Source),
    ScaledObject,
    Hpa,
    Workload,
    Depth,
    Metric,
    Readings,
    Usage,
    Scraped,
    Doctor,
    Drill(dashboard::reported::Drill),
    Load,
}

/// The newest state of every subject. It holds no history.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Keyframe {
    newest: BTreeMap<Subject, Event>,
    /// The pods by uid, once a list was received.
    pods: Option<BTreeMap<String, Pod>>,
    server_times: usize,
}

impl Keyframe {
    /// Takes an event of the run.
    pub fn take(&mut self, event: &Event) {
        let subject = match event {
            Event::Target(TargetEvent::Chosen(_)) => Subject::Target,
            Event::Target(TargetEvent::Step(step)) => Subject::Step(step.name.clone()),
            Event::Target(_) => Subject::TargetState,
            Event::Request(Request::Size(_)) => Subject::Size,
            Event::Request(Request::Rate(_)) => Subject::Rate,
            Event::Request(Request::StartLoad) => Subject::Load,
            Event::Request(Request::StopLoad(_)) => {
                self.newest.remove(&Subject::Load);
                return;
            }
            Event::Load(progress) if progress.stopped.is_some() => {
                self.newest.remove(&Subject::Load);
                return;
            }
            Event::ServerTime(_) => {
                self.server_times += 1;
                Subject::ServerTime(self.server_times % SERVER_TIMES)
            }
            Event::Source(source, _) => Subject::Source(*source),
            Event::ScaledObject(_) => Subject::ScaledObject,
            Event::Hpa(_) => Subject::Hpa,
            Event::Workload(_) => Subject::Workload,
            Event::Depth(_) => Subject::Depth,
            Event::Metric(_) => Subject::Metric,
            Event::Readings(_) => Subject::Readings,
            Event::Usage(_) => Subject::Usage,
            Event::Scraped(_) => Subject::Scraped,
            Event::Doctor(_) => Subject::Doctor,
            Event::Drill(DrillEvent::Stopped(drill, _)) => Subject::Drill(*drill),
            Event::Drill(DrillEvent::PutBack(drill, _)) => {
                self.newest.remove(&Subject::Drill(*drill));
                return;
            }
            Event::Pods(change) => return self.pods(change),
            // Another target: nothing of the old one stays but the settings of the load.
            Event::Fleet(FleetEvent::Opened | FleetEvent::Alone) => {
                self.newest.retain(|subject, _| matches!(subject, Subject::Size | Subject::Rate));
                self.pods = None;
                return;
            }
            _ => return,
        };
        self.newest.insert(subject, event.clone());
    }

    fn pods(&mut self, change: &PodsEvent) {
        match change {
            PodsEvent::Listed(pods) => {
                self.pods = Some(pods.iter().map(|pod| (pod.uid.clone(), pod.clone())).collect());
            }
            PodsEvent::Applied(pod) => {
                self.pods.get_or_insert_default().insert(pod.uid.clone(), (**pod).clone());
            }
            PodsEvent::Deleted { uid, .. } => {
                if let Some(pods) = &mut self.pods {
                    pods.remove(uid);
                }
            }
        }
    }

    /// The events that give the state, all at one time. The pods come after the workload that they belong to.
    pub fn events(&self, at: At) -> impl Iterator<Item = Timestamped> {
        let pods =
            self.pods.iter().map(|pods| Event::Pods(PodsEvent::Listed(pods.values().cloned().collect())));
        let of = |is_before: bool| {
            let chosen =
                self.newest.iter().filter(move |(subject, _)| (**subject <= Subject::Workload) == is_before);
            chosen.map(|(_, event)| event.clone())
        };
        let all: Vec<Event> = of(true).chain(pods).chain(of(false)).collect();
        all.into_iter().map(move |event| Timestamped { at, event })
    }

    /// Returns true once the HPA, also a missing one, and the version of the API server have been reported.
    #[must_use]
    pub fn is_described(&self) -> bool {
        let target = self.newest.get(&Subject::Target);
        let has_version = matches!(
            target,
            Some(Event::Target(TargetEvent::Chosen(target))) if target.version.is_some()
        );
        has_version && self.newest.contains_key(&Subject::Hpa)
    }

    /// Writes the known target, version and HPA into a header.
    pub fn describe(&self, header: &mut Header) {
        let target = match self.newest.get(&Subject::Target) {
            Some(Event::Target(TargetEvent::Chosen(target))) => Some(target),
            _ => None,
        };
        header.target = target.map(|target| target.title.clone());
        header.kubernetes = target.and_then(|target| target.version.clone());
        header.hpa = match self.newest.get(&Subject::Hpa) {
            Some(Event::Hpa(Some(hpa))) => Some(RecordedHpa {
                namespace: target.map(|target| target.namespace.clone()).unwrap_or_default(),
                name: hpa.name.clone(),
                spec: hpa.spec.clone(),
            }),
            _ => None,
        };
    }
}
