//! Draws the README's picture: a real frame of the dashboard on a sandbox during a burst, as SVG.
//!
//! `cargo run -p tui --example picture -- docs/dashboard.svg` needs the binary: `cargo build -p tui` first.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use testkit::pty::Pty;
use testkit::vt100::{Cell, Color, Screen};

/// Columns and rows of the frame.
const SIZE: (u16, u16) = (120, 40);
/// Width and height of a cell, in SVG units.
const CELL: (f32, f32) = (8.4, 17.0);
/// Space around the frame.
const MARGIN: f32 = 12.0;
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d8dee9";
/// The sixteen ANSI colours.
const PALETTE: [&str; 16] = [
    "#2e3440", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4", "#7f848e",
    "#ef8a92", "#b5d99c", "#f0d399", "#84c5f7", "#d79be8", "#7fd0da", "#ffffff",
];

fn main() -> anyhow::Result<()> {
    let output = std::env::args_os().nth(1).map(PathBuf::from).context("usage: picture FILE.svg")?;
    let surge = surge()?;
    let surge = surge.to_str().context("the path of the target folder is not UTF-8")?;
    let intervals =
        ["--sandbox", "--sync-period", "5s", "--scale-down-window", "15s", "--work-duration", "3s"];
    let mut pty = Pty::spawn(surge, &intervals, &[("COLORTERM", "")], SIZE)?;
    pty.wait_for("the first reading", |screen| screen.contains("0/20 (avg)"));
    pty.send("4 ")?;
    // After the scale-up and before the scale-down, the frame shows the most.
    pty.wait_for("workers", |screen| screen.contains("SuccessfulRescale") || screen.contains("New size"));
    std::thread::sleep(std::time::Duration::from_secs(30));
    let svg = pty.with_screen(svg);
    pty.send("q")?;
    pty.exit_code();
    if let Some(folder) = output.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&output, svg).with_context(|| format!("writing {}", output.display()))
}

/// The path of the binary `surge`, which is in the parent of the examples' folder.
fn surge() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder =
        own.parent().and_then(std::path::Path::parent).context("this example is not in a target folder")?;
    let surge = folder.join("surge");
    anyhow::ensure!(surge.exists(), "{} is missing: cargo build -p tui", surge.display());
    Ok(surge)
}

/// The colour of shapes and text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Ink {
    colour: String,
    /// Opacity in percent.
    opacity: u8,
}

/// SVG path data of the shapes in one ink.
#[derive(Default)]
struct Shapes {
    areas: String,
    /// Braille dots, as strokes of almost no length with round ends.
    dots: String,
    light_lines: String,
    heavy_lines: String,
}

/// A frame as SVG. Characters that draw (braille, blocks, box lines) become shapes, so that they fit together in every
/// font. Each other character gets the x position of its column, because some renderers ignore `textLength`.
#[derive(Default)]
struct Drawing {
    backgrounds: String,
    shapes: BTreeMap<Ink, Shapes>,
    /// Text elements by ink and weight.
    texts: BTreeMap<(Ink, bool), String>,
}

fn svg(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let mut drawing = Drawing::default();
    for row in 0..rows {
        let mut words = Words::default();
        for column in 0..columns {
            let Some(cell) = screen.cell(row, column) else { break };
            let position =
                (f32::from(column).mul_add(CELL.0, MARGIN), f32::from(row).mul_add(CELL.1, MARGIN));
            drawing.add(cell, position, &mut words);
        }
        words.finish(&mut drawing.texts);
    }
    let width = f32::from(columns).mul_add(CELL.0, 2.0 * MARGIN);
    let height = f32::from(rows).mul_add(CELL.1, 2.0 * MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace,'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace\" font-size=\"14\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n{drawing}</svg>\n"
    )
}

impl Drawing {
    fn add(&mut self, cell: &Cell, (x, y): (f32, f32), words: &mut Words) {
        let (mut foreground, mut background) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
        if cell.inverse() {
            let old = foreground.take().unwrap_or_else(|| FOREGROUND.to_owned());
            foreground = Some(background.take().unwrap_or_else(|| BACKGROUND.to_owned()));
            background = Some(old);
        }
        // Writing to a string does not fail.
        if let Some(background) = background {
            let _ = writeln!(
                self.backgrounds,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{}\" height=\"{}\" fill=\"{background}\"/>",
                CELL.0, CELL.1
            );
        }
        let ink = Ink {
            colour: foreground.unwrap_or_else(|| FOREGROUND.to_owned()),
            opacity: if cell.dim() { 60 } else { 100 },
        };
        if cell.underline() {
            let lines = &mut self.shapes.entry(ink.clone()).or_default().light_lines;
            let _ = write!(lines, "M{x:.1} {:.1}h{}", CELL.1.mul_add(0.88, y), CELL.0);
        }
        let Some(character) = cell.contents().chars().next().filter(|character| !character.is_whitespace())
        else {
            return words.blank(&mut self.texts);
        };
        if self.shape(character, &ink, (x, y)) {
            words.finish(&mut self.texts);
        } else {
            words.push((ink, cell.bold()), (x, y), cell.contents(), &mut self.texts);
        }
    }

