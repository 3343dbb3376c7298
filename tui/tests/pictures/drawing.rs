//! Frames of the dashboard as SVG, still or animated.
//!
//! A picture consists of rows of cells. A row that several frames share is drawn once, with the times at which it is visible.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::shapes::{Lines, block, braille, lines};

/// Width and height of a cell, in SVG units.
const CELL: (f32, f32) = (8.0, 16.0);
/// Space around the frame.
const MARGIN: f32 = 10.0;

/// The colours of a terminal.
pub(super) struct Palette {
    pub(super) background: &'static str,
    pub(super) foreground: &'static str,
    /// The sixteen ANSI colours.
    pub(super) ansi: [&'static str; 16],
}

pub(super) const DARK: Palette = Palette {
    background: "#16181d",
    foreground: "#d8dee9",
    ansi: [
        "#2e3440", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4", "#7f848e",
        "#ef8a92", "#b5d99c", "#f0d399", "#84c5f7", "#d79be8", "#7fd0da", "#ffffff",
    ],
};

pub(super) const LIGHT: Palette = Palette {
    background: "#ffffff",
    foreground: "#1f2328",
    ansi: [
        "#1f2328", "#b3201a", "#1a7f37", "#9a6700", "#0a5cb3", "#8a2be2", "#1b7c83", "#59636e", "#6e7781",
        "#cf222e", "#2da44e", "#bf8700", "#4a90e2", "#a475f9", "#3192aa", "#8c959f",
    ],
};

/// A frame, and the part of the animation in which it is visible, in steps.
pub(super) struct Frame {
    pub(super) buffer: Buffer,
    pub(super) steps: u32,
}

/// The frames one after another, each for its number of steps; a single frame is a still picture. A viewer without animations
/// sees the last frame.
pub(super) fn svg(frames: &[Frame], palette: &Palette, seconds_a_step: f32, description: &str) -> String {
    let area = frames[0].buffer.area;
    let total: u32 = frames.iter().map(|frame| frame.steps).sum();
    let mut rows: BTreeMap<(u16, String), Vec<(u32, u32)>> = BTreeMap::new();
    let mut glyphs: BTreeMap<char, Vec<(f32, f32)>> = BTreeMap::new();
    let mut begin = 0;
    for frame in frames {
        let end = begin + frame.steps;
        for y in 0..area.height {
            let mut row = Row::new(palette);
            for x in 0..area.width {
                row.add(&frame.buffer[(x, y)], f32::from(x) * CELL.0, &mut glyphs);
            }
            let content = row.finish();
            if content.is_empty() {
                continue;
            }
            let shown = rows.entry((y, content)).or_default();
            match shown.last_mut() {
                Some(last) if last.1 == begin => last.1 = end,
                _ => shown.push((begin, end)),
            }
        }
        begin = end;
    }
    let width = f32::from(area.width).mul_add(CELL.0, 2.0 * MARGIN);
    let height = f32::from(area.height).mul_add(CELL.1, 2.0 * MARGIN);
    let (background, foreground) = (palette.background, palette.foreground);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         font-family=\"ui-monospace,'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace\" font-size=\"13.3\">\n\
         <title>{description}</title>\n\
         <style>.d{{fill:none;stroke-width:2.5;stroke-linecap:round}}.l{{fill:none;stroke-width:1.1}}\
         .h{{fill:none;stroke-width:2.4}}.b{{font-weight:700}}</style>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{background}\"/>\n<defs>\n"
    );
    // Writing to a string does not fail.
    for (character, dots) in glyphs {
        let _ = write!(svg, "<path id=\"{}\" d=\"", id(character));
        for (x, y) in dots {
            let _ = write!(svg, "M{} {}h0", n(x * CELL.0), n(y * CELL.1));
        }
        svg.push_str("\"/>\n");
    }
    let _ = writeln!(svg, "</defs>\n<g fill=\"{foreground}\">");
    for ((y, content), shown) in rows {
        let top = f32::from(y).mul_add(CELL.1, MARGIN);
        let _ = write!(svg, "<g transform=\"translate({MARGIN} {})\"", n(top));
        if shown == [(0, total)] {
            let _ = writeln!(svg, ">{content}</g>");
            continue;
        }
        if shown.last().is_none_or(|(_, end)| *end < total) {
            svg.push_str(" visibility=\"hidden\"");
        }
        let (mut times, mut values) =
            (vec!["0".to_owned()], vec![if shown[0].0 == 0 { "visible" } else { "hidden" }]);
        for (begin, end) in shown {
            for (step, value) in [(begin, "visible"), (end, "hidden")] {
                if step > 0 && step < total {
                    times.push(n4(step as f32 / total as f32));
                    values.push(value);
                }
            }
        }
        let _ = writeln!(
            svg,
            "><animate attributeName=\"visibility\" calcMode=\"discrete\" dur=\"{}s\" repeatCount=\"indefinite\" \
             keyTimes=\"{}\" values=\"{}\"/>{content}</g>",
            n(total as f32 * seconds_a_step),
            times.join(";"),
            values.join(";")
        );
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// A number with one decimal at most.
fn n(value: f32) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

fn n4(value: f32) -> String {
    format!("{value:.4}").trim_end_matches('0').to_owned()
}

fn id(character: char) -> String {
    format!("g{:x}", u32::from(character))
}

/// The colour and the opacity of shapes and text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ink {
    /// `None` for the foreground.
    colour: Option<String>,
    /// Opacity in percent.
    opacity: u32,
}

/// Shapes in one ink.
#[derive(Default)]
struct Shapes {
    areas: String,
    dots: String,
    light_lines: String,
    heavy_lines: String,
}

/// A row of cells as SVG. Each character that is text has the x position of its column, because fonts differ in width.
struct Row<'a> {
    palette: &'a Palette,
    backgrounds: String,
    shapes: BTreeMap<Ink, Shapes>,
    texts: BTreeMap<(Ink, bool), (Vec<String>, String)>,
}

