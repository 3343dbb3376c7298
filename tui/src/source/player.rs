//! The source of a replay: sends the events of a recording as the cluster's sources did, and carries out its keys.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use dashboard::clock::At;
use dashboard::message::{Effect, Event, Timestamped};
use dashboard::session::{Motion, ReplayEvent};
use recording::player::{Change, Player};

/// The time between two reports of the position.
const FRAME: Duration = Duration::from_millis(100);

/// Events that are sent one by one in a frame. More of them go to the screen as their result.
const MAX_EVENTS: usize = 256;

/// Plays until the effects have no sender. The first position is that of the player.
pub async fn run(mut player: Player, events: mpsc::Sender<Timestamped>, mut effects: mpsc::Receiver<Effect>) {
    let at = player.state().position;
    let first = player.jump(at);
    if report(&player, first, &events).await.is_err() {
        return;
    }
    let mut newest = Instant::now();
    loop {
        let next = newest + FRAME;
        let is_playing = player.state().motion == Motion::Playing;
        tokio::select! {
            effect = effects.recv() => match effect {
                Some(Effect::Replay(request)) => {
                    // The time until the key belongs to the old position.
                    newest = Instant::now();
                    let change = player.carry_out(request);
                    if report(&player, change, &events).await.is_err() {
                        return;
                    }
                }
                // Nothing else can be carried out.
                Some(_) => {}
                None => return,
            },
            () = tokio::time::sleep_until(next), if is_playing => {
                let now = Instant::now();
                let due = player.advance(now - newest);
                newest = now;
                let sent = if due.len() > MAX_EVENTS {
                    report(&player, Change::Jumped(Box::new(player.data().clone())), &events).await
                } else {
                    send(due, &events).await.and(report(&player, Change::Moved, &events).await)
                };
                if sent.is_err() {
                    return;
                }
            }
        }
    }
}

/// The screen has ended.
struct Ended;

async fn send(due: Vec<Timestamped>, events: &mpsc::Sender<Timestamped>) -> Result<(), Ended> {
    for stamped in due {
        events.send(stamped).await.map_err(|_closed| Ended)?;
    }
    Ok(())
}

async fn report(player: &Player, change: Change, events: &mpsc::Sender<Timestamped>) -> Result<(), Ended> {
    let state = player.state().clone();
    let at: At = state.position;
    let report = match change {
        Change::Moved => ReplayEvent::Moved(state),
        Change::Jumped(data) => ReplayEvent::Jumped(state, data),
    };
    events.send(Timestamped { at, event: Event::Replay(report) }).await.map_err(|_closed| Ended)
}