    /// Draws the character, if it is one that draws.
    fn shape(&mut self, character: char, ink: &Ink, (x, y): (f32, f32)) -> bool {
        let (width, height) = CELL;
        let rectangle = |[left, top, right, bottom]: [f32; 4]| {
            format!(
                "M{:.1} {:.1}h{:.1}v{:.1}h{:.1}z",
                left.mul_add(width, x),
                top.mul_add(height, y),
                (right - left) * width,
                (bottom - top) * height,
                (left - right) * width,
            )
        };
        if let Some((opacity, areas)) = block(character) {
            let opacity = u8::try_from(u32::from(ink.opacity) * opacity / 100).unwrap_or(100);
            let shapes = self.shapes.entry(Ink { opacity, ..ink.clone() }).or_default();
            shapes.areas.extend(areas.into_iter().map(rectangle));
        } else if let Some(dots) = braille(character) {
            let shapes = self.shapes.entry(ink.clone()).or_default();
            for (column, row) in dots {
                let (x, y) = (column.mul_add(width, x), row.mul_add(height, y));
                let _ = write!(shapes.dots, "M{x:.1} {y:.1}h.01");
            }
        } else if let Some(Lines { heavy, path }) = lines(character) {
            let shapes = self.shapes.entry(ink.clone()).or_default();
            let lines = if heavy { &mut shapes.heavy_lines } else { &mut shapes.light_lines };
            for (command, points) in path {
                lines.push(command);
                let points = points.iter().map(|(column, row)| {
                    format!("{:.1} {:.1}", column.mul_add(width, x), row.mul_add(height, y))
                });
                lines.push_str(&points.collect::<Vec<_>>().join(" "));
            }
        } else {
            return false;
        }
        true
    }
}

impl std::fmt::Display for Drawing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.backgrounds)?;
        let opacity = |ink: &Ink| match ink.opacity {
            100 => String::new(),
            percent => format!(" opacity=\"0.{percent:02}\""),
        };
        for (ink, Shapes { areas, dots, light_lines, heavy_lines }) in &self.shapes {
            let (colour, opacity) = (&ink.colour, opacity(ink));
            if !areas.is_empty() {
                writeln!(f, "<path fill=\"{colour}\"{opacity} d=\"{areas}\"/>")?;
            }
            for (path, width, end) in
                [(dots, 2.6, "round"), (light_lines, 1.1, "square"), (heavy_lines, 2.4, "butt")]
            {
                if !path.is_empty() {
                    writeln!(
                        f,
                        "<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" \
                         stroke-linecap=\"{end}\"{opacity} d=\"{path}\"/>"
                    )?;
                }
            }
        }
        for ((ink, bold), texts) in &self.texts {
            let weight = if *bold { " font-weight=\"bold\"" } else { "" };
            writeln!(f, "<g fill=\"{}\"{}{weight}>\n{texts}</g>", ink.colour, opacity(ink))?;
        }
        Ok(())
    }
}

/// Characters in one style that follow each other, with at most one blank between them.
#[derive(Default)]
struct Words {
    style: Option<(Ink, bool)>,
    y: f32,
    columns: Vec<f32>,
    text: String,
    blank: bool,
}

impl Words {
    fn push(
        &mut self,
        style: (Ink, bool),
        (x, y): (f32, f32),
        text: &str,
        texts: &mut BTreeMap<(Ink, bool), String>,
    ) {
        if self.style.as_ref() != Some(&style) {
            self.finish(texts);
        }
        if std::mem::take(&mut self.blank) && !self.text.is_empty() {
            self.columns.push(x - CELL.0);
            self.text.push(' ');
        }
        (self.style, self.y) = (Some(style), y);
        // A further position would be for the next character, which a combining mark is not.
        self.columns.push(x);
        self.text.push_str(text);
    }

    fn blank(&mut self, texts: &mut BTreeMap<(Ink, bool), String>) {
        if self.blank {
            self.finish(texts);
        }
        self.blank = true;
    }

    fn finish(&mut self, texts: &mut BTreeMap<(Ink, bool), String>) {
        let words = std::mem::take(self);
        let Some(style) = words.style else { return };
        let columns: Vec<String> = words.columns.iter().map(|x| format!("{x:.1}")).collect();
        let text = words.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = writeln!(
            texts.entry(style).or_default(),
            "<text y=\"{:.1}\" x=\"{}\">{text}</text>",
            CELL.1.mul_add(0.76, words.y),
            columns.join(" ")
        );
    }
}

