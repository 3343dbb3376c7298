//! The one loop: wait for an event, update the model, do the effects, draw.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::Duration;

use crossterm::event as term;
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::terminal;
use crate::terminal::Terminal;
use crate::view;
use dashboard::clock::Clock;
use dashboard::message::{Effect, Event, Input, Timestamped};
use dashboard::model::Model;
use dashboard::ui::state::Mode;
use dashboard::update::update;

/// At most thirty frames a second.
const FRAME: Duration = Duration::from_millis(33);

/// Events taken in between two looks at the keyboard and the frame's time.
const BATCH: usize = 512;

/// Effects that wait for the dispatcher; a dispatcher that is this far behind is not going to come back.
const MAX_WAITING: usize = 1_000;

/// Why the loop ended other than by the user's wish.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The terminal could not be written to or set.
    #[error("the terminal failed: {0}")]
    Terminal(#[from] io::Error),
    /// A task panicked; its message is on standard error.
    #[error("a task of the dashboard panicked; this is a bug")]
    Panicked,
}

/// Runs the dashboard on a real terminal until the user quits or the process is told to end.
///
/// The first frame is drawn at once. Every effect that the loop does not do itself goes to `effects`, in order.
///
/// # Errors
/// When the terminal fails or a task panics.
pub async fn run<W: Write>(
    terminal: &mut Terminal<W>,
    model: &mut Model,
    events: mpsc::Receiver<Timestamped>,
    effects: mpsc::Sender<Effect>,
    clock: Clock,
) -> Result<(), Error> {
    draw(terminal, model)?;
    run_with(terminal, model, term::EventStream::new(), events, effects, clock).await
}

