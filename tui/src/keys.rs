//! All keys in one table: what they do, what the help says about them, and what the footer and the README show.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Fire a burst.
    Fire,
    /// Choose the burst's size by its number key, from 0.
    Size(usize),
    /// A larger burst.
    More,
    /// A smaller burst.
    Less,
    /// Continuous load on or off.
    Load,
    /// Slower continuous load.
    Slower,
    /// Faster continuous load.
    Faster,
    /// Kill a worker.
    Kill,
    /// Tune the HPA.
    Tune,
    /// Take the newest change of the HPA back.
    Undo,
    /// A second HPA over the same series, or none.
    Shadow,
    /// Another drain time in the forecast.
    Asked,
    /// Stop a part of the metric chain.
    Drill,
    /// The next screen.
    NextScreen,
    /// The screen before.
    PreviousScreen,
    /// The workers' logs.
    Logs,
    /// On the screen Runs: compare with the chosen run.
    Compare,
    /// The doctor's look along the chain.
    Doctor,
    /// Pause the view, or go on.
    Pause,
    /// Show less time in more detail.
    ZoomIn,
    /// Show more time.
    ZoomOut,
    /// An earlier stretch of time.
    Earlier,
    /// A later stretch of time.
    Later,
    /// Back to the present.
    Live,
    /// Look closely at an instant.
    Inspect,
    /// Which curves are drawn.
    Legend,
    /// Show or hide what is chosen in the legend.
    Toggle,
    /// The next kind of characters for the chart.
    Markers,
    /// The chosen panel alone on the screen.
    Expand,
    /// Out of what was entered last.
    Back,
    /// Filter the screen's list.
    Filter,
    /// Take a character of the filter back.
    TakeBack,
    /// The next theme.
    Theme,
    /// The mouse on or off.
    Mouse,
    /// Show the help.
    Help,
    /// Draw everything anew.
    Redraw,
    /// Stop the process as a shell's Ctrl-Z does.
    Suspend,
    /// End.
    Quit,
    /// In a dialog: yes.
    Yes,
    /// In a dialog: no.
    No,
    /// To the left: the cursor, or the panel before.
    Left,
    /// To the right: the cursor, or the panel after.
    Right,
    /// The choice above, or a line up.
    Up,
    /// The choice below, or a line down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the oldest.
    First,
    /// To the newest.
    Last,
}

impl Action {
    /// Whether it could change something on the cluster: `--read-only` takes these away.
    #[must_use]
    pub fn drives(self) -> bool {
        matches!(self, Self::Fire | Self::Load | Self::Kill | Self::Undo | Self::Drill)
    }
}

/// Where a key means what its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Everywhere, also over a dialog.
    Always,
    /// On the screens.
    Screen,
    /// In a dialog.
    Dialog,
    /// In the chart's legend.
    Legend,
    /// While a filter is typed: every character that is not named is part of it.
    Filter,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// The keys, each with the action that it stands for.
    pub keys: &'static [(Press, Action)],
    /// Where it holds.
    pub when: When,
    /// How the keys are written.
    pub shown: &'static str,
    /// What it does, for the help and the README.
    pub help: &'static str,
    /// What the footer says; `None` keeps it out of the footer.
    pub footer: Option<&'static str>,
}

impl Binding {
    /// Whether the help and the README name it: what a dialog takes, the dialog says.
    #[must_use]
    pub fn is_general(&self) -> bool {
        matches!(self.when, When::Always | When::Screen)
    }

    /// Whether it could change something on the cluster.
    #[must_use]
    pub fn drives(&self) -> bool {
        self.keys.iter().any(|(_, action)| action.drives())
    }

    /// Whether one of its keys asks for that.
    #[must_use]
    pub fn means(&self, action: Action) -> bool {
        self.keys.iter().any(|(_, meant)| *meant == action)
    }
}

/// A key as the table names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Press {
    /// A character, without Ctrl or Alt.
    Char(char),
    /// A character with Ctrl.
    Ctrl(char),
    /// Another key.
    Code(KeyCode),
}

use Press::{Char, Code, Ctrl};

