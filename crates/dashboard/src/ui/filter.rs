//! Filters of lists: they match lines that contain every word typed after `/`.

use crate::ui::screen::Screen;

/// Limit of the length, against pasted files.
const MAX_CHARS: usize = 60;

/// A filter; an empty one matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    text: String,
}

impl Filter {
    /// The typed text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns true if it matches everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Returns true if each word is in one of the fields, in any case.
    #[must_use]
    pub fn takes(&self, fields: &[&str]) -> bool {
        if self.is_empty() {
            return true;
        }
        let fields: Vec<String> = fields.iter().map(|field| field.to_lowercase()).collect();
        let text = self.text.to_lowercase();
        text.split_whitespace().all(|word| fields.iter().any(|field| field.contains(word)))
    }

    /// Adds typed or pasted text, cleaned and cut to the limit.
    pub fn add(&mut self, text: &str) {
        let room = MAX_CHARS.saturating_sub(self.text.chars().count());
        self.text.extend(text::clean::text(text).chars().take(room));
    }

    /// Deletes the last character. Returns true if there was one.
    pub fn take_back(&mut self) -> bool {
        self.text.pop().is_some()
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.text.clear();
    }
}

/// A filter for each list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filters {
    /// The filter of the events.
    pub events: Filter,
    /// The filter of the workers' logs.
    pub logs: Filter,
    /// The filter of the pods.
    pub pods: Filter,
    /// The filter of the fleet.
    pub fleet: Filter,
}

impl Filters {
    /// The filter of a screen; `None` if it has no list.
    #[must_use]
    pub fn on(&self, screen: Screen) -> Option<&Filter> {
        match screen {
            Screen::Overview => Some(&self.events),
            Screen::Logs => Some(&self.logs),
            Screen::Pods => Some(&self.pods),
            Screen::Fleet => Some(&self.fleet),
            _ => None,
        }
    }

    /// The filter of a screen, to edit.
    pub fn on_mut(&mut self, screen: Screen) -> Option<&mut Filter> {
        match screen {
            Screen::Overview => Some(&mut self.events),
            Screen::Logs => Some(&mut self.logs),
            Screen::Pods => Some(&mut self.pods),
            Screen::Fleet => Some(&mut self.fleet),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_must_match_in_any_case() {
        for (typed, taken) in [
            ("", true),
            ("  ", true),
            ("rescale", true),
            ("RESCALE size", true),
            ("size worker-scaler", true),
            ("size 9", false),
            ("reSize", false),
        ] {
            let mut filter = Filter::default();
            filter.add(typed);
            let fields = ["SuccessfulRescale", "worker-scaler", "New size: 5"];
            assert_eq!(filter.takes(&fields), taken, "{typed:?}");
        }
    }

    #[test]
    fn pasted_text_is_cleaned_and_bounded() {
        let mut filter = Filter::default();
        filter.add("a\u{1b}[2Jb\nc");
        assert_eq!(filter.text(), "a[2Jb c");
        filter.add(&"x".repeat(10_000));
        assert_eq!(filter.text().chars().count(), MAX_CHARS);
        assert!(filter.take_back());
        filter.clear();
        assert!(!filter.take_back());
    }
}