/// As [`run`], with the input given.
///
/// # Errors
/// When the terminal fails or a task panics.
pub async fn run_with<W: Write>(
    terminal: &mut Terminal<W>,
    model: &mut Model,
    mut input: impl Stream<Item = io::Result<term::Event>> + Unpin,
    mut events: mpsc::Receiver<Timestamped>,
    effects: mpsc::Sender<Effect>,
    clock: Clock,
) -> Result<(), Error> {
    let mut hands = Hands { effects, waiting: VecDeque::new(), tick: None };
    draw(terminal, model)?;
    let mut drawn = Instant::now();
    let mut sources_live = true;
    loop {
        let frame = model.ui.changed.then(|| drawn + FRAME);
        let next = tokio::select! {
            biased;
            () = terminal::panicked() => return Err(Error::Panicked),
            typed = input.next() => match typed {
                Some(Ok(event)) => translate(event, model).map(Event::Input),
                // Nobody is at the other end any more: as good as a hang-up.
                Some(Err(_)) | None => Some(Event::Terminate),
            }
            .map(|event| clock.stamp(event)),
            () = until(frame) => {
                draw(terminal, model)?;
                drawn = Instant::now();
                None
            }
            stamped = events.recv(), if sources_live => {
                sources_live = stamped.is_some();
                stamped
            }
            () = until(hands.tick) => {
                hands.tick = None;
                Some(clock.stamp(Event::Tick))
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
        // Samples that came meanwhile join the same frame.
        for _ in 0..BATCH {
            let Some(stamped) = next.take() else { break };
            for effect in update(model, stamped) {
                match hands.carry_out(effect) {
                    Own::Nothing => {}
                    Own::Redraw => terminal.forget(),
                    Own::Suspend => {
                        terminal.suspend()?;
                        let resumed = update(model, clock.stamp(Event::Input(Input::Resumed)));
                        for effect in resumed {
                            let _ = hands.carry_out(effect);
                        }
                        let (columns, rows) = terminal.size();
                        model.ui.size = (columns, rows);
                        model.ui.changed = true;
                    }
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

/// What the loop has to do itself.
enum Own {
    Nothing,
    Redraw,
    Suspend,
    Quit,
}

/// Where effects go.
struct Hands {
    effects: mpsc::Sender<Effect>,
    /// Effects for which the channel had no room: the loop never waits for the dispatcher.
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
                        // Nobody carries out effects: a replay, or the end.
                        Err(mpsc::error::TrySendError::Closed(_)) => {}
                    }
                }
            }
        }
        Own::Nothing
    }
}

/// What is drawn under the mouse is known here, where the drawing is.
fn translate(event: term::Event, model: &Model) -> Option<Input> {
    match event {
        term::Event::Key(key) => Some(Input::Key(key)),
        term::Event::Paste(text) => Some(Input::Paste(text)),
        term::Event::Mouse(mouse) => {
            Some(Input::Mouse(mouse, view::hit_test(model, (mouse.column, mouse.row))))
        }
        term::Event::Resize(columns, rows) => Some(Input::Resize(columns, rows)),
        term::Event::FocusGained | term::Event::FocusLost => None,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Whoever scrolls on at the end stays there: only the drawing knows where that is.
pub fn stop_at_the_end(model: &mut Model) {
    match model.ui.mode {
        Mode::Help(top) => model.ui.mode = Mode::Help(top.min(view::max_scroll(model))),
        _ if model.ui.scroll > 0 => model.ui.scroll = model.ui.scroll.min(view::max_scroll(model)),
        _ => {}
    }
}

fn draw<W: Write>(terminal: &mut Terminal<W>, model: &mut Model) -> io::Result<()> {
    model.ui.changed = false;
    stop_at_the_end(model);
    terminal.resize(model.ui.size);
    terminal.draw(|area, buffer| view::draw(model, area, buffer))
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

    /// A terminal that keeps every frame that was written to it.
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
        };
        [Event::Target(TargetEvent::Chosen(target)), Event::Target(TargetEvent::Ready)]
    }

    #[tokio::test]
    async fn the_first_frame_comes_before_anything_else() {
        let frames = Frames::default();
        let mut terminal = Terminal::pretend(frames.clone(), (80, 24));
        let (mut model, clock) = (model(), Clock::start());
        let (_events, events) = mpsc::channel(1);
        let (effects, _effects) = mpsc::channel(1);
        // The first look at the keyboard finds a frame on the screen.
        let seen = frames.clone();
        let input = Box::pin(stream::once(async move {
            assert_eq!(seen.count(), 1);
            key('q')
        }));
        run_with(&mut terminal, &mut model, input, events, effects, clock).await.unwrap();
    }

    #[tokio::test]
    async fn effects_are_handed_over_in_order_also_when_nobody_takes_them_at_once() {
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
        let typed = Box::pin(typed);
        let running = run_with(&mut terminal, &mut model, typed, events, effects, clock);
        let (ended, sizes) = tokio::join!(running, looking);
        ended.unwrap();
        assert_eq!(sizes, [1, 10, 50]);
    }

    #[tokio::test]
    async fn many_samples_make_few_frames() {
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
        let nobody = stream::pending::<io::Result<term::Event>>();
        let began = Instant::now();
        run_with(&mut terminal, &mut model, nobody, events, effects, clock).await.unwrap();
        // At most one frame for every frame's time that went by, and the first.
        let most = began.elapsed().as_millis() / FRAME.as_millis() + 2;
        assert!(frames.count() as u128 <= most, "{} frames", frames.count());
        assert_eq!(model.data.depth.map(|depth| depth.ready), Some(3_999));
    }

    #[tokio::test]
    async fn a_keyboard_that_is_gone_ends_the_loop() {
        let mut terminal = Terminal::pretend(Frames::default(), (80, 24));
        let (mut model, clock) = (model(), Clock::start());
        let (_events, events) = mpsc::channel(1);
        let (effects, _effects) = mpsc::channel(1);
        let input = stream::empty::<io::Result<term::Event>>();
        run_with(&mut terminal, &mut model, input, events, effects, clock).await.unwrap();
    }
}
