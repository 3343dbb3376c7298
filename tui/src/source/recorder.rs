//! The recorder: takes what the loop keeps, writes it to a file while one is open, and remembers the last hours.
//!
//! The loop never waits for it: the queue between them is bounded, and a thread of its own writes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::source::event_sender::EventSender;
use dashboard::clock::At;
use dashboard::message::{Event, Timestamped};
use dashboard::reported::{RecordRequest, RecorderEvent};
use recording::format::EXTENSION;
use recording::memory::Memory;
use recording::writer::{Settings, Writer};

/// Events that may wait for the disk.
const QUEUE: usize = 8_192;

/// The shortest time between two reports of the size.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// The reason why a recording ends that the disk is too slow for.
const TOO_SLOW: &str = "the disk is too slow, and events were lost";

/// The loop's end of the recorder.
#[derive(Debug, Clone, Default)]
pub struct Tap(Option<Queue>);

#[derive(Debug, Clone)]
struct Queue {
    orders: mpsc::Sender<Order>,
    /// True once an event found no room.
    has_lost: Arc<AtomicBool>,
}

#[derive(Debug)]
enum Order {
    Keep(Timestamped),
    Request(RecordRequest, At),
}

impl Tap {
    /// A tap that records nothing: for a replay.
    #[must_use]
    pub fn closed() -> Self {
        Self(None)
    }

    /// Hands over an event, in the order of `update`.
    pub fn keep(&self, stamped: Timestamped) {
        self.send(Order::Keep(stamped));
    }

    /// Hands over a request of the user.
    pub fn request(&self, request: RecordRequest, at: At) {
        self.send(Order::Request(request, at));
    }

    fn send(&self, order: Order) {
        let Some(queue) = &self.0 else { return };
        if let Err(mpsc::error::TrySendError::Full(_)) = queue.orders.try_send(order) {
            queue.has_lost.store(true, Ordering::Relaxed);
        }
    }
}

/// Path and size of a completed recording, if there is one; the sentence of one that could not be completed.
pub type Completed = Result<Option<(PathBuf, u64)>, String>;

/// Starts the recorder. It ends, and completes its file, once all taps are dropped. The result is the sentence of a
/// recording that could not be completed.
#[must_use]
pub fn start(settings: Settings, first: Option<Writer>, outbox: EventSender) -> (Tap, JoinHandle<Completed>) {
    let (orders, received) = mpsc::channel(QUEUE);
    let has_lost = Arc::new(AtomicBool::new(false));
    let recorder = Recorder {
        memory: Memory::new(settings.clone()),
        settings,
        writer: first,
        reported: None,
        failed: None,
        outbox,
        has_lost: Arc::clone(&has_lost),
    };
    let task = tokio::task::spawn_blocking(move || recorder.run(received));
    (Tap(Some(Queue { orders, has_lost })), task)
}

struct Recorder {
    settings: Settings,
    memory: Memory,
    writer: Option<Writer>,
    /// The time of the newest report of the size.
    reported: Option<Instant>,
    /// The failure of the newest recording.
    failed: Option<String>,
    outbox: EventSender,
    has_lost: Arc<AtomicBool>,
}

impl Recorder {
    fn run(mut self, mut orders: mpsc::Receiver<Order>) -> Completed {
        while let Some(order) = orders.blocking_recv() {
            if self.has_lost.swap(false, Ordering::Relaxed) && self.writer.take().is_some() {
                self.fail(TOO_SLOW.to_owned());
            }
            match order {
                Order::Keep(stamped) => self.keep(&stamped),
                Order::Request(RecordRequest::Toggle, at) => self.toggle(at),
                Order::Request(RecordRequest::Save, at) => self.save(at),
            }
        }
        match (self.writer, self.failed) {
            (Some(writer), _) => {
                let path = writer.path().to_owned();
                writer.finish().map(|bytes| Some((path, bytes))).map_err(|error| error.to_string())
            }
            (None, Some(failed)) => Err(failed),
            (None, None) => Ok(None),
        }
    }

    /// Reports to the dashboard. The loop always reads its events, so this does not block for long.
    fn report(&self, report: RecorderEvent) {
        let sending = self.outbox.send(Event::Recorder(report));
        tokio::runtime::Handle::current().block_on(sending);
    }

    fn fail(&mut self, sentence: String) {
        self.failed = Some(sentence.clone());
        self.report(RecorderEvent::Failed(sentence));
    }

    fn keep(&mut self, stamped: &Timestamped) {
        self.memory.take(stamped);
        let Some(writer) = &mut self.writer else { return };
        if let Err(error) = writer.write(stamped) {
            self.writer = None;
            return self.fail(error.to_string());
        }
        if self.reported.is_none_or(|reported| reported.elapsed() >= REPORT_INTERVAL) {
            self.reported = Some(Instant::now());
            let (file, bytes) = (writer.path().display().to_string(), writer.bytes());
            self.report(RecorderEvent::Wrote { file, bytes });
        }
    }

    /// A new name in the current folder, by the time of day in UTC.
    fn name(&self, at: At) -> PathBuf {
        let time = self.settings.started.checked_add(at.0).unwrap_or(self.settings.started);
        default_name(time)
    }

    fn toggle(&mut self, at: At) {
        if let Some(writer) = self.writer.take() {
            let file = writer.path().display().to_string();
            match writer.finish() {
                Ok(bytes) => self.report(RecorderEvent::Ended { file, bytes }),
                Err(error) => self.fail(error.to_string()),
            }
            return;
        }
        self.failed = None;
        let keyframe = self.memory.keyframe().clone();
        match Writer::create_at(&self.name(at), self.settings.clone(), keyframe, at) {
            Ok(writer) => {
                let (file, bytes) = (writer.path().display().to_string(), writer.bytes());
                self.writer = Some(writer);
                self.reported = Some(Instant::now());
                self.report(RecorderEvent::Wrote { file, bytes });
            }
            Err(error) => self.fail(error.to_string()),
        }
    }

    fn save(&mut self, at: At) {
        let path = self.name(at).with_extension("jsonl.gz");
        match self.memory.save(&path) {
            Ok(bytes) => self.report(RecorderEvent::Saved { file: path.display().to_string(), bytes }),
            // The recording itself goes on.
            Err(error) => self.report(RecorderEvent::NotSaved(error.to_string())),
        }
    }
}

/// The name of a recording that begins at that time: `surge-20260102-140320.surge.jsonl`.
#[must_use]
pub fn default_name(time: jiff::Timestamp) -> PathBuf {
    PathBuf::from(format!("surge-{}.{EXTENSION}", time.strftime("%Y%m%d-%H%M%S")))
}