/// The table, in the order of the help.
pub const TABLE: &[Binding] = &[
    Binding {
        keys: &[(Char(' '), Action::Fire)],
        when: When::Screen,
        shown: "space",
        help: "fire a burst: one request a job, all with one burst ID",
        footer: Some("burst"),
    },
    Binding {
        keys: &[
            (Char('1'), Action::Size(0)),
            (Char('2'), Action::Size(1)),
            (Char('3'), Action::Size(2)),
            (Char('4'), Action::Size(3)),
            (Char('5'), Action::Size(4)),
            (Char('6'), Action::Size(5)),
        ],
        when: When::Screen,
        shown: "1..6",
        help: "size of the burst: 1, 10, 50, 100, 500, 1000",
        footer: Some("size"),
    },
    Binding {
        keys: &[(Char('+'), Action::More), (Char('='), Action::More), (Char('-'), Action::Less)],
        when: When::Screen,
        shown: "+ -",
        help: "a larger or a smaller burst",
        footer: None,
    },
    Binding {
        keys: &[(Char('c'), Action::Load)],
        when: When::Screen,
        shown: "c",
        help: "continuous load on or off; it stops by itself after ten minutes",
        footer: Some("load"),
    },
    Binding {
        keys: &[
            (Char('<'), Action::Slower),
            (Char(','), Action::Slower),
            (Char('>'), Action::Faster),
            (Char('.'), Action::Faster),
        ],
        when: When::Screen,
        shown: "< >",
        help: "slower or faster continuous load",
        footer: None,
    },
    Binding {
        keys: &[(Char('K'), Action::Kill)],
        when: When::Screen,
        shown: "K",
        help: "kill a worker, after a question",
        footer: Some("kill"),
    },
    Binding {
        keys: &[(Char('D'), Action::Drill)],
        when: When::Screen,
        shown: "D",
        help: "drill: stop exporter, Prometheus or broker, and put it back",
        footer: None,
    },
    Binding {
        keys: &[(Char('t'), Action::Tune), (Char('u'), Action::Undo)],
        when: When::Screen,
        shown: "t u",
        help: "tune the HPA: edit, dry run, confirm; take a change back",
        footer: Some("tune"),
    },
    Binding {
        keys: &[(Char('w'), Action::Shadow)],
        when: When::Screen,
        shown: "w",
        help: "shadow: a second HPA over the same queue, or none",
        footer: None,
    },
    Binding {
        keys: &[(Char('a'), Action::Asked)],
        when: When::Screen,
        shown: "a",
        help: "another drain time to ask the forecast about",
        footer: None,
    },
    Binding {
        keys: &[(Code(KeyCode::Tab), Action::NextScreen), (Code(KeyCode::BackTab), Action::PreviousScreen)],
        when: When::Screen,
        shown: "tab",
        help: "next screen; with shift the one before",
        footer: Some("screen"),
    },
    Binding {
        keys: &[(Char('L'), Action::Logs)],
        when: When::Screen,
        shown: "L",
        help: "logs of the workers",
        footer: None,
    },
    Binding {
        keys: &[(Char('x'), Action::Compare)],
        when: When::Screen,
        shown: "x",
        help: "on Runs: compare others with the chosen run",
        footer: None,
    },
    Binding {
        keys: &[(Char('r'), Action::Doctor)],
        when: When::Screen,
        shown: "r",
        help: "the doctor: look along the whole metric chain, now",
        footer: None,
    },
    Binding {
        keys: &[(Code(KeyCode::Enter), Action::Expand)],
        when: When::Screen,
        shown: "enter",
        help: "the chosen panel alone on the screen",
        footer: Some("expand"),
    },
    Binding {
        keys: &[
            (Code(KeyCode::Left), Action::Left),
            (Code(KeyCode::Right), Action::Right),
            (Code(KeyCode::Up), Action::Up),
            (Code(KeyCode::Down), Action::Down),
            (Code(KeyCode::PageUp), Action::PageUp),
            (Code(KeyCode::PageDown), Action::PageDown),
            (Code(KeyCode::Home), Action::First),
            (Code(KeyCode::End), Action::Last),
        ],
        when: When::Screen,
        shown: "arrows",
        help: "choose a panel, move the cursor, scroll a list",
        footer: None,
    },
    Binding {
        keys: &[(Code(KeyCode::Esc), Action::Back)],
        when: When::Screen,
        shown: "esc",
        help: "back out: cursor, panel, filter",
        footer: None,
    },
    Binding {
        keys: &[(Char('/'), Action::Filter)],
        when: When::Screen,
        shown: "/",
        help: "filter events, pods or logs: lines with all of the words",
        footer: Some("filter"),
    },
    Binding {
        keys: &[(Char('p'), Action::Pause)],
        when: When::Screen,
        shown: "p",
        help: "pause the view; the data goes on behind it",
        footer: Some("pause"),
    },
    Binding {
        keys: &[(Char('z'), Action::ZoomIn), (Char('Z'), Action::ZoomOut)],
        when: When::Screen,
        shown: "z Z",
        help: "show less or more time on the chart",
        footer: Some("zoom"),
    },
    Binding {
        keys: &[(Char('['), Action::Earlier), (Char(']'), Action::Later)],
        when: When::Screen,
        shown: "[ ]",
        help: "earlier or later on the chart",
        footer: Some("pan"),
    },
    Binding {
        keys: &[(Char('0'), Action::Live)],
        when: When::Screen,
        shown: "0",
        help: "back to the present",
        footer: None,
    },
    Binding {
        keys: &[(Char('v'), Action::Inspect)],
        when: When::Screen,
        shown: "v",
        help: "inspect an instant: ← → move, ↑ ↓ from mark to mark",
        footer: Some("inspect"),
    },
    Binding {
        keys: &[(Char('o'), Action::Legend)],
        when: When::Screen,
        shown: "o",
        help: "legend of the chart, and which curves are drawn",
        footer: None,
    },
    Binding {
        keys: &[(Char('b'), Action::Markers)],
        when: When::Screen,
        shown: "b",
        help: "draw with braille dots, with blocks, or with ASCII alone",
        footer: None,
    },
    Binding {
        keys: &[(Char('T'), Action::Theme)],
        when: When::Screen,
        shown: "T",
        help: "theme: dark, light, no colours",
        footer: None,
    },
    Binding {
        keys: &[(Char('m'), Action::Mouse)],
        when: When::Screen,
        shown: "m",
        help: "mouse on or off; off, the terminal selects text with it",
        footer: None,
    },
    Binding {
        keys: &[(Char('?'), Action::Help)],
        when: When::Screen,
        shown: "?",
        help: "this help",
        footer: Some("help"),
    },
    Binding {
        keys: &[(Ctrl('l'), Action::Redraw)],
        when: When::Always,
        shown: "Ctrl-L",
        help: "draw everything anew",
        footer: None,
    },
    Binding {
        keys: &[(Ctrl('z'), Action::Suspend)],
        when: When::Always,
        shown: "Ctrl-Z",
        help: "back to the shell; fg comes back here",
        footer: None,
    },
    Binding {
        keys: &[(Char('q'), Action::Quit)],
        when: When::Screen,
        shown: "q",
        help: "quit; the continuous load stops",
        footer: Some("quit"),
    },
    Binding {
        keys: &[(Ctrl('c'), Action::Quit)],
        when: When::Always,
        shown: "Ctrl-C",
        help: "quit from anywhere",
        footer: None,
    },
    Binding {
        keys: &[(Char('y'), Action::Yes), (Code(KeyCode::Enter), Action::Yes)],
        when: When::Dialog,
        shown: "y enter",
        help: "yes",
        footer: Some("yes"),
    },
    Binding {
        keys: &[
            (Char('n'), Action::No),
            (Char('q'), Action::No),
            (Char('?'), Action::No),
            (Code(KeyCode::Esc), Action::No),
        ],
        when: When::Dialog,
        shown: "n esc",
        help: "no",
        footer: Some("no"),
    },
    Binding {
        keys: &[
            (Code(KeyCode::Up), Action::Up),
            (Char('k'), Action::Up),
            (Code(KeyCode::Down), Action::Down),
            (Char('j'), Action::Down),
        ],
        when: When::Dialog,
        shown: "↑ ↓",
        help: "choose",
        footer: Some("choose"),
    },
    Binding {
        keys: &[
            (Code(KeyCode::Up), Action::Up),
            (Char('k'), Action::Up),
            (Code(KeyCode::Down), Action::Down),
            (Char('j'), Action::Down),
        ],
        when: When::Legend,
        shown: "↑ ↓",
        help: "choose a curve",
        footer: Some("choose"),
    },
    Binding {
        keys: &[(Char(' '), Action::Toggle), (Code(KeyCode::Enter), Action::Toggle)],
        when: When::Legend,
        shown: "space",
        help: "show or hide it",
        footer: Some("show or hide"),
    },
    Binding {
        keys: &[
            (Code(KeyCode::Esc), Action::No),
            (Char('o'), Action::No),
            (Char('q'), Action::No),
            (Char('n'), Action::No),
        ],
        when: When::Legend,
        shown: "esc",
        help: "close",
        footer: Some("close"),
    },
    Binding {
        keys: &[(Code(KeyCode::Enter), Action::Yes)],
        when: When::Filter,
        shown: "enter",
        help: "keep the filter",
        footer: Some("keep"),
    },
    Binding {
        keys: &[(Code(KeyCode::Esc), Action::No)],
        when: When::Filter,
        shown: "esc",
        help: "show everything",
        footer: Some("clear"),
    },
    Binding {
        keys: &[
            (Code(KeyCode::Backspace), Action::TakeBack),
            (Ctrl('h'), Action::TakeBack),
            (Ctrl('w'), Action::TakeBack),
        ],
        when: When::Filter,
        shown: "backspace",
        help: "take a character back",
        footer: None,
    },
];

