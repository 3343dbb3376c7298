//! The dashboard in a pseudo-terminal, and the values that a user reads off its screen.

use std::path::Path;
use std::time::{Duration, Instant};

use testkit::pty::Pty;

use super::site::LONG;

pub(crate) const SURGE: &str = env!("CARGO_BIN_EXE_surge");

/// Large enough for every panel with whole sentences.
const SIZE: (u16, u16) = (240, 60);

/// A running dashboard; dropping it ends it.
pub(crate) struct Dashboard {
    pty: Pty,
}

impl Dashboard {
    /// Starts it with `kubeconfig` as the user's own, and with times in UTC.
    pub(crate) fn start(folder: &Path, kubeconfig: &Path, arguments: &[&str]) -> Self {
        Self::start_with(folder, kubeconfig, arguments, &[])
    }

    pub(crate) fn start_with(
        folder: &Path,
        kubeconfig: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let folder = folder.to_str().unwrap();
        let mut variables = vec![
            ("HOME", folder),
            ("TMPDIR", folder),
            ("XDG_RUNTIME_DIR", folder),
            ("KUBECONFIG", kubeconfig.to_str().unwrap()),
            ("TZ", "UTC"),
        ];
        variables.extend(environment);
        Self { pty: Pty::spawn(SURGE, arguments, &variables, SIZE).unwrap() }
    }

    pub(crate) fn send(&mut self, keys: &str) {
        self.pty.send(keys).unwrap();
    }

    pub(crate) fn screen(&self) -> Screen {
        Screen(self.pty.screen())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pty.pid().unwrap()
    }

    /// Waits until `condition` returns a value for the screen, for at most [`LONG`].
    pub(crate) fn wait<T>(&self, what: &str, condition: impl Fn(&Screen) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let screen = self.screen();
            if let Some(value) = condition(&screen) {
                return value;
            }
            assert!(began.elapsed() < LONG, "waited {LONG:?} for {what} without success:\n{}", screen.0);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until the screen shows `text`.
    pub(crate) fn wait_for(&self, text: &str) -> Screen {
        self.wait(&format!("{text:?} on the screen"), |screen| {
            screen.says(text).then(|| Screen(screen.0.clone()))
        })
    }

    /// Waits until everything is live and at least one worker is ready.
    pub(crate) fn wait_until_live(&self) {
        self.wait("a live dashboard with a ready worker", |screen| {
            (screen.is_live() && screen.ready().is_some_and(|ready| ready > 0)).then_some(())
        });
    }

    /// Presses the keys for a burst, answers the first question, and waits until the burst has its number.
    pub(crate) fn press(&mut self, size: &str) -> u32 {
        let before = self.screen().last_burst();
        self.send(size);
        self.send(" ");
        let asked = self.wait("the burst, or the question before it", |screen| {
            if screen.says("Fire this burst?") {
                return Some(true);
            }
            (screen.last_burst() > before).then_some(false)
        });
        if asked {
            self.send("y");
        }
        self.wait("the burst", |screen| Some(screen.last_burst()).filter(|last| *last > before))
    }

    /// Fires a burst of the key's size, and waits until every request is accepted.
    pub(crate) fn fire(&mut self, size: &str, jobs: u32) {
        let number = self.press(size);
        self.wait(&format!("{jobs} accepted requests of burst #{number}"), |screen| {
            screen.accepted(number, jobs).then_some(())
        });
    }

    /// As [`Self::fire`], and waits until every job is done.
    pub(crate) fn fire_and_finish(&mut self, size: &str, jobs: u32) {
        self.fire(size, jobs);
        self.wait_for(&format!("{jobs} done"));
    }

    /// Fires a burst soon after tunnels were cut. A request on a dead tunnel counts as failed and is not repeated; then the next
    /// burst must be accepted and done as a whole.
    pub(crate) fn fire_past_a_lost_tunnel(&mut self, size: &str, jobs: u32) {
        let number = self.press(size);
        let all_accepted = self.wait(&format!("the end of burst #{number}"), |screen| {
            let lost = screen.says(&format!("burst #{number}: "))
                && screen.says("connection lost before the answer");
            (lost || screen.accepted(number, jobs)).then_some(!lost)
        });
        if all_accepted {
            self.wait_for(&format!("{jobs} done"));
        } else {
            self.fire_and_finish(size, jobs);
        }
    }

    /// Quits as a user does.
    pub(crate) fn quit(mut self) {
        self.send("q");
        assert_eq!(self.pty.exit_code(), 0, "{}", self.pty.screen());
    }
}

/// The screen's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Screen(pub(crate) String);

impl Screen {
    /// Returns true if the screen shows `text`, which may be broken into lines.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.0.contains(text) || self.words().contains(&words(text))
    }

