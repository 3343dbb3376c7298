//! The colours and characters for this terminal.

/// A set of colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// For dark backgrounds.
    #[default]
    Dark,
    /// For light backgrounds.
    Light,
    /// No colours: `NO_COLOR`, or by choice.
    Mono,
}

impl Theme {
    /// The theme for an environment: `NO_COLOR` set and not empty means no colours.
    #[must_use]
    pub fn from_env(no_color: Option<&str>, colorfgbg: Option<&str>) -> Self {
        if no_color.is_some_and(|value| !value.is_empty()) {
            return Self::Mono;
        }
        // `foreground;background`, as rxvt and konsole set it; 7 and 15 are the whites.
        match colorfgbg.and_then(|value| value.rsplit(';').next()) {
            Some("7" | "15") => Self::Light,
            _ => Self::Dark,
        }
    }

    /// The name in a word or two.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Mono => "no colours",
        }
    }

    /// The next theme.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Mono,
            Self::Mono => Self::Dark,
        }
    }
}

/// The characters of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Markers {
    /// Braille dots: eight to a cell.
    #[default]
    Braille,
    /// Half blocks and shades, which every console font has.
    Block,
    /// Only ASCII, on the whole screen.
    Ascii,
}

impl Markers {
    /// The characters for a `TERM` and a locale: the first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set.
    #[must_use]
    pub fn from_env(term: Option<&str>, locale: Option<&str>) -> Self {
        let is_ascii = |locale: &str| {
            let locale = locale.to_ascii_lowercase();
            // A missing locale means nothing: containers have none, and their terminals use UTF-8.
            !locale.is_empty() && !locale.contains("utf-8") && !locale.contains("utf8")
        };
        match term {
            Some("dumb") => Self::Ascii,
            _ if locale.is_some_and(is_ascii) => Self::Ascii,
            // Its fonts have 256 or 512 characters, and braille is not among them.
            Some("linux") => Self::Block,
            _ => Self::Braille,
        }
    }

    /// The name in a word or two.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Braille => "braille dots",
            Self::Block => "blocks",
            Self::Ascii => "ASCII",
        }
    }

    /// The next set.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Braille => Self::Block,
            Self::Block => Self::Ascii,
            Self::Ascii => Self::Braille,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses_the_theme() {
        for (no_color, colorfgbg, theme) in [
            (None, None, Theme::Dark),
            (Some(""), None, Theme::Dark),
            (Some("1"), Some("0;15"), Theme::Mono),
            (None, Some("0;15"), Theme::Light),
            (None, Some("15;default;0"), Theme::Dark),
        ] {
            assert_eq!(Theme::from_env(no_color, colorfgbg), theme, "{no_color:?} {colorfgbg:?}");
        }
    }

    #[test]
    fn the_environment_chooses_the_markers() {
        for (term, locale, markers) in [
            (None, None, Markers::Braille),
            (Some("xterm-256color"), Some("en_GB.UTF-8"), Markers::Braille),
            (Some("xterm"), Some("C.utf8"), Markers::Braille),
            (Some("xterm"), Some("C"), Markers::Ascii),
            (Some("xterm"), Some("de_DE.ISO-8859-1"), Markers::Ascii),
            (Some("linux"), Some("en_GB.UTF-8"), Markers::Block),
            (Some("linux"), Some("POSIX"), Markers::Ascii),
            (Some("dumb"), Some("en_GB.UTF-8"), Markers::Ascii),
        ] {
            assert_eq!(Markers::from_env(term, locale), markers, "{term:?} {locale:?}");
        }
    }
}