/// What a key asks for where it goes to.
#[must_use]
pub fn action(key: &KeyEvent, place: When) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let modifiers = key.modifiers.difference(KeyModifiers::SHIFT);
    let press = match key.code {
        KeyCode::Char(c) if modifiers == KeyModifiers::NONE => Char(c),
        KeyCode::Char(c) if modifiers == KeyModifiers::CONTROL => Ctrl(c.to_ascii_lowercase()),
        code if modifiers == KeyModifiers::NONE => Code(code),
        _ => return None,
    };
    TABLE
        .iter()
        .filter(|binding| binding.when == When::Always || binding.when == place)
        .flat_map(|binding| binding.keys)
        .find(|(known, _)| *known == press)
        .map(|(_, action)| *action)
}

/// The table of the keys in Markdown, as it stands in the README.
#[must_use]
pub fn readme() -> String {
    let mut text = String::from("| key | what it does |\n| --- | --- |\n");
    for binding in TABLE.iter().filter(|binding| binding.is_general()) {
        let keys: Vec<String> = binding.shown.split(' ').map(|key| format!("`{key}`")).collect();
        text.push_str(&format!("| {} | {} |\n", keys.join(" "), binding.help));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_at_once() {
        for place in [When::Screen, When::Dialog, When::Legend, When::Filter] {
            let mut seen = Vec::new();
            for binding in TABLE.iter().filter(|b| b.when == When::Always || b.when == place) {
                for (press, _) in binding.keys {
                    assert!(!seen.contains(press), "{press:?} twice");
                    seen.push(*press);
                }
            }
        }
    }

    #[test]
    fn keys_mean_what_the_table_says() {
        let key = |code, modifiers| KeyEvent::new(code, modifiers);
        let none = KeyModifiers::NONE;
        use When::{Dialog, Filter, Legend, Screen};
        for (event, place, expected) in [
            (key(KeyCode::Char(' '), none), Screen, Some(Action::Fire)),
            (key(KeyCode::Char(' '), none), Dialog, None),
            (key(KeyCode::Char(' '), none), Legend, Some(Action::Toggle)),
            (key(KeyCode::Char('3'), none), Screen, Some(Action::Size(2))),
            (key(KeyCode::Char('3'), none), Filter, None),
            (key(KeyCode::Char('K'), KeyModifiers::SHIFT), Screen, Some(Action::Kill)),
            (key(KeyCode::Char('c'), KeyModifiers::CONTROL), Screen, Some(Action::Quit)),
            (key(KeyCode::Char('c'), KeyModifiers::CONTROL), Dialog, Some(Action::Quit)),
            (key(KeyCode::Char('c'), KeyModifiers::CONTROL), Filter, Some(Action::Quit)),
            (key(KeyCode::Char('c'), none), Screen, Some(Action::Load)),
            (key(KeyCode::Char('c'), KeyModifiers::ALT), Screen, None),
            (key(KeyCode::Tab, none), Screen, Some(Action::NextScreen)),
            (key(KeyCode::BackTab, KeyModifiers::SHIFT), Screen, Some(Action::PreviousScreen)),
            (key(KeyCode::Esc, none), Dialog, Some(Action::No)),
            (key(KeyCode::Esc, none), Screen, Some(Action::Back)),
        ] {
            assert_eq!(action(&event, place), expected, "{event:?} {place:?}");
        }
        let release = KeyEvent::new_with_kind(KeyCode::Char('q'), none, KeyEventKind::Release);
        assert_eq!(action(&release, Screen), None);
    }
}
