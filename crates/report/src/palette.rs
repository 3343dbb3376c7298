//! The colours of the report, each for a light and a dark page, as CSS variables.
//!
//! Text has at least the contrast that WCAG 2.2 asks for at level AA (4.5), lines and areas that carry meaning 3. The curves
//! differ in their patterns too, so no meaning depends on colour alone.

use std::fmt::Write as _;

/// The use of a colour, which decides about its least contrast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// The page and the boxes on it.
    Ground,
    /// Text.
    Text,
    /// Lines and areas.
    Graphic,
    /// Rules and backdrops without meaning.
    Decoration,
}

/// Name of the variable, use, and the colours on a light and on a dark page.
const COLOURS: &[(&str, Use, &str, &str)] = &[
    ("page", Use::Ground, "#ffffff", "#11151b"),
    ("box", Use::Ground, "#f5f7f9", "#1a2029"),
    ("text", Use::Text, "#1b1f24", "#e4e9ef"),
    ("dim", Use::Text, "#545d68", "#a0abb8"),
    ("good", Use::Text, "#146c2e", "#56d074"),
    ("bad", Use::Text, "#b3201a", "#ff9389"),
    ("warning", Use::Text, "#7d5000", "#e6b450"),
    ("accent", Use::Text, "#0a5cb3", "#6cb6ff"),
    ("rule", Use::Decoration, "#d3d9e0", "#343c47"),
    ("shade", Use::Decoration, "#fbe9d0", "#3a2d18"),
    ("waiting", Use::Graphic, "#0a66c2", "#58b0ff"),
    ("in-work", Use::Graphic, "#1a7f4b", "#3fc48a"),
    ("target", Use::Graphic, "#b35300", "#f2a65a"),
    ("believed", Use::Graphic, "#a4259c", "#e889ee"),
    ("metric", Use::Graphic, "#5c6673", "#97a2b0"),
    ("desired", Use::Graphic, "#b3201a", "#ff9389"),
    ("current", Use::Graphic, "#8a6400", "#dfbd52"),
    ("ready", Use::Graphic, "#1a7f4b", "#3fc48a"),
    ("raw", Use::Graphic, "#5c6673", "#97a2b0"),
    ("shadow", Use::Graphic, "#6a3fc0", "#bfa0ff"),
];

/// The variables as CSS: light by default, dark if the reader's system is, and light on paper.
pub(crate) fn css() -> String {
    let block = |dark: bool| {
        COLOURS.iter().fold(String::new(), |mut css, (name, _, on_light, on_dark)| {
            // Writing to a string does not fail.
            let _ = write!(css, "--{name}:{};", if dark { on_dark } else { on_light });
            css
        })
    };
    format!(
        ":root{{color-scheme:light dark;{}}}@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}",
        block(false),
        block(true)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of two colours, as WCAG 2 defines it.
    fn contrast(a: &str, b: &str) -> f64 {
        let luminance = |colour: &str| -> f64 {
            let part = |index: usize| {
                let hex = &colour[1 + 2 * index..3 + 2 * index];
                f64::from(u8::from_str_radix(hex, 16).unwrap()) / 255.0
            };
            [0.2126, 0.7152, 0.0722]
                .into_iter()
                .enumerate()
                .map(|(index, weight)| {
                    let part = part(index);
                    weight * if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
                })
                .sum()
        };
        let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
        a.max(b) / a.min(b)
    }

    #[test]
    fn black_on_white_has_the_contrast_of_the_standard() {
        assert!((contrast("#000000", "#ffffff") - 21.0).abs() < 0.01);
    }

    #[test]
    fn every_colour_has_enough_contrast() {
        let grounds: Vec<_> = COLOURS.iter().filter(|colour| colour.1 == Use::Ground).collect();
        for (name, colour_use, light, dark) in COLOURS {
            let least = match colour_use {
                Use::Text => 4.5,
                Use::Graphic => 3.0,
                Use::Ground | Use::Decoration => continue,
            };
            for (ground, _, on_light, on_dark) in &grounds {
                for (ink, ground_colour) in [(light, on_light), (dark, on_dark)] {
                    let ratio = contrast(ink, ground_colour);
                    assert!(ratio >= least, "{name} {ink} on {ground} {ground_colour}: {ratio:.2}");
                }
            }
        }
        assert_eq!(grounds.len(), 2);
    }

    #[test]
    fn text_is_readable_on_the_shade_of_a_drill() {
        let of = |wanted: &str| COLOURS.iter().find(|(name, ..)| *name == wanted).unwrap();
        let (ink, shade) = (of("text"), of("shade"));
        assert!(contrast(ink.2, shade.2) >= 4.5 && contrast(ink.3, shade.3) >= 4.5);
    }
}
