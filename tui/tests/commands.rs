//! Every key of the table, pressed on the real program in a pseudo-terminal, on a sandbox with real pods.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::time::{Duration, Instant};

use crossterm::event::KeyCode;
use dashboard::keys::{KeyContext, Press, TABLE};
use dashboard::ui::screen::Screen;
use testkit::pty::Pty;
use testkit::vt100::Color;

const SURGE: &str = env!("CARGO_BIN_EXE_surge");

/// A generous limit, because other tests use the machine.
const LONG: Duration = Duration::from_secs(90);

/// Keys that end or stop the program, or that another test presses: `terminal.rs` and `recordings.rs` have those.
const ELSEWHERE: [&str; 6] = ["Ctrl-Z", "q", "Ctrl-C", "R", "e", "M"];

/// The first words of the help.
const HELP: &str = "fire a burst: one request per job";

/// Columns and rows.
const SIZE: (u16, u16) = (160, 50);

/// Keys of the table, the typed text, and the text on the screen afterwards. Pan, panels and keys without a text follow it.
const ROWS: &[(&str, &str, &str)] = &[
    ("1..6", "2", "burst 10 "),
    ("+ -", "+", "burst 20 "),
    ("+ -", "-", "burst 10 "),
    ("space", " ", "10/10 accepted"),
    ("c", "c", "5/s on"),
    ("< >", ">", "10/s on"),
    ("< >", "<", "5/s on"),
    ("c", "c", "5/s off"),
    ("K", "K", "Kill which worker?"),
    ("K", "n", "▪ Overview"),
    ("tab", "\t", "▪ Pods"),
    ("tab", "\u{1b}[Z", "▪ Overview"),
    ("z Z", "zzzzzzzzzzzz", "↔ 15s"),
    ("z Z", "ZZ", "↔ 60s"),
    ("v", "v", "── At "),
    ("v", "\u{1b}[D", "← → move"),
    ("v", "v", "● live"),
    ("o", "o", "[x] ━━ messages, ready"),
    ("o", " ", "[ ] ━━ messages, ready"),
    ("o", " o", "● live"),
    ("b", "b", "─ target"),
    ("b", "b", "- target"),
    ("b", "b", "╍ target"),
    ("p", "p", "║ paused"),
    ("p", "p", "● live"),
    ("?", "?", HELP),
    ("?", "n", "● live"),
    ("L", "L", "▪ Logs"),
    ("/", "/", "enter keep"),
    ("/", "ACKED 1", "/ACKED 1▌"),
    ("/", "\r", "surge  /ACKED 1  sandbox"),
];

/// A dashboard on a sandbox of its own, which ends with it.
struct Dashboard {
    pty: Pty,
    _place: tempfile::TempDir,
}

impl Dashboard {
    fn start(arguments: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().to_str().unwrap();
        let environment =
            [("XDG_RUNTIME_DIR", folder), ("TMPDIR", folder), ("HOME", folder), ("KUBECONFIG", "")];
        let quick = ["--sync-period", "1s", "--work-duration", "400ms", "--max", "3"];
        let pty = Pty::spawn(SURGE, &[&quick, arguments].concat(), &environment, SIZE).unwrap();
        let dashboard = Self { pty, _place: place };
        dashboard.wait("a ready worker", |screen| screen.contains("1 ready") && screen.contains("● live"));
        dashboard
    }

