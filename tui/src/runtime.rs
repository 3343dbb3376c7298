//! The one loop: wait for an event, update the model, carry out the effects, draw.
//!
//! Only `update` changes the model. The loop keeps the [`ScreenLayout`] of the newest frame, for the mouse: a click means what
//! the user saw. After each frame it sends `Event::Drawn` to `update`, with the layout's scroll limit.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::Duration;

use crossterm::event as term;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::source::recorder::Tap;
use crate::terminal;
use crate::terminal::{JobSignal, Terminal};
use crate::view;
use crate::view::ScreenLayout;
use dashboard::clock::Clock;
use dashboard::message::{Effect, Event, Input, Timestamped};
use dashboard::model::Model;
use dashboard::update::{recorded, update};

/// The time between two frames: at most thirty a second.
const FRAME_INTERVAL: Duration = Duration::from_millis(33);

/// The most events that are handled before the keyboard and the frame's time are checked again.
const EVENT_BATCH: usize = 512;

/// The most effects that wait for the dispatcher. A dispatcher that is further behind has ended.
const MAX_WAITING: usize = 1_000;

/// An error that ends the loop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The terminal could not be written, or its modes not be set.
    #[error("the terminal failed: {0}")]
    Terminal(io::Error),
    /// The other end of the terminal is closed.
    #[error("the terminal is gone")]
    Gone,
    /// A task panicked; its message is on standard error.
    #[error("a task of the dashboard panicked; this is a bug")]
    Panicked,
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EIO | libc::ENXIO) => Self::Gone,
            _ => Self::Terminal(error),
        }
    }
}

/// Runs the dashboard on a real terminal until the user quits or the process gets a signal to end.
///
/// The first frame is drawn at once. Every effect that the loop does not carry out itself goes to `effects`, in order.
///
/// # Errors
/// Fails if the terminal fails or a task panics.
pub async fn run<W: Write>(
    terminal: &mut Terminal<W>,
    model: &mut Model,
    events: mpsc::Receiver<Timestamped>,
    effects: mpsc::Sender<Effect>,
    clock: Clock,
    tap: &Tap,
) -> Result<(), Error> {
    draw(terminal, model, &clock)?;
    // The stream panics without a terminal to read, which may be gone by now.
    if term::poll(Duration::ZERO).is_err() {
        return Err(Error::Gone);
    }
    run_with(terminal, model, term::EventStream::new(), events, effects, clock, tap).await
}

/// Runs the dashboard as [`run`] does, with the given input.
///
/// # Errors
/// Fails if the terminal fails or a task panics.
pub async fn run_with<W: Write>(
    terminal: &mut Terminal<W>,
    model: &mut Model,
    mut input: impl Stream<Item = io::Result<term::Event>> + Unpin,
    mut events: mpsc::Receiver<Timestamped>,
    effects: mpsc::Sender<Effect>,
    clock: Clock,
    tap: &Tap,
) -> Result<(), Error> {
    let mut hands = Hands { effects, waiting: VecDeque::new(), tick: None };
    let mut layout = draw(terminal, model, &clock)?;
    let mut drawn = Instant::now();
    let mut sources_live = true;
    loop {
        let frame = model.ui.changed.then(|| drawn + FRAME_INTERVAL);
        let next = tokio::select! {
            biased;
            () = terminal::panicked() => return Err(Error::Panicked),
            () = terminal::gone() => return Err(Error::Gone),
            signal = terminal.job_signal() => {
                match signal {
                    JobSignal::Stop => terminal.suspend()?,
                    JobSignal::Continue => terminal.resume()?,
                }
                let (columns, rows) = terminal.size();
                Some(stamp(model, &clock, Event::Input(Input::Resumed(columns, rows))))
            }
            typed = input.next() => match typed {
                Some(Ok(event)) => {
                    translate(event, &layout).map(|input| stamp(model, &clock, Event::Input(input)))
                }
                Some(Err(error)) => return Err(error.into()),
                None => return Err(Error::Gone),
            },
            () = until(frame) => {
                layout = draw(terminal, model, &clock)?;
                drawn = Instant::now();
                None
            }
            stamped = events.recv(), if sources_live => {
                sources_live = stamped.is_some();
                stamped
            }
            // The ticks of a replay are in the recording.
            () = until(hands.tick), if model.session.replay().is_none() => {
                hands.tick = None;
                Some(stamp(model, &clock, Event::Tick))
            }
            permit = hands.effects.reserve(), if !hands.waiting.is_empty() => {
                match (permit, hands.waiting.pop_front()) {
                    (Ok(permit), Some(effect)) => permit.send(effect),
                    (Err(_), _) => hands.waiting.clear(),
                    (Ok(_), None) => {}
                }
                None
            }
        };
        let Some(stamped) = next else { continue };
        let mut next = Some(stamped);
        // Samples that arrived meanwhile are drawn in the same frame.
        for _ in 0..EVENT_BATCH {
            let Some(stamped) = next.take() else { break };
            let at = stamped.at;
            for effect in recorded(model, stamped, |kept| tap.keep(kept)) {
                if let Effect::Record(request) = effect {
                    tap.request(request, at);
                    continue;
                }
                match hands.carry_out(effect) {
                    Own::Nothing => {}
                    Own::Redraw => terminal.forget(),
                    Own::Suspend => terminal.ask_to_stop()?,
                    Own::Quit => return Ok(()),
                }
            }
            if sources_live {
                next = events.try_recv().ok();
            }
        }
        terminal.set_mouse(model.ui.mouse)?;
    }
}

