//! The escape sequences that draw the difference of two frames, in few bytes: a slow line takes long for each.
//!
//! crossterm's backend writes each colour as one of 256 together with its background, each position in full, and four resets at
//! the end of a frame. Here the sixteen colours have their short codes, only changes to the cell before are written, a position
//! on the same row is its column, and blank cells keep the current colour: about half the bytes for the same picture.

use std::fmt::Write as _;
use std::ops::Range;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr as _;

/// The modifiers that are visible on a blank cell.
const ON_BLANKS: Modifier = Modifier::REVERSED.union(Modifier::UNDERLINED).union(Modifier::CROSSED_OUT);

/// The terminal's current style.
#[derive(Clone, Copy, PartialEq)]
struct Pen {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

const PLAIN: Pen = Pen { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

impl Pen {
    fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, modifier: cell.modifier }
    }

    /// Returns true if a blank looks the same in both styles.
    fn blank_is_as(self, other: Self) -> bool {
        self.bg == other.bg && self.modifier & ON_BLANKS == other.modifier & ON_BLANKS
    }

    /// Writes the codes that change the style from `before` to this one.
    fn change(self, before: Self, out: &mut String) {
        if self == PLAIN {
            out.push_str("\x1b[m");
            return;
        }
        let mut from = before;
        let mut codes = Codes { out, first: true };
        // No single code removes one modifier of each kind.
        if !(before.modifier - self.modifier).is_empty() {
            codes.add(0);
            from = PLAIN;
        }
        // The codes count from 1 in the order of the bits.
        for one in (self.modifier - from.modifier).iter() {
            codes.add(one.bits().trailing_zeros() + 1);
        }
        if self.fg != from.fg {
            codes.colour(self.fg, 30);
        }
        if self.bg != from.bg {
            codes.colour(self.bg, 40);
        }
        codes.out.push('m');
    }
}

/// The numbers of one sequence for colours and modifiers.
struct Codes<'a> {
    out: &'a mut String,
    first: bool,
}

impl Codes<'_> {
    fn add(&mut self, code: u32) {
        self.out.push_str(if self.first { "\x1b[" } else { ";" });
        self.first = false;
        number(self.out, code);
    }

    /// Adds a colour. `base` is 30 for the text and 40 for the background.
    fn colour(&mut self, colour: Color, base: u32) {
        let dark = |n: u32| base + n;
        let bright = |n: u32| base + 60 + n;
        match colour {
            Color::Reset => self.add(base + 9),
            Color::Black => self.add(dark(0)),
            Color::Red => self.add(dark(1)),
            Color::Green => self.add(dark(2)),
            Color::Yellow => self.add(dark(3)),
            Color::Blue => self.add(dark(4)),
            Color::Magenta => self.add(dark(5)),
            Color::Cyan => self.add(dark(6)),
            Color::Gray => self.add(dark(7)),
            Color::DarkGray => self.add(bright(0)),
            Color::LightRed => self.add(bright(1)),
            Color::LightGreen => self.add(bright(2)),
            Color::LightYellow => self.add(bright(3)),
            Color::LightBlue => self.add(bright(4)),
            Color::LightMagenta => self.add(bright(5)),
            Color::LightCyan => self.add(bright(6)),
            Color::White => self.add(bright(7)),
            Color::Indexed(index) => [base + 8, 5, index.into()].into_iter().for_each(|code| self.add(code)),
            Color::Rgb(red, green, blue) => {
                [base + 8, 2, red.into(), green.into(), blue.into()]
                    .into_iter()
                    .for_each(|code| self.add(code));
            }
        }
    }
}

fn number(out: &mut String, number: u32) {
    // Writing to a string does not fail.
    let _written = write!(out, "{number}");
}

/// Appends the codes that turn the picture of one buffer into that of another of the same size. The style is plain before and
/// after.
pub(super) fn write(out: &mut String, shown: &Buffer, next: &Buffer) {
    let mut pen = PLAIN;
    // The position of the terminal's cursor, if it is known.
    let mut place = None;
    for (x, y, cell) in shown.diff_iter(next) {
        match place {
            Some((column, row)) if (column, row) == (x, y) => {}
            Some((column, row)) if row == y && bridge(out, next, pen, column..x, y) => {}
            Some((_, row)) if row == y => {
                out.push_str("\x1b[");
                number(out, u32::from(x) + 1);
                out.push('G');
            }
            _ => {
                out.push_str("\x1b[");
                number(out, u32::from(y) + 1);
                out.push(';');
                number(out, u32::from(x) + 1);
                out.push('H');
            }
        }
        let wanted = Pen::of(cell);
        if wanted != pen && !(cell.symbol() == " " && wanted.blank_is_as(pen)) {
            wanted.change(pen, out);
            pen = wanted;
        }
        out.push_str(cell.symbol());
        // Terminals disagree about the width of some characters: after a wide one the position is written.
        place = Some((if cell.symbol().width() == 1 { x + 1 } else { u16::MAX }, y));
    }
    if pen != PLAIN {
        out.push_str("\x1b[m");
    }
}