    fn wait(&self, what: &str, condition: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !condition(&self.pty.screen()) {
            assert!(
                began.elapsed() < LONG,
                "waited {LONG:?} for {what} without success:\n{}",
                self.pty.screen()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn expect(&mut self, keys: &str, wanted: &str) {
        self.pty.send(keys).unwrap();
        self.wait(&format!("{wanted:?} after {keys:?}"), |screen| screen.contains(wanted));
    }

    /// Presses keys again and again until the text appears.
    fn press_until(&mut self, keys: &str, wanted: &str) {
        let began = Instant::now();
        while !self.pty.screen().contains(wanted) {
            assert!(began.elapsed() < LONG, "waited for {wanted:?} after {keys:?}:\n{}", self.pty.screen());
            self.pty.send(keys).unwrap();
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Leaves every mode and opens the help, which proves that keys are still read. An escape that is read together with the next
    /// key is another key, so it may take more than one try.
    fn help_comes(&mut self) {
        let began = Instant::now();
        while !self.pty.screen().contains(HELP) {
            assert!(began.elapsed() < LONG, "no help:\n{}", self.pty.screen());
            self.pty.send("\u{1b}").unwrap();
            std::thread::sleep(Duration::from_millis(50));
            self.pty.send("?").unwrap();
            let tried = Instant::now();
            while !self.pty.screen().contains(HELP) && tried.elapsed() < Duration::from_millis(500) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    /// The colour of the program's name.
    fn brand(&self) -> Color {
        self.pty.with_screen(|screen| screen.cell(0, 1).unwrap().fgcolor())
    }

    fn end(mut self) {
        self.pty.send("q").unwrap();
        assert_eq!(self.pty.exit_code(), 0);
    }
}

/// The bytes that a terminal sends for a key.
fn bytes(press: Press) -> Option<String> {
    Some(match press {
        Press::Char(c) => c.to_string(),
        Press::Ctrl(c) => char::from(c.to_ascii_lowercase() as u8 & 0x1f).to_string(),
        Press::Code(code) => match code {
            KeyCode::Enter => "\r",
            KeyCode::Tab => "\t",
            KeyCode::BackTab => "\u{1b}[Z",
            KeyCode::Backspace => "\u{7f}",
            KeyCode::Up => "\u{1b}[A",
            KeyCode::Down => "\u{1b}[B",
            KeyCode::Right => "\u{1b}[C",
            KeyCode::Left => "\u{1b}[D",
            KeyCode::Home => "\u{1b}[H",
            KeyCode::End => "\u{1b}[F",
            KeyCode::PageUp => "\u{1b}[5~",
            KeyCode::PageDown => "\u{1b}[6~",
            KeyCode::Esc => "\u{1b}",
            _ => return None,
        }
        .to_owned(),
    })
}

#[test]
fn every_key_does_what_the_help_says() {
    let mut dashboard = Dashboard::start(&[]);
    for (_, keys, wanted) in ROWS {
        dashboard.expect(keys, wanted);
    }
    // The time axis and the panels belong to the Overview.
    dashboard.expect(&"\t".repeat(Screen::ALL.len() - Screen::Logs.index()), "▪ Overview");
    // There is nothing earlier before the run is as long as the visible stretch.
    dashboard.press_until("zzzz[", "), 0 for now");
    dashboard.expect("]]]]]]]]", "  ● live");
    dashboard.press_until("[", "), 0 for now");
    dashboard.pty.send("0").unwrap();
    dashboard.wait("the present", |screen| !screen.contains("0 for now"));
    dashboard.expect("\u{1b}[B", "»");
    dashboard.expect("\r", "▼ burst fired");
    dashboard.pty.send("\u{1b}").unwrap();
    dashboard.wait("all panels", |screen| !screen.contains("▼ burst fired"));

    let dark = dashboard.brand();
    dashboard.pty.send("T").unwrap();
    dashboard.wait("other colours", |_| dashboard.brand() != dark);
    assert!(dashboard.pty.modes().unwrap().mouse);
    dashboard.pty.send("m").unwrap();
    dashboard.wait("the mouse to be the terminal's", |_| !dashboard.pty.modes().unwrap().mouse);
    let clears = |dashboard: &Dashboard| {
        let bytes = dashboard.pty.bytes();
        bytes.windows(4).filter(|window| *window == b"\x1b[2J").count()
    };
    let before = clears(&dashboard);
    dashboard.pty.send("\u{c}").unwrap();
    dashboard.wait("everything to be drawn again", |_| clears(&dashboard) > before);
    dashboard.end();
}

#[test]
fn no_key_stops_or_blocks_the_program() {
    let mut dashboard = Dashboard::start(&[]);
    for binding in TABLE.iter().filter(|b| b.when == KeyContext::Screen && !ELSEWHERE.contains(&b.shown)) {
        for (press, _) in binding.keys {
            let Some(keys) = bytes(*press) else { panic!("{press:?} cannot be typed here") };
            dashboard.pty.send(&keys).unwrap();
            dashboard.help_comes();
            dashboard.pty.send("n").unwrap();
            dashboard.wait("the help to go", |screen| !screen.contains(HELP));
        }
    }
    dashboard.end();
}

#[test]
fn a_read_only_dashboard_drives_nothing() {
    let mut dashboard = Dashboard::start(&["--read-only"]);
    assert!(dashboard.pty.screen().contains("read-only"));
    for key in [" ", "c", "K"] {
        dashboard.expect(key, "! read-only: nothing is sent to the cluster");
        // Any other key removes the notice.
        dashboard.pty.send("z").unwrap();
        dashboard.wait("the keys", |screen| screen.contains("? help"));
    }
    assert!(dashboard.pty.screen().contains("no burst yet"), "{}", dashboard.pty.screen());
    dashboard.end();
}

#[test]
fn environment_and_flags_choose_the_appearance() {
    let place = tempfile::tempdir().unwrap();
    let missing = place.path().join("config");
    let start = |arguments: &[&str], environment: &[(&str, &str)]| {
        let arguments = [&["--kubeconfig", missing.to_str().unwrap()], arguments].concat();
        let pty = Pty::spawn(SURGE, &arguments, environment, SIZE).unwrap();
        pty.wait_for("the first frame", |screen| screen.contains("surge") && screen.contains("quit"));
        pty
    };
    let is_ascii = |pty: &Pty| pty.screen().is_ascii();
    for (arguments, environment, ascii) in [
        (&[][..], &[][..], false),
        (&["--markers", "ascii"], &[], true),
        (&[], &[("LC_ALL", "C")], true),
        (&["--markers", "braille"], &[("LC_ALL", "C")], false),
        (&[], &[("TERM", "dumb")], true),
    ] {
        assert_eq!(is_ascii(&start(arguments, environment)), ascii, "{arguments:?} {environment:?}");
    }
    let without = start(&[], &[("NO_COLOR", "1")]);
    without.with_screen(|screen| {
        for column in 0..SIZE.0 {
            for row in 0..SIZE.1 {
                let Some(cell) = screen.cell(row, column) else { continue };
                assert_eq!((cell.fgcolor(), cell.bgcolor()), (Color::Default, Color::Default));
            }
        }
    });
    assert!(!start(&["--no-mouse"], &[]).modes().unwrap().mouse);
}
