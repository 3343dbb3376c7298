//! The player: any way to a position gives the same data.

use std::sync::OnceLock;
use std::time::Duration;

use dashboard::clock::{At, DayClock};
use dashboard::data::Data;
use dashboard::message::{Event, Request};
use dashboard::scenes::World;
use dashboard::session::{Motion, ReplayRequest};
use jiff::tz::TimeZone;
use recording::player::{Change, Player};
use recording::reader::Recording;

use crate::round_trip::{read, written};

fn player() -> Player {
    static RECORDING: OnceLock<Recording> = OnceLock::new();
    let recording = RECORDING.get_or_init(|| {
        let mut world = World::new(80, 24);
        world.ready();
        world.run(20);
        world.keys("3 ");
        world.run(100);
        world.send(Event::Request(Request::Mark("half".to_owned())));
        world.run(100);
        read(written(&world.recorded))
    });
    let recording = recording.clone();
    let day = DayClock::new(recording.header.started, TimeZone::UTC);
    Player::new(recording, "run".to_owned(), day, 1.0)
}

fn jump(player: &mut Player, seconds: u64) -> Data {
    match player.jump(At(Duration::from_secs(seconds))) {
        Change::Jumped(data) => *data,
        Change::Moved => panic!("a jump has data"),
    }
}

#[test]
fn playing_and_jumping_lead_to_the_same_data() {
    let mut played = player();
    let mut count = 0;
    for _ in 0..150 {
        count += played.advance(Duration::from_secs(1)).len();
    }
    assert!(count > 100, "{count}");
    let expected = played.data().clone();
    let mut jumped = player();
    for way in [&[150][..], &[220, 150], &[10, 150], &[150, 0, 150], &[100, 149, 151, 150]] {
        let mut data = None;
        for seconds in way {
            data = Some(jump(&mut jumped, *seconds));
        }
        assert!(data.is_some_and(|data| data == expected), "{way:?}");
    }
}

#[test]
fn requests_move_the_player() {
    let mut player = player();
    let seconds = |player: &Player| player.state().position.seconds().round() as u64;
    for (request, expected) in [
        (ReplayRequest::Seek(10.0), 10),
        (ReplayRequest::Seek(-60.0), 0),
        (ReplayRequest::NextMark, 120),
        (ReplayRequest::NextMark, 120),
        (ReplayRequest::Seek(30.0), 150),
        (ReplayRequest::PreviousMark, 120),
        (ReplayRequest::End, 220),
        (ReplayRequest::Start, 0),
    ] {
        player.carry_out(request);
        assert_eq!(seconds(&player), expected, "{request:?}");
    }
}

#[test]
fn a_paused_player_does_not_move() {
    let mut player = player();
    player.carry_out(ReplayRequest::Toggle);
    assert_eq!(player.state().motion, Motion::Paused);
    assert!(player.advance(Duration::from_secs(60)).is_empty());
    assert_eq!(player.next_in(), None);
    player.carry_out(ReplayRequest::Toggle);
    player.carry_out(ReplayRequest::Faster);
    assert_eq!(player.state().speed, 2.0);
    player.advance(Duration::from_secs(5));
    assert_eq!(player.state().position, At(Duration::from_secs(10)));
    player.advance(Duration::from_secs(1_000));
    assert_eq!((player.state().motion, player.state().passed()), (Motion::Ended, player.state().length()));
    player.carry_out(ReplayRequest::Toggle);
    assert_eq!((player.state().motion, player.state().passed()), (Motion::Playing, Duration::ZERO));
}