    /// The screen in one line, with single blanks and without the frames of dialogs.
    fn words(&self) -> String {
        words(&self.0)
    }

    /// Returns true unless the title says that the cluster is lost: it also names a source that has a problem.
    pub(crate) fn is_reachable(&self) -> bool {
        self.0.lines().next().is_some_and(|title| !title.contains('×'))
    }

    /// Returns true if the Overview shows a worker, by the end of its name as in the lanes.
    pub(crate) fn shows_worker(&self, name: &str) -> bool {
        self.0.contains(&format!("…{}", &name[name.len() - 5..]))
    }

    pub(crate) fn is_live(&self) -> bool {
        self.0.lines().next().is_some_and(|title| title.contains("● live"))
    }

    /// Messages in the queue, including unacknowledged ones.
    pub(crate) fn depth(&self) -> Option<u64> {
        self.before("messages", &["── Queue", "messages"])
    }

    /// Unacknowledged messages.
    pub(crate) fn in_work(&self) -> Option<u64> {
        self.before("unacked", &["── Queue", "unacked"])
    }

    pub(crate) fn ready(&self) -> Option<u64> {
        self.before("ready", &["ready", "desired"])
    }

    pub(crate) fn current(&self) -> Option<u64> {
        self.before("current", &["ready", "desired"])
    }

    pub(crate) fn desired(&self) -> Option<u64> {
        self.before("desired", &["ready", "desired"])
    }

    /// The target times the workers, from the queue's title.
    pub(crate) fn target(&self) -> Option<u64> {
        let line = self.0.lines().find(|line| line.contains("── Queue") && line.contains("target"))?;
        let (_, rest) = line.split_once("target")?;
        let (_, rest) = rest.split_once('=')?;
        number(rest.split_whitespace().next()?)
    }

    /// The value of a hop in the beliefs panel, if it is a number and not stale.
    pub(crate) fn belief(&self, who: &str) -> Option<u64> {
        number(self.beliefs(who).first()?.trim_start_matches(['›', '►', ' ']).split_whitespace().next()?)
    }

    /// Returns true if the beliefs panel shows `text` for `who`: below the name, or as its failure.
    pub(crate) fn belief_says(&self, who: &str, text: &str) -> bool {
        let troubles = words(&self.panel("Who believes what").join(" "));
        let of = |rest: &str| rest[..rest.find(" ! ").unwrap_or(rest.len())].contains(text);
        self.beliefs(who).iter().any(|line| line.contains(text))
            || troubles.split(&format!("! {who}: ")).skip(1).any(of)
    }

    /// The two lines below a name of the beliefs panel: the value, and its age.
    fn beliefs(&self, who: &str) -> Vec<String> {
        const NAMES: [&str; 5] = ["broker", "Prometheus", "external API", "HPA status", "target"];
        let panel = self.panel("Who believes what");
        let Some(at) = panel.iter().position(|line| line.contains(NAMES[0]) && line.contains(who)) else {
            return Vec::new();
        };
        let column = |name: &str| Some(panel[at][..panel[at].find(name)?].chars().count());
        let Some(from) = column(who) else { return Vec::new() };
        let next = NAMES.iter().filter_map(|name| column(name)).filter(|column| *column > from).min();
        // The signs before a value are two columns to the left of it.
        let (from, to) = (from.saturating_sub(2), next.map_or(usize::MAX, |next| next.saturating_sub(2)));
        let below = panel.iter().skip(at + 1).take(2);
        below.map(|line| line.chars().skip(from).take(to - from).collect()).collect()
    }