/// Stamps an event of this process. In a replay, the time is that of the recording.
fn stamp(model: &Model, clock: &Clock, event: Event) -> Timestamped {
    match model.session.replay() {
        Some(_) => Timestamped { at: model.data.now, event },
        None => clock.stamp(event),
    }
}

/// An effect that the loop carries out itself.
enum Own {
    Nothing,
    Redraw,
    Suspend,
    Quit,
}

/// Carries out effects.
struct Hands {
    effects: mpsc::Sender<Effect>,
    /// Effects that did not fit into the channel: the loop never waits for the dispatcher.
    waiting: VecDeque<Effect>,
    tick: Option<Instant>,
}

impl Hands {
    fn carry_out(&mut self, effect: Effect) -> Own {
        match effect {
            Effect::TickIn(period) => self.tick = Some(Instant::now() + period),
            Effect::Redraw => return Own::Redraw,
            Effect::Suspend => return Own::Suspend,
            Effect::Quit => return Own::Quit,
            effect => {
                if self.waiting.len() < MAX_WAITING {
                    self.waiting.push_back(effect);
                }
                while let Some(effect) = self.waiting.pop_front() {
                    match self.effects.try_send(effect) {
                        Ok(()) => {}
                        Err(mpsc::error::TrySendError::Full(effect)) => {
                            self.waiting.push_front(effect);
                            break;
                        }
                        // No dispatcher runs: a replay, or the end.
                        Err(mpsc::error::TrySendError::Closed(_)) => {}
                    }
                }
            }
        }
        Own::Nothing
    }
}

