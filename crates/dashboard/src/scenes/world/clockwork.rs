//! One step of time in the played world: workers, the chain of readings, and the autoscaler.

use std::time::Duration;

use crate::message::*;
use crate::reported::*;
use contract::JobEventKind;
use observed::*;

use super::traffic::WORK;
use super::{Worker, World};

/// Milliseconds of one step of the played world.
pub(crate) const STEP: u64 = 200;

impl World {
    /// Plays one step of time.
    pub fn step(&mut self) {
        self.ms += STEP;
        let now = self.ms;
        // Workers: start, take jobs, finish them, end.
        for index in 0..self.workers.len() {
            let age = now - self.workers[index].created;
            if !self.workers[index].ready && (age == 400 || age == 1_600) {
                self.workers[index].ready = age == 1_600;
                let pod = self.pod(index);
                self.send(Event::Pods(PodsEvent::Applied(Box::new(pod))));
                self.workload();
            }
            if let Some((id, burst, until)) = self.workers[index].job.clone()
                && now >= until
            {
                self.workers[index].job = None;
                self.job(self.workers[index].name.clone(), JobEventKind::Acked, id, burst);
            }
            if self.broker
                && self.workers[index].ready
                && !self.workers[index].ends
                && self.workers[index].job.is_none()
                && let Some((id, burst)) = self.queue.pop_front()
            {
                self.workers[index].job = Some((id, burst.clone(), now + WORK));
                self.job(self.workers[index].name.clone(), JobEventKind::Started, id, burst);
            }
        }
        while let Some(index) = self.workers.iter().position(|w| w.ends && w.job.is_none()) {
            let pod = self.pod(index);
            self.workers.remove(index);
            self.send(Event::Pods(PodsEvent::Deleted { name: pod.name, uid: pod.uid }));
            self.workload();
        }
        if now.is_multiple_of(15_000) {
            self.usage();
        }
        // The chain: broker, scrape, API, HPA.
        let busy = self.model.data.bursts.in_flight();
        if self.broker && now.is_multiple_of(if busy { 200 } else { 1_000 }) {
            let ready = self.queue.len() as u64;
            let sample = DepthSample {
                ready,
                unacked: self.total() - ready,
                consumers: Some(self.workers.len() as u64),
                staleness: Duration::ZERO,
            };
            self.send(Event::Depth(sample));
        }
        if now.is_multiple_of(5_000) {
            self.scraped = if self.keda { self.queue.len() as u64 } else { self.total() };
            self.scraped_at = now;
        }
        if now.is_multiple_of(1_000) && self.broker {
            if !self.unread.contains(&Source::Prometheus) {
                let scraped = ScrapedSample {
                    value: Some(self.scraped as f64),
                    scraped: None,
                    age: Some(Duration::from_millis(now - self.scraped_at)),
                };
                self.send(Event::Scraped(scraped));
            }
            if !self.unread.contains(&Source::ExternalMetric) {
                self.send(Event::Metric(MetricSample {
                    value_milli: Some(self.scraped as i64 * 1_000),
                    stamped: None,
                }));
            }
            self.send(Event::Tick);
        }
        if now.is_multiple_of(self.sync) {
            self.decide();
        }
    }

    pub(crate) fn decide(&mut self) {
        let now = self.ms;
        let n = self.workers.iter().filter(|w| !w.ends).count();
        self.reading = self.scraped;
        self.current = n;
        let ratio = self.scraped as f64 / (20.0 * n as f64);
        let raw = if (0.9..=1.1).contains(&ratio) { n } else { self.scraped.div_ceil(20) as usize };
        self.recommendations.push_back((now, raw));
        self.recommendations.retain(|(at, _)| *at + self.window > now);
        let stabilised = self.recommendations.iter().map(|(_, n)| *n).max().unwrap_or(raw).max(raw);
        self.desired = stabilised.clamp(1, self.max).min((2 * n).max(n + 4));
        let old = self.spec;
        self.spec = self.desired;
        self.hpa();
        if self.spec == old {
            return;
        }
        let reason = if self.spec > old {
            "external metric rabbitmq_queue_length(&LabelSelector{MatchLabels:map[string]string{queue: Orders,},}) above target"
        } else {
            "All metrics below target"
        };
        self.kubernetes(
            "HorizontalPodAutoscaler",
            "worker-scaler",
            "SuccessfulRescale",
            format!("New size: {}; reason: {reason}", self.spec),
        );
        self.workload();
        while self.workers.iter().filter(|w| !w.ends).count() < self.spec {
            self.workers.push(Worker {
                name: String::new(),
                created: now,
                job: None,
                ends: false,
                ready: false,
            });
            self.name_last();
            let pod = self.pod(self.workers.len() - 1);
            let name = pod.name.clone();
            self.send(Event::Pods(PodsEvent::Applied(Box::new(pod))));
            self.kubernetes(
                "ReplicaSet",
                "worker-6f7d9c8b5",
                "SuccessfulCreate",
                format!("Created pod: {name}"),
            );
        }
        for index in (0..self.workers.len()).rev() {
            if self.workers.iter().filter(|w| !w.ends).count() <= self.spec {
                break;
            }
            if !self.workers[index].ends {
                self.workers[index].ends = true;
                let pod = self.pod(index);
                self.send(Event::Pods(PodsEvent::Applied(Box::new(pod))));
            }
        }
        self.workload();
    }
}