    /// The lines of the panel of that title, which reaches to the right edge: those below it that begin in its column.
    fn panel(&self, title: &str) -> Vec<String> {
        let title = format!("── {title} ");
        let mut lines = self.0.lines().skip_while(|line| !line.contains(&title));
        let Some(column) = lines.next().and_then(|line| Some(line[..line.find(&title)?].chars().count()))
        else {
            return Vec::new();
        };
        let below = lines.map(|line| line.chars().skip(column).collect::<String>());
        below.take_while(|line| !line.starts_with("──")).collect()
    }
    /// The highest burst number on the screen.
    pub(crate) fn last_burst(&self) -> u32 {
        let rests = self.0.split("burst #").skip(1);
        let numbers = rests.map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default());
        numbers.filter_map(|number| number.parse().ok()).max().unwrap_or(0)
    }

    /// Returns true if the stopwatch shows that burst with all its requests accepted.
    pub(crate) fn accepted(&self, burst: u32, jobs: u32) -> bool {
        let title = self.0.lines().find(|line| line.contains("── Stopwatch"));
        title.is_some_and(|title| title.contains(&format!("#{burst} ")))
            && self.says(&format!("{jobs}/{jobs} accepted"))
    }

    /// Returns true if the list of workers has that pod, by its name or the end of it: after its state sign, at the left edge.
    pub(crate) fn lists_worker(&self, pod: &str) -> bool {
        let shown =
            |line: &str| line.split_whitespace().nth(1).map(|name| name.trim_start_matches('…').to_owned());
        self.0.lines().filter_map(shown).any(|name| name.len() >= 5 && pod.ends_with(&name))
    }

    /// The lines of events with this reason, from the time of day on.
    pub(crate) fn events(&self, reason: &str) -> Vec<String> {
        let events = self.0.lines().filter_map(|line| {
            let at = line.find(reason)?;
            let before = line[..at].trim_end_matches([' ', '!', '›', '·']);
            // The time is the last word before the reason.
            let time = before.split_whitespace().last().filter(|word| is_time_of_day(word))?;
            Some(format!("{time} {}", line[at..].split('│').next().unwrap_or_default().trim()))
        });
        events.collect()
    }

    /// Returns true if the stopwatch has a time for a stage.
    pub(crate) fn has_time(&self, stage: &str) -> bool {
        self.0.lines().filter_map(|line| line.split_once(stage)).any(|(_, rest)| {
            rest.trim_start().trim_start_matches(['≈', ' ']).starts_with(|c: char| c.is_ascii_digit())
        })
    }

    /// The stopwatch's stages with a time, in seconds since the key press.
    pub(crate) fn stages(&self) -> Vec<(String, f64)> {
        let panel = self.panel("Stopwatch");
        let stage = |line: &String| {
            let (name, rest) = line.trim_start().split_once("  ")?;
            let mut words = rest.trim_start().trim_start_matches(['≈', ' ']).split_whitespace();
            Some((name.to_owned(), seconds(words.next()?, words.next())?))
        };
        panel.iter().filter_map(stage).collect()
    }

    /// Seconds by which the cluster's clock is ahead, as the screen shows them.
    pub(crate) fn cluster_clock(&self) -> Option<f64> {
        self.0.split("cluster's clock ").nth(1)?.split_whitespace().next()?.parse().ok()
    }

    /// The number before `words` in the first line that has all of `marks`.
    fn before(&self, words: &str, marks: &[&str]) -> Option<u64> {
        let line = self.0.lines().find(|line| marks.iter().all(|mark| line.contains(mark)))?;
        let words = format!(" {words}");
        let mut found = line.match_indices(&words).map(|(at, _)| &line[..at]);
        found.find_map(|before| number(before.split_whitespace().last()?))
    }
}

fn number(text: &str) -> Option<u64> {
    text.trim_start_matches('≈').trim_end_matches(',').replace(',', "").parse().ok()
}

/// `211 ms`, `9.5 s`, `1m50s`.
fn seconds(first: &str, second: Option<&str>) -> Option<f64> {
    if let Some((minutes, seconds)) = first.split_once('m') {
        return Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.strip_suffix('s')?.parse::<f64>().ok()?);
    }
    let number: f64 = first.parse().ok()?;
    match second? {
        "ms" => Some(number / 1_000.0),
        "s" => Some(number),
        _ => None,
    }
}

fn is_time_of_day(word: &str) -> bool {
    word.len() == 8
        && word.chars().enumerate().all(|(at, c)| if at % 3 == 2 { c == ':' } else { c.is_ascii_digit() })
}

fn words(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || matches!(c, '│' | '─' | '╭' | '╮' | '╰' | '╯'))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
