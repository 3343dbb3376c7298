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
    /// The next screen.
    NextScreen,
    /// The workers' logs.
    Logs,
    /// Pause the view, or go on.
    Pause,
    /// Show less time in more detail.
    ZoomIn,
    /// Show more time.
    ZoomOut,
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
    /// In a dialog: the choice above.
    Up,
    /// In a dialog: the choice below.
    Down,
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
        keys: &[(Code(KeyCode::Tab), Action::NextScreen)],
        when: When::Screen,
        shown: "tab",
        help: "next screen",
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
];

/// What a key asks for, on a screen or in a dialog.
#[must_use]
pub fn action(key: &KeyEvent, in_dialog: bool) -> Option<Action> {
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
        .filter(|binding| match binding.when {
            When::Always => true,
            When::Screen => !in_dialog,
            When::Dialog => in_dialog,
        })
        .flat_map(|binding| binding.keys)
        .find(|(known, _)| *known == press)
        .map(|(_, action)| *action)
}

/// The table of the keys in Markdown, as it stands in the README.
#[must_use]
pub fn readme() -> String {
    let mut text = String::from("| key | what it does |\n| --- | --- |\n");
    for binding in TABLE.iter().filter(|binding| binding.when != When::Dialog) {
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
        for in_dialog in [false, true] {
            let mut seen = Vec::new();
            for binding in TABLE {
                let holds = match binding.when {
                    When::Always => true,
                    When::Screen => !in_dialog,
                    When::Dialog => in_dialog,
                };
                for (press, _) in binding.keys.iter().filter(|_| holds) {
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
        for (event, in_dialog, expected) in [
            (key(KeyCode::Char(' '), none), false, Some(Action::Fire)),
            (key(KeyCode::Char(' '), none), true, None),
            (key(KeyCode::Char('K'), KeyModifiers::SHIFT), false, Some(Action::Kill)),
            (key(KeyCode::Char('c'), KeyModifiers::CONTROL), false, Some(Action::Quit)),
            (key(KeyCode::Char('c'), KeyModifiers::CONTROL), true, Some(Action::Quit)),
            (key(KeyCode::Char('c'), none), false, Some(Action::Load)),
            (key(KeyCode::Char('c'), KeyModifiers::ALT), false, None),
            (key(KeyCode::Tab, none), false, Some(Action::NextScreen)),
            (key(KeyCode::Esc, none), true, Some(Action::No)),
            (key(KeyCode::Esc, none), false, None),
        ] {
            assert_eq!(action(&event, in_dialog), expected, "{event:?} {in_dialog}");
        }
        let release = KeyEvent::new_with_kind(KeyCode::Char('q'), none, KeyEventKind::Release);
        assert_eq!(action(&release, false), None);
    }
}