/// The dots of a braille character, in parts of a cell.
fn braille(character: char) -> Option<Vec<(f32, f32)>> {
    const DOTS: [(u8, u8); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    let bits = u32::from(character).checked_sub(0x2800).filter(|bits| *bits < 0x100)?;
    let dots = DOTS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    let place =
        |(column, row): (u8, u8)| (f32::from(column).mul_add(0.5, 0.25), f32::from(row).mul_add(0.25, 0.125));
    Some(dots.map(|(_, dot)| place(*dot)).collect())
}

/// Opacity in percent, and rectangles (left, top, right, bottom) in parts of a cell.
fn block(character: char) -> Option<(u32, Vec<[f32; 4]>)> {
    let eighths =
        |from: char| f32::from(u8::try_from(u32::from(character) - u32::from(from) + 1).unwrap_or(8)) / 8.0;
    let quadrant = |bits: u8| {
        const QUADRANTS: [[f32; 4]; 4] =
            [[0.0, 0.0, 0.5, 0.5], [0.5, 0.0, 1.0, 0.5], [0.0, 0.5, 0.5, 1.0], [0.5, 0.5, 1.0, 1.0]];
        let set = QUADRANTS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
        set.map(|(_, quadrant)| *quadrant).collect()
    };
    const WHOLE: [f32; 4] = [0.0, 0.0, 1.0, 1.0];
    Some(match character {
        '▀' => (100, vec![[0.0, 0.0, 1.0, 0.5]]),
        '▁'..='█' => (100, vec![[0.0, 1.0 - eighths('▁'), 1.0, 1.0]]),
        '▉'..='▏' => (100, vec![[0.0, 0.0, 1.0 - eighths('▉'), 1.0]]),
        '▐' => (100, vec![[0.5, 0.0, 1.0, 1.0]]),
        '░' => (25, vec![WHOLE]),
        '▒' => (50, vec![WHOLE]),
        '▓' => (75, vec![WHOLE]),
        '▖' => (100, quadrant(0b0100)),
        '▗' => (100, quadrant(0b1000)),
        '▘' => (100, quadrant(0b0001)),
        '▙' => (100, quadrant(0b1101)),
        '▚' => (100, quadrant(0b1001)),
        '▛' => (100, quadrant(0b0111)),
        '▜' => (100, quadrant(0b1011)),
        '▝' => (100, quadrant(0b0010)),
        '▞' => (100, quadrant(0b0110)),
        '▟' => (100, quadrant(0b1110)),
        _ => return None,
    })
}

/// The lines of a box-drawing character: SVG path commands with their points in parts of a cell.
struct Lines {
    heavy: bool,
    path: Vec<(char, Vec<(f32, f32)>)>,
}

fn lines(character: char) -> Option<Lines> {
    const CENTRE: (f32, f32) = (0.5, 0.5);
    let edge = |direction: char| match direction {
        'l' => (0.0, 0.5),
        'r' => (1.0, 0.5),
        'u' => (0.5, 0.0),
        _ => (0.5, 1.0),
    };
    let arms = |directions: &str| {
        directions.chars().flat_map(|to| [('M', vec![CENTRE]), ('L', vec![edge(to)])]).collect()
    };
    let curve = |from: char, to: char| vec![('M', vec![edge(from)]), ('Q', vec![CENTRE, edge(to)])];
    let dashes = |count: u8, upright: bool| {
        let point = |along: f32| if upright { (0.5, along) } else { (along, 0.5) };
        let starts = (0..count).map(|dash| (f32::from(dash) + 0.25) / f32::from(count));
        starts
            .flat_map(|start| [('M', vec![point(start)]), ('L', vec![point(start + 0.5 / f32::from(count))])])
            .collect()
    };
    let (heavy, path) = match character {
        '─' => (false, arms("lr")),
        '━' => (true, arms("lr")),
        '│' => (false, arms("ud")),
        '┃' => (true, arms("ud")),
        '┌' => (false, arms("rd")),
        '┐' => (false, arms("ld")),
        '└' => (false, arms("ru")),
        '┘' => (false, arms("lu")),
        '├' => (false, arms("urd")),
        '┤' => (false, arms("uld")),
        '┬' => (false, arms("lrd")),
        '┴' => (false, arms("lru")),
        '┼' => (false, arms("lrud")),
        '╸' => (true, arms("l")),
        '╺' => (true, arms("r")),
        '╭' => (false, curve('d', 'r')),
        '╮' => (false, curve('d', 'l')),
        '╰' => (false, curve('u', 'r')),
        '╯' => (false, curve('u', 'l')),
        '╌' => (false, dashes(2, false)),
        '╍' => (true, dashes(2, false)),
        '┄' => (false, dashes(3, false)),
        '┅' => (true, dashes(3, false)),
        '┈' => (false, dashes(4, false)),
        '┆' => (false, dashes(3, true)),
        '┊' => (false, dashes(4, true)),
        _ => return None,
    };
    Some(Lines { heavy, path })
}

fn colour(colour: Color) -> Option<String> {
    match colour {
        Color::Default => None,
        Color::Idx(index @ 0..16) => Some(PALETTE[usize::from(index)].to_owned()),
        Color::Idx(index @ 16..232) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = index - 16;
            Some(format!("#{:02x}{:02x}{:02x}", level(cube / 36), level(cube / 6 % 6), level(cube % 6)))
        }
        Color::Idx(index) => {
            let grey = 8 + 10 * (index - 232);
            Some(format!("#{grey:02x}{grey:02x}{grey:02x}"))
        }
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
    }
}