/// Translates the terminal's event. The layout tells what is drawn under the mouse.
fn translate(event: term::Event, layout: &ScreenLayout) -> Option<Input> {
    match event {
        term::Event::Key(key) => Some(Input::Key(key)),
        term::Event::Paste(text) => Some(Input::Paste(text)),
        term::Event::Mouse(mouse) => Some(Input::Mouse(mouse, layout.hit_test((mouse.column, mouse.row)))),
        term::Event::Resize(columns, rows) => {
            let (columns, rows) = terminal::usable_size((columns, rows));
            Some(Input::Resize(columns, rows))
        }
        term::Event::FocusGained | term::Event::FocusLost => None,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Draws a frame, and reports it to `update`. Returns the layout of the frame.
fn draw<W: Write>(terminal: &mut Terminal<W>, model: &mut Model, clock: &Clock) -> io::Result<ScreenLayout> {
    terminal.resize(model.ui.size);
    let layout = terminal.draw(|area, buffer| view::draw(model, area, buffer))?;
    // It has no effects.
    let _none = update(model, clock.stamp(Event::Drawn { max_scroll: layout.max_scroll() }));
    Ok(layout)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use futures::stream;
    use jiff::Timestamp;
    use jiff::tz::TimeZone;

    use super::*;
    use dashboard::clock::DayClock;
    use dashboard::reported::{Target, TargetEvent};
    use observed::DepthSample;

    /// The frames that were written to a terminal.
    #[derive(Clone, Default)]
    struct Frames(Arc<Mutex<Vec<Vec<u8>>>>);

    impl Write for Frames {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Frames {
        fn count(&self) -> usize {
            self.0.lock().unwrap().len()
        }
    }

    fn key(c: char) -> io::Result<term::Event> {
        Ok(term::Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)))
    }

    fn model() -> Model {
        Model::new(DayClock::new(Timestamp::UNIX_EPOCH, TimeZone::UTC), (80, 24))
    }

    fn ready() -> [Event; 2] {
        let target = Target {
            title: "here".to_owned(),
            reason: String::new(),
            namespace: "demo".to_owned(),
            version: None,
            confirm_first_burst: false,
            sync_period: None,
            first_burst: None,
        };
        [Event::Target(TargetEvent::Chosen(target)), Event::Target(TargetEvent::Ready)]
    }

    #[tokio::test]
    async fn the_first_frame_is_drawn_before_input() {
        let frames = Frames::default();
        let mut terminal = Terminal::pretend(frames.clone(), (80, 24));
        let (mut model, clock) = (model(), Clock::start());
        let (_events, events) = mpsc::channel(1);
        let (effects, _effects) = mpsc::channel(1);
        // A frame is on the screen before the first key is read.
        let seen = frames.clone();
        let input = Box::pin(stream::once(async move {
            assert_eq!(seen.count(), 1);
            key('q')
        }));
        run_with(&mut terminal, &mut model, input, events, effects, clock, &Tap::closed()).await.unwrap();
    }

    #[tokio::test]
    async fn effects_keep_their_order_in_a_full_channel() {
        let mut terminal = Terminal::pretend(Frames::default(), (80, 24));
        let (mut model, clock) = (model(), Clock::start());
        for event in ready() {
            let _ = update(&mut model, clock.stamp(event));
        }
        let (_events, events) = mpsc::channel(1);
        let (effects, mut taken) = mpsc::channel(1);
        let (keys, typed) = mpsc::channel(16);
        for c in "1 2 3 c".chars() {
            keys.send(key(c)).await.unwrap();
        }
        let typed = stream::unfold(typed, |mut typed| async { Some((typed.recv().await?, typed)) });
        let looking = async {
            let mut sizes = Vec::new();
            while let Some(effect) = taken.recv().await {
                match effect {
                    Effect::Fire { size, .. } => sizes.push(size),
                    Effect::Load { rate } => {
                        assert_eq!(rate, 5.0);
                        break;
                    }
                    _ => {}
                }
            }
            drop(keys);
            sizes
        };
        let (typed, tap) = (Box::pin(typed), Tap::closed());
        let running = run_with(&mut terminal, &mut model, typed, events, effects, clock, &tap);
        let (ended, sizes) = tokio::join!(running, looking);
        // The keyboard is closed.
        assert!(matches!(ended, Err(Error::Gone)), "{ended:?}");
        assert_eq!(sizes, [1, 10, 50]);
    }

    #[tokio::test]
    async fn many_samples_share_a_frame() {
        let frames = Frames::default();
        let mut terminal = Terminal::pretend(frames.clone(), (80, 24));
        let (mut model, clock) = (model(), Clock::start());
        let (samples, events) = mpsc::channel(4_096);
        let (effects, _effects) = mpsc::channel(64);
        for event in ready() {
            samples.try_send(clock.stamp(event)).unwrap();
        }
        for ready in 0..4_000 {
            let sample = DepthSample { ready, unacked: 0, consumers: None, staleness: Duration::ZERO };
            samples.try_send(clock.stamp(Event::Depth(sample))).unwrap();
        }
        samples.try_send(clock.stamp(Event::Terminate)).unwrap();
        let no_input = stream::pending::<io::Result<term::Event>>();
        let began = Instant::now();
        run_with(&mut terminal, &mut model, no_input, events, effects, clock, &Tap::closed()).await.unwrap();
        // At most one frame each frame interval, and the first.
        let most = began.elapsed().as_millis() / FRAME_INTERVAL.as_millis() + 2;
        assert!(frames.count() as u128 <= most, "{} frames", frames.count());
        assert_eq!(model.data.depth.map(|depth| depth.ready), Some(3_999));
    }

    #[tokio::test]
    async fn a_closed_keyboard_ends_the_loop() {
        let mut terminal = Terminal::pretend(Frames::default(), (80, 24));
        let (mut model, clock) = (model(), Clock::start());
        let (_events, events) = mpsc::channel(1);
        let (effects, _effects) = mpsc::channel(1);
        let input = stream::empty::<io::Result<term::Event>>();
        let ended = run_with(&mut terminal, &mut model, input, events, effects, clock, &Tap::closed()).await;
        assert!(matches!(ended, Err(Error::Gone)), "{ended:?}");
    }
}
