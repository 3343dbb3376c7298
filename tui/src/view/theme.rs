//! The colours: ANSI's sixteen, and the terminal's own foreground and background, so that every colour scheme works. No meaning
//! depends on colour alone: shapes, words and line styles carry it too.
//!
//! On a dark ground, each colour has one meaning:
//!
//! | colour | meaning |
//! | --- | --- |
//! | yellow | needs you: something is wrong, and it says what |
//! | red | failed |
//! | bold cyan | keys, the chosen item, and the step that decides |
//! | cyan | the queue; darker: its area, and what is on its way |
//! | green | ready and at work |
//! | magenta, blue | what the HPA read, and what the metrics API serves |
//! | bold, without a colour | targets, desired replicas, titles and values |

use ratatui::style::{Color, Modifier, Style};

use dashboard::ui::appearance::Theme;

/// The meaning of a piece of text or of a dot, which has a colour in each theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Ordinary text.
    Text,
    /// Less important text.
    Dim,
    /// Rules and axes.
    Rule,
    /// Titles.
    Title,
    /// An important value.
    Value,
    /// The queue.
    Queue,
    /// The area under the queue's line.
    QueueFill,
    /// The part of that area that workers have not acknowledged.
    InWork,
    /// The target.
    Target,
    /// The value that the HPA read.
    Believed,
    /// The external metric.
    Metric,
    /// Desired replicas.
    Desired,
    /// Ready pods.
    Ready,
    /// Pods that are not ready yet.
    Pending,
    /// Pods that are terminating.
    Leaving,
    /// Something that needs the user.
    Warning,
    /// An error.
    Error,
    /// A key.
    Key,
    /// The name of the program.
    Brand,
    /// A step that decides, or a chosen item.
    Lit,
}

/// The style of an ink in a theme.
#[must_use]
pub fn style(theme: Theme, ink: Ink) -> Style {
    // The terminal's own colour is set too: text may be drawn over a line of another colour.
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
    // On white, the green, yellow and cyan of most terminals cannot be read.
    match ink {
        Ink::Text => plain,
        Ink::Dim | Ink::Rule => plain.fg(Color::DarkGray),
        Ink::Title | Ink::Value => bold,
        Ink::Queue => pick(Color::LightCyan, Color::Blue),
        Ink::QueueFill => pick(Color::Cyan, Color::LightBlue),
        Ink::InWork => pick(Color::Green, Color::DarkGray),
        Ink::Target | Ink::Desired => bold,
        Ink::Believed => pick(Color::LightMagenta, Color::Magenta),
        Ink::Metric => pick(Color::LightBlue, Color::Reset),
        Ink::Ready => pick(Color::LightGreen, Color::Blue),
        Ink::Pending => pick(Color::Cyan, Color::LightBlue),
        Ink::Leaving => pick(Color::DarkGray, Color::Reset),
        Ink::Warning => pick(Color::Yellow, Color::Magenta),
        Ink::Error => pick(Color::LightRed, Color::Red).add_modifier(Modifier::BOLD),
        Ink::Key | Ink::Lit => pick(Color::LightCyan, Color::Blue).add_modifier(Modifier::BOLD),
        Ink::Brand => pick(Color::LightMagenta, Color::Magenta).add_modifier(Modifier::BOLD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// xterm's colours, which other terminals resemble. Text without a colour is black on white, or light grey on black.
    fn xterm(color: Color, theme: Theme) -> [u8; 3] {
        match color {
            Color::Reset if theme == Theme::Light => [0, 0, 0],
            Color::Reset => [229, 229, 229],
            Color::Red => [205, 0, 0],
            Color::Green => [0, 205, 0],
            Color::Yellow => [205, 205, 0],
            Color::Blue => [0, 0, 238],
            Color::Magenta => [205, 0, 205],
            Color::Cyan => [0, 205, 205],
            Color::DarkGray => [127, 127, 127],
            Color::LightRed => [255, 0, 0],
            Color::LightGreen => [0, 255, 0],
            Color::LightYellow => [255, 255, 0],
            Color::LightBlue => [92, 92, 255],
            Color::LightMagenta => [255, 0, 255],
            Color::LightCyan => [0, 255, 255],
            other => panic!("{other:?} is not used"),
        }
    }

    /// The contrast of two colours, as WCAG 2 defines it.
    fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
        let luminance = |rgb: [u8; 3]| -> f64 {
            rgb.iter()
                .zip([0.2126, 0.7152, 0.0722])
                .map(|(part, weight)| {
                    let part = f64::from(*part) / 255.0;
                    weight * if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
                })
                .sum()
        };
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn every_ink_has_enough_contrast() {
        let words = [
            Ink::Text,
            Ink::Title,
            Ink::Value,
            Ink::Queue,
            Ink::Target,
            Ink::Believed,
            Ink::Desired,
            Ink::Ready,
            Ink::Pending,
            Ink::Leaving,
            Ink::Warning,
            Ink::Error,
            Ink::Key,
            Ink::Brand,
            Ink::Lit,
        ];
        // Lines, fills and less important text: the sixteen colours have one grey.
        let marks = [Ink::Dim, Ink::Rule, Ink::QueueFill, Ink::InWork, Ink::Metric];
        let all = words.map(|ink| (ink, 4.5)).into_iter().chain(marks.map(|ink| (ink, 3.0)));
        for (ink, least) in all {
            for (theme, ground) in [(Theme::Dark, [0, 0, 0]), (Theme::Light, [255, 255, 255])] {
                let color = style(theme, ink).fg.unwrap();
                let ratio = contrast(xterm(color, theme), ground);
                assert!(
                    ratio >= least,
                    "{ink:?} in {theme:?}: {color:?} has {ratio:.2}, {least} is the least"
                );
            }
        }
    }

    #[test]
    fn mono_has_no_colour() {
        for ink in [Ink::Queue, Ink::Error, Ink::Lit, Ink::Key, Ink::Pending] {
            let style = style(Theme::Mono, ink);
            assert_eq!((style.fg, style.bg), (Some(Color::Reset), None));
        }
    }
}
