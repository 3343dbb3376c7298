//! `surge replay`: a recording on the screens of the dashboard.

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;

use super::dashboard::ScreenArgs;
use super::{USAGE, complain};
use crate::cast;
use crate::runtime;
use crate::source::event_sender::EventSender;
use crate::source::player;
use crate::source::recorder::Tap;
use crate::terminal::Terminal;
use dashboard::clock::{At, Clock, DayClock};
use dashboard::model::Model;
use dashboard::session::Session;
use recording::backtest;
use recording::player::{MAX_SPEED, Player};
use recording::reader::Recording;

/// Events and effects that may wait.
const EVENTS: usize = 1_024;

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Args {
    /// The recording, NAME.surge.jsonl, also compressed with gzip
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Seconds of the recording in one second
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = speed)]
    speed: f64,
    /// The time from the beginning at which to start
    #[arg(long, value_name = "[HH:]MM:SS", value_parser = position)]
    at: Option<Duration>,
    /// Compare another setting of the HPA with the recorded one, such as target=40; may be given several times
    #[arg(long, value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// Print the comparison of --set, and open no screen
    #[arg(long, short, value_name = "FORM", requires = "set")]
    output: Option<super::Format>,
    /// Write the screens as an asciicast instead of showing them; replaces an older file
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    cast: Option<PathBuf>,
    /// Size of the asciicast
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "120x40", value_parser = size, requires = "cast")]
    size: (u16, u16),
    #[command(flatten)]
    screen: ScreenArgs,
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let parts = text.split_once('x').and_then(|(c, r)| Some((c.parse().ok()?, r.parse().ok()?)));
    let is_usable = |size: &(u16, u16)| (40..=500).contains(&size.0) && (10..=200).contains(&size.1);
    parts
        .filter(is_usable)
        .ok_or_else(|| format!("{text:?} is not a size such as 120x40, from 40x10 to 500x200"))
}

fn speed(text: &str) -> Result<f64, String> {
    let wrong = || format!("{text:?} is not a factor from 0.25 to {MAX_SPEED}");
    let speed: f64 = text.trim_start_matches(['x', '×']).parse().map_err(|_| wrong())?;
    if (0.25..=MAX_SPEED).contains(&speed) { Ok(speed) } else { Err(wrong()) }
}

fn position(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time such as 02:30 or 01:02:30");
    let parts: Vec<u64> = text.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| wrong())?;
    let seconds = match parts[..] {
        [minutes, seconds] if seconds < 60 => minutes * 60 + seconds,
        [hours, minutes, seconds] if minutes < 60 && seconds < 60 => hours * 3_600 + minutes * 60 + seconds,
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(seconds))
}

pub(super) fn main(arguments: &Args) -> ExitCode {
    let mut recording = match Recording::open(&arguments.file) {
        Ok(recording) => recording,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    for sentence in recording.damage.sentences() {
        complain(&sentence);
    }
    if !arguments.set.is_empty() {
        recording = match backtest::with_settings(recording, &arguments.set) {
            Ok(recording) => recording,
            Err(sentence) => {
                complain(&sentence);
                return ExitCode::from(USAGE);
            }
        };
    }
    if let Some(form) = arguments.output {
        return print(&recording, form);
    }
    if let Some(path) = &arguments.cast {
        return write_cast(arguments, recording, path);
    }
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        complain(
            "a replay needs a terminal (stdin and stdout must be a TTY); --set with --output prints a text",
        );
        return ExitCode::from(USAGE);
    }
    let Some(runtime) = super::runtime() else { return ExitCode::FAILURE };
    let code = runtime.block_on(play(arguments, recording));
    runtime.shutdown_background();
    code
}

fn print(recording: &Recording, form: super::Format) -> ExitCode {
    let Some(result) = backtest::result(recording) else {
        complain("the recording has no HPA with a reading, so there is nothing to compare");
        return ExitCode::FAILURE;
    };
    installer::print::say(&match form {
        super::Format::Text => result.text(),
        super::Format::Json => format!("{}\n", result.json()),
    });
    ExitCode::SUCCESS
}

/// The player at the beginning that the arguments name, and the clock of the recorded run.
fn player(arguments: &Args, recording: Recording) -> (Player, DayClock) {
    let day = DayClock::new(recording.header.started, TimeZone::system());
    let name = arguments.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = text::clean::text(name.split_once(".surge.").map_or(&*name, |(stem, _)| stem));
    let mut player = Player::new(recording, name, day.clone(), arguments.speed);
    if let Some(at) = arguments.at {
        let start = player.state().start;
        let _data = player.jump(At(start.0 + at));
    }
    (player, day)
}

fn write_cast(arguments: &Args, recording: Recording, path: &Path) -> ExitCode {
    let (player, day) = player(arguments, recording);
    let written = File::create(path).and_then(|file| {
        let mut out = BufWriter::new(file);
        let frames = cast::write(&mut out, player, day, arguments.size)?;
        out.flush()?;
        Ok(frames)
    });
    match written {
        Ok(frames) => {
            super::note(&format!("{}: {frames} frames", path.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&format!("writing {} failed: {error}", path.display()));
            ExitCode::FAILURE
        }
    }
}

async fn play(arguments: &Args, recording: Recording) -> ExitCode {
    let (player, day) = player(arguments, recording);
    let mut terminal = match Terminal::enter(arguments.screen.mouse()) {
        Ok(terminal) => terminal,
        Err(error) => {
            complain(&format!("the terminal cannot be used: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let clock = Clock::start();
    let (events, received) = mpsc::channel(EVENTS);
    let (effects, wanted) = mpsc::channel(EVENTS);
    let mut model = Model::new(day, terminal.size());
    arguments.screen.apply(&mut model);
    model.session = Session::Replay(player.state().clone());
    model.data = player.data().clone();
    let signals = tokio::spawn(super::dashboard::tell_of_signals(EventSender::new(events.clone(), clock)));
    let source = tokio::spawn(player::run(player, events, wanted));
    let result = runtime::run(&mut terminal, &mut model, received, effects, clock, &Tap::closed()).await;
    terminal.leave();
    signals.abort();
    source.abort();
    super::dashboard::exit_code(result)
}
