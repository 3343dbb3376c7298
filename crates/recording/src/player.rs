//! Plays a recording: position, speed, pause, jumps. Pure: the caller says how much time passed.
//!
//! The player has a model of its own, and copies of its data at several moments: a jump starts from the nearest one before.

use std::time::Duration;

use dashboard::clock::{At, DayClock};
use dashboard::data::Data;
use dashboard::message::Timestamped;
use dashboard::model::Model;
use dashboard::session::{Motion, Replay, ReplayRequest};
use dashboard::update::update;

use crate::reader::Recording;

/// The speeds that the keys step through.
const SPEEDS: [f64; 9] = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// The highest speed.
pub const MAX_SPEED: f64 = 1_000.0;

/// Copies of the data at most.
const COPIES: usize = 24;

/// The shortest time between two copies.
const MIN_DISTANCE: Duration = Duration::from_secs(60);

/// A player.
#[derive(Debug)]
pub struct Player {
    events: Vec<Timestamped>,
    marks: Vec<At>,
    /// The newest time up to each event: the times themselves may step back.
    times: Vec<At>,
    model: Model,
    /// Events that the model has taken.
    taken: usize,
    copies: Vec<(usize, Data)>,
    distance: Duration,
    state: Replay,
}

/// The result of a request.
#[derive(Debug)]
pub enum Change {
    /// Only position, speed or motion differ.
    Moved,
    /// The data at another position.
    Jumped(Box<Data>),
}

impl Player {
    /// A player at the beginning of a recording, with times of day by `day`. The speed is limited to [`MAX_SPEED`].
    #[must_use]
    pub fn new(recording: Recording, name: String, day: DayClock, speed: f64) -> Self {
        let (start, end, length) = (recording.start(), recording.end(), recording.length());
        let marks = recording.marks().into_iter().map(|mark| mark.at).collect();
        let mut newest = start;
        let times = recording.events.iter().map(|stamped| {
            newest = newest.max(stamped.at);
            newest
        });
        let copies = u32::try_from(COPIES).unwrap_or(u32::MAX);
        Self {
            marks,
            times: times.collect(),
            events: recording.events,
            model: Model::new(day, (80, 24)),
            taken: 0,
            copies: Vec::new(),
            distance: (length / copies).max(MIN_DISTANCE),
            state: Replay {
                name,
                start,
                position: start,
                end,
                speed: speed.clamp(SPEEDS[0], MAX_SPEED),
                motion: Motion::Playing,
            },
        }
    }

    /// The position, speed and motion.
    #[must_use]
    pub fn state(&self) -> &Replay {
        &self.state
    }

    /// Lets that much time pass. Returns the events that are due, in order.
    pub fn advance(&mut self, elapsed: Duration) -> Vec<Timestamped> {
        if self.state.motion != Motion::Playing {
            return Vec::new();
        }
        let to = At(self.state.position.0 + elapsed.mul_f64(self.state.speed));
        self.state.position = to.min(self.state.end);
        if to >= self.state.end {
            self.state.motion = Motion::Ended;
        }
        let from = self.taken;
        self.take_up_to(self.state.position);
        self.events[from..self.taken].to_vec()
    }

    /// The time until the next event is due; `None` if none will be.
    #[must_use]
    pub fn next_in(&self) -> Option<Duration> {
        let next = self.times.get(self.taken).filter(|_| self.state.motion == Motion::Playing)?;
        Some(next.since(self.state.position).div_f64(self.state.speed))
    }

    /// Carries out a request.
    pub fn carry_out(&mut self, request: ReplayRequest) -> Change {
        let (at, start, end) = (self.state.position, self.state.start, self.state.end);
        let to = match request {
            ReplayRequest::Toggle => {
                self.state.motion = match self.state.motion {
                    Motion::Playing => Motion::Paused,
                    Motion::Paused => Motion::Playing,
                    // From the end it plays again.
                    Motion::Ended => {
                        self.state.motion = Motion::Playing;
                        return self.jump(start);
                    }
                };
                return Change::Moved;
            }
            ReplayRequest::Faster | ReplayRequest::Slower => {
                let speed = self.state.speed;
                let next = match request {
                    ReplayRequest::Faster => SPEEDS.into_iter().find(|next| *next > speed),
                    _ => SPEEDS.into_iter().rev().find(|next| *next < speed),
                };
                self.state.speed = next.unwrap_or(speed);
                return Change::Moved;
            }
            ReplayRequest::Seek(seconds) => {
                let distance = Duration::try_from_secs_f64(seconds.abs()).unwrap_or(Duration::MAX);
                At(if seconds < 0.0 { at.0.saturating_sub(distance) } else { at.0.saturating_add(distance) })
            }
            ReplayRequest::Start => start,
            ReplayRequest::End => end,
            ReplayRequest::NextMark => match self.marks.iter().find(|mark| **mark > at) {
                Some(mark) => *mark,
                None => return Change::Moved,
            },
            ReplayRequest::PreviousMark => match self.marks.iter().rev().find(|mark| **mark < at) {
                Some(mark) => *mark,
                None => return Change::Moved,
            },
        };
        self.jump(to)
    }

    /// Goes to a time of the run.
    pub fn jump(&mut self, to: At) -> Change {
        let to = to.clamp(self.state.start, self.state.end);
        let wanted = self.times.partition_point(|time| *time <= to);
        if wanted < self.taken
            || self.copies.iter().any(|(taken, _)| (self.taken + 1..=wanted).contains(taken))
        {
            let nearest = self.copies.iter().rev().find(|(taken, _)| *taken <= wanted);
            let (taken, data) = match nearest {
                Some((taken, data)) => (*taken, data.clone()),
                None => (0, Data::new(self.model.data.day.clone())),
            };
            self.taken = taken;
            self.model = Model::new(self.model.data.day.clone(), self.model.ui.size);
            self.model.data = data;
        }
        self.take_up_to(to);
        self.state.position = to;
        self.state.motion = match self.state.motion {
            _ if to == self.state.end => Motion::Ended,
            Motion::Ended => Motion::Paused,
            motion => motion,
        };
        Change::Jumped(Box::new(self.model.data.clone()))
    }

    fn take_up_to(&mut self, to: At) {
        while let (Some(time), Some(stamped)) = (self.times.get(self.taken), self.events.get(self.taken)) {
            if *time > to {
                break;
            }
            let time = *time;
            // A replay has nothing to carry out.
            let _dropped = update(&mut self.model, stamped.clone());
            self.taken += 1;
            let newest = self.copies.last().map_or(self.state.start, |(taken, _)| self.times[taken - 1]);
            let is_new = self.copies.last().is_none_or(|(taken, _)| self.taken > *taken);
            if is_new && time.since(newest) >= self.distance && self.copies.len() < COPIES {
                self.copies.push((self.taken, self.model.data.clone()));
            }
        }
    }

    /// The data at the position.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.model.data
    }
}
