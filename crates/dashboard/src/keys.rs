//! All keys in one table: their actions, their help, and their text in the footer and the README.

mod binding;
mod table;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

pub use self::binding::{Action, Binding, KeyContext, Press};
pub use self::table::TABLE;

/// The action of a key in a context.
#[must_use]
pub fn action(key: &KeyEvent, place: KeyContext) -> Option<Action> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let modifiers = key.modifiers.difference(KeyModifiers::SHIFT);
    let press = match key.code {
        KeyCode::Char(c) if modifiers == KeyModifiers::NONE => Press::Char(c),
        KeyCode::Char(c) if modifiers == KeyModifiers::CONTROL => Press::Ctrl(c.to_ascii_lowercase()),
        code if modifiers == KeyModifiers::NONE => Press::Code(code),
        _ => return None,
    };
    let find = |place: KeyContext| {
        TABLE
            .iter()
            .filter(|binding| binding.when == KeyContext::Always || binding.when == place)
            .flat_map(|binding| binding.keys)
            .find(|(known, _)| *known == press)
            .map(|(_, action)| *action)
    };
    match place {
        KeyContext::Replay => find(place).or_else(|| find(KeyContext::Screen)),
        place => find(place),
    }
}

/// The table of the keys in Markdown, as in the README.
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
    fn no_key_has_two_actions() {
        for place in [
            KeyContext::Screen,
            KeyContext::Replay,
            KeyContext::Dialog,
            KeyContext::Legend,
            KeyContext::Filter,
        ] {
            let mut seen = Vec::new();
            for binding in TABLE.iter().filter(|b| b.when == KeyContext::Always || b.when == place) {
                for (press, _) in binding.keys {
                    assert!(!seen.contains(press), "{press:?} twice");
                    seen.push(*press);
                }
            }
        }
    }

    #[test]
    fn keys_act_by_the_table() {
        let key = |code, modifiers| KeyEvent::new(code, modifiers);
        let none = KeyModifiers::NONE;
        use KeyContext::{Dialog, Filter, Legend, Replay, Screen};
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
            (key(KeyCode::Char(' '), none), Replay, Some(Action::ReplayToggle)),
            (key(KeyCode::Char('z'), none), Replay, Some(Action::ZoomIn)),
        ] {
            assert_eq!(action(&event, place), expected, "{event:?} {place:?}");
        }
        let release = KeyEvent::new_with_kind(KeyCode::Char('q'), none, KeyEventKind::Release);
        assert_eq!(action(&release, Screen), None);
    }
}
