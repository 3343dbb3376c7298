//! Makes the README's picture: the dashboard on a sandbox, a burst under way, as an SVG of a real frame.
//!
//! `cargo run -p tui --example picture -- docs/dashboard.svg` needs the binary: `cargo build -p tui` first.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use testkit::pty::Pty;
use testkit::vt100::{Cell, Color, Screen};

/// Columns and rows of the picture.
const SIZE: (u16, u16) = (120, 40);
/// One cell, in the picture's units.
const CELL: (f32, f32) = (8.4, 17.0);
/// Room around the frame.
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
    let surge = surge.to_str().context("the target folder's path is not text")?;
    let intervals =
        ["--sandbox", "--sync-period", "5s", "--scale-down-window", "15s", "--work-duration", "3s"];
    let mut pty = Pty::spawn(surge, &intervals, &[("COLORTERM", "")], SIZE)?;
    pty.wait_for("the first reading", |screen| screen.contains("0/20 (avg)"));
    pty.send("4 ")?;
    // Scaled up, draining, and not yet back: the frame with the most to see.
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

/// The binary beside this example's own folder.
fn surge() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder =
        own.parent().and_then(std::path::Path::parent).context("examples lie in the target folder")?;
    let surge = folder.join("surge");
    anyhow::ensure!(surge.exists(), "{} is missing: cargo build -p tui", surge.display());
    Ok(surge)
}

/// What runs of equal cells have in common.
#[derive(Clone, PartialEq)]
struct Style {
    foreground: String,
    background: Option<String>,
    bold: bool,
    dim: bool,
    underline: bool,
}

fn svg(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let width = f32::from(columns).mul_add(CELL.0, 2.0 * MARGIN);
    let height = f32::from(rows).mul_add(CELL.1, 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace,'DejaVu Sans Mono','Liberation Mono',Menlo,Consolas,monospace\" font-size=\"14\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let Some(first) = screen.cell(row, column) else { break };
            let style = style(first);
            let start = column;
            let mut text = String::new();
            while let Some(cell) = screen.cell(row, column).filter(|cell| self::style(cell) == style) {
                text.push_str(if cell.has_contents() { cell.contents() } else { " " });
                column += 1;
                // The second half of a wide character has no text of its own.
                column += u16::from(cell.is_wide());
            }
            run(&mut svg, (row, start), column - start, &text, &style);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn run(svg: &mut String, (row, column): (u16, u16), cells: u16, text: &str, style: &Style) {
    let (x, y) = (f32::from(column).mul_add(CELL.0, MARGIN), f32::from(row).mul_add(CELL.1, MARGIN));
    let length = f32::from(cells) * CELL.0;
    if let Some(background) = &style.background {
        let _infallible = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{}\" fill=\"{background}\"/>",
            CELL.1
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut attributes = String::new();
    for (set, attribute) in [
        (style.bold, " font-weight=\"bold\""),
        (style.dim, " opacity=\"0.6\""),
        (style.underline, " text-decoration=\"underline\""),
    ] {
        if set {
            attributes.push_str(attribute);
        }
    }
    let _infallible = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{length:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
         xml:space=\"preserve\" fill=\"{}\"{attributes}>{escaped}</text>",
        CELL.1.mul_add(0.76, y),
        style.foreground
    );
}

fn style(cell: &Cell) -> Style {
    let (mut foreground, mut background) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
    if cell.inverse() {
        let old = foreground.take().unwrap_or_else(|| FOREGROUND.to_owned());
        foreground = Some(background.take().unwrap_or_else(|| BACKGROUND.to_owned()));
        background = Some(old);
    }
    Style {
        foreground: foreground.unwrap_or_else(|| FOREGROUND.to_owned()),
        background,
        bold: cell.bold(),
        dim: cell.dim(),
        underline: cell.underline(),
    }
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
