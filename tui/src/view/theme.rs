//! The colours: ANSI's sixteen and the terminal's own foreground and background, so that every terminal scheme works.
//! Colour is never the only carrier of a meaning: shapes, words and line styles say the same.

use ratatui::style::{Color, Modifier, Style};

use crate::model::Theme;

/// What a piece of text or a dot stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Ordinary text.
    Text,
    /// Less important than the rest.
    Dim,
    /// Rules and axes.
    Rule,
    /// Titles.
    Title,
    /// A value that counts.
    Value,
    /// The queue.
    Queue,
    /// The area under the queue's line.
    QueueFill,
    /// The part of that area that the workers have in hand.
    InWork,
    /// The target.
    Target,
    /// What the HPA believes.
    Believed,
    /// The external metric.
    Metric,
    /// What the HPA wants.
    Desired,
    /// Ready pods.
    Ready,
    /// Pods on their way.
    Pending,
    /// What is going away.
    Leaving,
    /// Something worth attention.
    Warning,
    /// Something wrong.
    Error,
    /// A key to press.
    Key,
    /// The name of the program.
    Brand,
    /// What binds or is chosen.
    Lit,
}

/// The style of an ink in a theme.
#[must_use]
pub fn style(theme: Theme, ink: Ink) -> Style {
    // The terminal's own colour, said outright: text may be put over a rule, which has another.
    let plain = Style::new().fg(Color::Reset);
    let bold = plain.add_modifier(Modifier::BOLD);
    if theme == Theme::Mono {
        return match ink {
            Ink::Dim | Ink::Rule | Ink::QueueFill | Ink::Metric => plain.add_modifier(Modifier::DIM),
            Ink::Title | Ink::Value | Ink::Key | Ink::Brand | Ink::Warning => bold,
            Ink::Error | Ink::Lit => bold.add_modifier(Modifier::REVERSED),
            _ => plain,
        };
    }
    let is_dark = theme == Theme::Dark;
    let pick = |dark: Color, light: Color| plain.fg(if is_dark { dark } else { light });
    match ink {
        Ink::Text => plain,
        Ink::Dim | Ink::Rule => plain.fg(Color::DarkGray),
        Ink::Title | Ink::Value => bold,
        Ink::Queue => pick(Color::LightCyan, Color::Blue),
        Ink::QueueFill => pick(Color::Cyan, Color::LightBlue),
        Ink::InWork => pick(Color::Green, Color::LightGreen),
        Ink::Target => pick(Color::LightYellow, Color::Red),
        Ink::Believed => pick(Color::LightMagenta, Color::Magenta),
        Ink::Metric => pick(Color::Blue, Color::Cyan),
        Ink::Desired => pick(Color::LightYellow, Color::Red),
        Ink::Ready => pick(Color::LightGreen, Color::Green),
        Ink::Pending => pick(Color::Yellow, Color::Yellow),
        Ink::Leaving => plain.fg(Color::DarkGray),
        Ink::Warning => pick(Color::Yellow, Color::Magenta),
        Ink::Error => pick(Color::LightRed, Color::Red).add_modifier(Modifier::BOLD),
        Ink::Key => pick(Color::LightCyan, Color::Blue).add_modifier(Modifier::BOLD),
        Ink::Brand => pick(Color::LightMagenta, Color::Magenta).add_modifier(Modifier::BOLD),
        Ink::Lit => pick(Color::LightYellow, Color::Red).add_modifier(Modifier::BOLD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mono_has_no_colour() {
        for ink in [Ink::Queue, Ink::Error, Ink::Lit, Ink::Key, Ink::Pending] {
            let style = style(Theme::Mono, ink);
            assert_eq!((style.fg, style.bg), (Some(Color::Reset), None));
        }
    }
}