/// Writes the unchanged cells of a gap again, where that takes fewer bytes than the position behind it.
fn bridge(out: &mut String, next: &Buffer, pen: Pen, gap: Range<u16>, y: u16) -> bool {
    const LEAST_MOVE: usize = "\x1b[1G".len();
    let cells = || gap.clone().filter_map(|x| next.cell((x, y)));
    let fits = |cell: &Cell| {
        let same = Pen::of(cell) == pen || (cell.symbol() == " " && Pen::of(cell).blank_is_as(pen));
        same && cell.symbol().width() == 1
    };
    // An unknown position is far to the right: the gap is empty.
    let can = !gap.is_empty()
        && gap.len() < LEAST_MOVE
        && cells().map(|cell| cell.symbol().len()).sum::<usize>() < LEAST_MOVE
        && cells().all(fits);
    if can {
        cells().for_each(|cell| out.push_str(cell.symbol()));
    }
    can
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;
    use testkit::vt100;

    use super::*;

    const SIZE: (u16, u16) = (12, 3);

    fn buffer() -> Buffer {
        Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1))
    }

    fn drawn(before: &Buffer, after: &Buffer) -> String {
        let mut out = String::new();
        write(&mut out, before, after);
        out
    }

    #[test]
    fn sequences_are_short() {
        let mut next = buffer();
        next.set_string(2, 1, "ab", Style::new().fg(Color::LightCyan).add_modifier(Modifier::BOLD));
        next.set_string(6, 1, "c", Style::new().fg(Color::LightCyan));
        next.set_string(7, 1, "d", Style::new());
        assert_eq!(drawn(&buffer(), &next), "\x1b[2;3H\x1b[1;96mab  \x1b[0;96mc\x1b[md");
        // Across a short gap the cells are shorter than the position.
        let mut dotted = next.clone();
        dotted.set_string(8, 2, "⠄ ⠄", Style::new());
        assert_eq!(drawn(&next, &dotted), "\x1b[3;9H⠄ ⠄");
        // Cleared cells need no colour.
        let mut cleared = next.clone();
        cleared.set_string(2, 1, "  ", Style::new().fg(Color::Red));
        assert_eq!(drawn(&next, &cleared), "\x1b[2;3H  ");
        // Terminals disagree about the width of a wide character.
        let mut wide = next.clone();
        wide.set_string(0, 0, "日x", Style::new());
        assert_eq!(drawn(&next, &wide), "\x1b[1;1H日\x1b[3Gx");
        // A background is visible behind blanks.
        let mut lit = next.clone();
        lit.set_string(0, 0, " ", Style::new().bg(Color::Blue));
        assert_eq!(drawn(&next, &lit), "\x1b[1;1H\x1b[44m \x1b[m");
    }

    fn colours() -> impl Strategy<Value = Color> {
        prop_oneof![
            Just(Color::Reset),
            Just(Color::DarkGray),
            Just(Color::Gray),
            Just(Color::Red),
            Just(Color::LightYellow),
            Just(Color::White),
            any::<u8>().prop_map(Color::Indexed),
            any::<(u8, u8, u8)>().prop_map(|(red, green, blue)| Color::Rgb(red, green, blue)),
        ]
    }

    fn pieces() -> impl Strategy<Value = Vec<(u16, u16, &'static str, Style)>> {
        let modifier = prop_oneof![
            Just(Modifier::empty()),
            Just(Modifier::BOLD),
            Just(Modifier::REVERSED),
            Just(Modifier::UNDERLINED | Modifier::DIM),
        ];
        let style = (colours(), colours(), modifier)
            // The test's terminal has no cell that is bold and dim.
            .prop_map(|(fg, bg, modifier)| Style::reset().fg(fg).bg(bg).add_modifier(modifier));
        let text = prop_oneof![Just("a"), Just("  "), Just("⣿x"), Just("│ "), Just("wörd")];
        prop::collection::vec((0..SIZE.0, 0..SIZE.1, text, style), 0..12)
    }

    fn painted(pieces: &[(u16, u16, &str, Style)]) -> Buffer {
        let mut buffer = buffer();
        for (x, y, text, style) in pieces {
            buffer.set_string(*x, *y, text, *style);
        }
        buffer
    }

    fn expected(colour: Color) -> vt100::Color {
        match colour {
            Color::Reset => vt100::Color::Default,
            Color::Red => vt100::Color::Idx(1),
            Color::Gray => vt100::Color::Idx(7),
            Color::DarkGray => vt100::Color::Idx(8),
            Color::LightYellow => vt100::Color::Idx(11),
            Color::White => vt100::Color::Idx(15),
            Color::Indexed(index) => vt100::Color::Idx(index),
            Color::Rgb(red, green, blue) => vt100::Color::Rgb(red, green, blue),
            other => unreachable!("{other} is not painted"),
        }
    }

    proptest! {
        #[test]
        fn a_terminal_shows_every_frame_as_drawn(frames in prop::collection::vec(pieces(), 1..4)) {
            let mut parser = vt100::Parser::new(SIZE.1.try_into().unwrap(), SIZE.0.try_into().unwrap(), 0);
            let mut shown = buffer();
            for frame in frames {
                let next = painted(&frame);
                parser.process(drawn(&shown, &next).as_bytes());
                let screen = parser.screen();
                for (index, cell) in next.content.iter().enumerate() {
                    let (column, y) = next.pos_of(index);
                    let on_screen = screen.cell(y, column).unwrap();
                    let text = if on_screen.has_contents() { on_screen.contents() } else { " " };
                    prop_assert_eq!(text, cell.symbol(), "at {},{}", column, y);
                    prop_assert_eq!(on_screen.bgcolor(), expected(cell.bg));
                    prop_assert_eq!(on_screen.inverse(), cell.modifier.contains(Modifier::REVERSED));
                    prop_assert_eq!(on_screen.underline(), cell.modifier.contains(Modifier::UNDERLINED));
                    if cell.symbol() != " " {
                        prop_assert_eq!(on_screen.fgcolor(), expected(cell.fg));
                        prop_assert_eq!(on_screen.bold(), cell.modifier.contains(Modifier::BOLD));
                        prop_assert_eq!(on_screen.dim(), cell.modifier.contains(Modifier::DIM));
                    }
                }
                shown = next;
            }
        }
    }
}