impl<'a> Row<'a> {
    fn new(palette: &'a Palette) -> Self {
        Self { palette, backgrounds: String::new(), shapes: BTreeMap::new(), texts: BTreeMap::new() }
    }

    fn add(&mut self, cell: &Cell, x: f32, glyphs: &mut BTreeMap<char, Vec<(f32, f32)>>) {
        let (mut foreground, mut background) = (self.colour(cell.fg), self.colour(cell.bg));
        if cell.modifier.contains(Modifier::REVERSED) {
            let old = foreground.take().unwrap_or_else(|| self.palette.foreground.to_owned());
            foreground = Some(background.take().unwrap_or_else(|| self.palette.background.to_owned()));
            background = Some(old);
        }
        // Writing to a string does not fail.
        if let Some(background) = background {
            let _ = write!(
                self.backgrounds,
                "<path fill=\"{background}\" d=\"M{} 0h{}v{}h-{}z\"/>",
                n(x),
                CELL.0,
                CELL.1,
                CELL.0
            );
        }
        let ink =
            Ink { colour: foreground, opacity: if cell.modifier.contains(Modifier::DIM) { 60 } else { 100 } };
        if cell.modifier.contains(Modifier::UNDERLINED) {
            let lines = &mut self.shapes.entry(ink.clone()).or_default().light_lines;
            let _ = write!(lines, "M{} {}h{}", n(x), n(CELL.1 * 0.9), CELL.0);
        }
        let Some(character) = cell.symbol().chars().next().filter(|c| !c.is_whitespace()) else { return };
        if self.shape(character, &ink, x, glyphs) {
            return;
        }
        let (columns, text) = self.texts.entry((ink, cell.modifier.contains(Modifier::BOLD))).or_default();
        // A position is for each character, also for a combining mark, which gets none of its own.
        columns.push(n(x));
        text.push_str(&cell.symbol().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
    }

    /// Draws the character, if it is one that draws.
    fn shape(
        &mut self,
        character: char,
        ink: &Ink,
        x: f32,
        glyphs: &mut BTreeMap<char, Vec<(f32, f32)>>,
    ) -> bool {
        let (width, height) = CELL;
        if let Some((opacity, areas)) = block(character) {
            let opacity = ink.opacity * opacity / 100;
            let shapes = self.shapes.entry(Ink { opacity, ..ink.clone() }).or_default();
            for [left, top, right, bottom] in areas {
                let (left, top) = (left.mul_add(width, x), top * height);
                let (right, bottom) = (right.mul_add(width, x), bottom * height);
                let _ =
                    write!(shapes.areas, "M{} {}H{}V{}H{}z", n(left), n(top), n(right), n(bottom), n(left));
            }
        } else if let Some(dots) = braille(character) {
            glyphs.insert(character, dots);
            let shapes = self.shapes.entry(ink.clone()).or_default();
            let _ = write!(shapes.dots, "<use href=\"#{}\" x=\"{}\"/>", id(character), n(x));
        } else if let Some(Lines { heavy, path }) = lines(character) {
            let shapes = self.shapes.entry(ink.clone()).or_default();
            let lines = if heavy { &mut shapes.heavy_lines } else { &mut shapes.light_lines };
            for (command, points) in path {
                lines.push(command);
                let points: Vec<String> = points
                    .iter()
                    .map(|(column, row)| format!("{} {}", n(column.mul_add(width, x)), n(row * height)))
                    .collect();
                lines.push_str(&points.join(" "));
            }
        } else {
            return false;
        }
        true
    }

    fn finish(self) -> String {
        let mut svg = self.backgrounds;
        let opacity = |ink: &Ink| match ink.opacity {
            100 => String::new(),
            percent => format!(" opacity=\".{percent:02}\""),
        };
        let foreground = self.palette.foreground;
        for (ink, shapes) in &self.shapes {
            let (colour, opacity) = (ink.colour.as_deref().unwrap_or(foreground), opacity(ink));
            if !shapes.areas.is_empty() {
                let _ = write!(svg, "<path fill=\"{colour}\"{opacity} d=\"{}\"/>", shapes.areas);
            }
            if !shapes.dots.is_empty() {
                let _ = write!(svg, "<g class=\"d\" stroke=\"{colour}\"{opacity}>{}</g>", shapes.dots);
            }
            for (class, path) in [("l", &shapes.light_lines), ("h", &shapes.heavy_lines)] {
                if !path.is_empty() {
                    let _ =
                        write!(svg, "<path class=\"{class}\" stroke=\"{colour}\"{opacity} d=\"{path}\"/>");
                }
            }
        }
        for ((ink, bold), (columns, text)) in &self.texts {
            let fill = ink.colour.as_ref().map_or_else(String::new, |colour| format!(" fill=\"{colour}\""));
            let class = if *bold { " class=\"b\"" } else { "" };
            let _ = write!(
                svg,
                "<text y=\"{}\"{class}{fill}{} x=\"{}\">{text}</text>",
                n(CELL.1 * 0.76),
                opacity(ink),
                columns.join(" ")
            );
        }
        svg
    }

    fn colour(&self, colour: Color) -> Option<String> {
        let ansi = |index: usize| Some(self.palette.ansi[index].to_owned());
        match colour {
            Color::Reset => None,
            Color::Black => ansi(0),
            Color::Red => ansi(1),
            Color::Green => ansi(2),
            Color::Yellow => ansi(3),
            Color::Blue => ansi(4),
            Color::Magenta => ansi(5),
            Color::Cyan => ansi(6),
            Color::Gray => ansi(7),
            Color::DarkGray => ansi(8),
            Color::LightRed => ansi(9),
            Color::LightGreen => ansi(10),
            Color::LightYellow => ansi(11),
            Color::LightBlue => ansi(12),
            Color::LightMagenta => ansi(13),
            Color::LightCyan => ansi(14),
            Color::White => ansi(15),
            other => panic!("the dashboard uses the sixteen colours of a terminal only: {other:?}"),
        }
    }
}
