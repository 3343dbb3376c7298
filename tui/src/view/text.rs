//! Numbers and durations as people read them, and the rows that they are written into.

use std::borrow::Cow;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::theme::{Ink, style};
pub(super) use super::words::{fit, fit_end, max_scroll, phrase, put_newest, put_wrapped, wrap, wrap_spans};
use dashboard::ui::appearance::Theme;

/// Text in an ink.
pub(super) fn span<'a>(theme: Theme, ink: Ink, text: impl Into<Cow<'a, str>>) -> Span<'a> {
    let text = text.into();
    // Without colours some inks are reversed, which would turn the room kept for a mark into a block.
    let ink = if text.trim().is_empty() { Ink::Text } else { ink };
    Span::styled(text, style(theme, ink))
}

/// A whole number with a thin comma at the thousands; from a million on in millions.
pub(super) fn count(value: f64) -> String {
    let rounded = value.round();
    if rounded.abs() >= 1e15 {
        return "huge".to_owned();
    }
    if rounded.abs() >= 1e7 {
        return format!("{:.1}M", value / 1e6);
    }
    let digits = format!("{:.0}", rounded.abs());
    let mut text = String::from(if rounded < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A value in milli-units: whole numbers as they are, others with as many digits as they have.
pub(super) fn milli(value: i64) -> String {
    if value % 1_000 == 0 {
        return count(value as f64 / 1_000.0);
    }
    let text = format!("{:.3}", value as f64 / 1_000.0);
    text.trim_end_matches('0').to_owned()
}

/// A duration that is being measured: milliseconds, then tenths of seconds, then minutes.
pub(super) fn measured(duration: Duration) -> String {
    let ms = duration.as_millis();
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..100_000 => format!("{:.1} s", duration.as_secs_f64()),
        _ => coarse(duration),
    }
}

/// A duration in the two largest of its units, in whole seconds.
pub(super) fn coarse(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..100 => format!("{seconds} s"),
        100..6_000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        6_000..360_000 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// An age in its largest unit, as kubectl shows it: it stands still most of the time.
pub(super) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        7_200..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Columns that spans take.
pub(super) fn width(spans: &[Span<'_>]) -> u16 {
    u16::try_from(spans.iter().map(|span| span.content.width()).sum::<usize>()).unwrap_or(u16::MAX)
}

/// Writes spans into one row from its left end. Where they do not fit they end in `…`, after a whole word if that is
/// possible, so that nothing is cut without a sign. Returns the column after them.
pub(super) fn put(buffer: &mut Buffer, row: Rect, spans: Vec<Span<'_>>) -> u16 {
    if row.is_empty() {
        return row.x;
    }
    let room = usize::from(row.width);
    let spans = if width(&spans) > row.width { cut(spans, room) } else { spans };
    buffer.set_line(row.x, row.y, &Line::from(spans), row.width).0
}

/// Spans that are too wide, cut as [`fit`] cuts their text.
fn cut(spans: Vec<Span<'_>>, room: usize) -> Vec<Span<'_>> {
    let text: String = spans.iter().map(|span| span.content.as_ref()).collect();
    let kept = fit(text.trim_end(), room);
    // In one column a sign would say less than a letter.
    let Some(kept) = kept.strip_suffix('…').filter(|_| room > 1) else { return spans };
    let mut left = kept.len();
    let mut shown = Vec::new();
    for span in spans {
        if left < span.content.len() {
            shown.push(Span::styled(format!("{}…", &span.content[..left]), span.style));
            break;
        }
        left -= span.content.len();
        shown.push(span);
    }
    shown
}

/// Writes spans into one row at its right end.
pub(super) fn put_right(buffer: &mut Buffer, row: Rect, spans: Vec<Span<'_>>) {
    let width = width(&spans).min(row.width);
    put(buffer, Rect { x: row.right() - width, width, ..row }, spans);
}

/// Parts with gaps between them, as many from the front as fit into `room` columns.
pub(super) fn parts<'a>(parts: impl IntoIterator<Item = Vec<Span<'a>>>, room: u16) -> Vec<Span<'a>> {
    let mut spans: Vec<Span<'a>> = Vec::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        let gap = if spans.is_empty() { 0 } else { 3 };
        if width(&spans) + gap + width(&part) > room {
            break;
        }
        if gap > 0 {
            spans.push(Span::raw("   "));
        }
        spans.extend(part);
    }
    spans
}

/// As many of the parts as fit, and a sign if some do not. Of one that is long the beginning is shown where there is room for
/// one: a sentence says something by it, which a figure without its word does not.
pub(super) fn fitted(all: &[Vec<Span<'static>>], theme: Theme, room: u16) -> Vec<Span<'static>> {
    const LONG: u16 = 24;
    const BEGINNING: u16 = 12;
    let whole = parts(all.iter().cloned(), u16::MAX);
    if width(&whole) <= room {
        return whole;
    }
    let mut shown: Vec<Span<'static>> = Vec::new();
    for part in all.iter().filter(|part| !part.is_empty()) {
        let gap = if shown.is_empty() { 0 } else { 3 };
        let left = room.saturating_sub(width(&shown) + gap);
        let fits = width(part) + 2 <= left;
        let is_shortened = shown.is_empty() || (width(part) >= LONG && left >= BEGINNING);
        if !fits && !is_shortened {
            break;
        }
        if gap > 0 {
            shown.push(Span::raw("   "));
        }
        if !fits {
            shown.extend(cut(part.clone(), left.into()));
            return shown;
        }
        shown.extend(part.iter().cloned());
    }
    shown.push(span(theme, Ink::Dim, " …"));
    shown
}

/// A title line: `── title ──────── note ──`, the note only where there is room.
pub(super) fn rule(buffer: &mut Buffer, row: Rect, theme: Theme, title: &str, note: Vec<Span<'_>>) {
    if row.is_empty() {
        return;
    }
    let line = style(theme, Ink::Rule);
    for x in row.left()..row.right() {
        set(buffer, x, row.y, '─', line);
    }
    let inner = Rect { x: row.x + 2.min(row.width), width: row.width.saturating_sub(3), height: 1, ..row };
    let head = format!(" {title} ");
    let after = put(buffer, inner, vec![span(theme, Ink::Title, fit(&head, inner.width as usize))]);
    let needed = width(&note) + 2;
    if !note.is_empty() && after + needed < inner.right() {
        let mut spans = vec![Span::raw(" ")];
        spans.extend(note);
        spans.push(Span::raw(" "));
        put_right(buffer, inner, spans);
    }
}

/// In the last row of an area says how many more rows there would be, if it is not high enough for `needed`.
pub(super) fn more_rows(buffer: &mut Buffer, area: Rect, theme: Theme, needed: u16) {
    if needed <= area.height || area.is_empty() {
        return;
    }
    let hidden = needed - area.height + 1;
    let text = format!(" ⋮ {hidden} more rows in a higher window");
    let last = row(area, area.height - 1);
    put(buffer, last, vec![Span::raw(" ".repeat(last.width.into()))]);
    put(buffer, last, vec![span(theme, Ink::Dim, text)]);
}

/// Sets one cell, if it is on the buffer.
pub(super) fn set(buffer: &mut Buffer, x: u16, y: u16, symbol: char, style: Style) {
    if let Some(cell) = buffer.cell_mut((x, y)) {
        cell.set_char(symbol).set_style(style);
    }
}

/// The `index`th row of an area; empty when the area has no such row.
pub(super) fn row(area: Rect, index: u16) -> Rect {
    if index < area.height {
        Rect { y: area.y + index, height: 1, ..area }
    } else {
        Rect { height: 0, ..area }
    }
}

/// The area without its first `count` rows.
pub(super) fn below(area: Rect, count: u16) -> Rect {
    let count = count.min(area.height);
    Rect { y: area.y + count, height: area.height - count, ..area }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Modifier;

    use super::*;

    #[test]
    fn room_kept_for_a_mark_is_not_reversed() {
        for (mark, is_reversed) in [("  ", false), ("▸ ", true)] {
            let style = span(Theme::Mono, Ink::Lit, mark).style;
            assert_eq!(style.add_modifier.contains(Modifier::REVERSED), is_reversed, "{mark:?}");
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [
            (0.0, "0"),
            (999.4, "999"),
            (1_000.0, "1,000"),
            (-1_234_567.0, "-1,234,567"),
            (12_345_678.0, "12.3M"),
            (1e300, "huge"),
        ] {
            assert_eq!(count(value), text);
        }
        for (value, text) in [(20_000, "20"), (16_667, "16.667"), (500, "0.5"), (1_500_000, "1,500")] {
            assert_eq!(milli(value), text);
        }
    }

    #[test]
    fn durations_have_the_digits_that_matter() {
        let ms = Duration::from_millis;
        for (duration, text) in
            [(ms(41), "41 ms"), (ms(1_340), "1.3 s"), (ms(61_200), "61.2 s"), (ms(125_000), "2m05s")]
        {
            assert_eq!(measured(duration), text);
        }
        for (seconds, text) in [(7, "7 s"), (99, "99 s"), (125, "2m05s"), (7_260, "2h01m"), (900_000, "10d")]
        {
            assert_eq!(coarse(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn ages_have_one_unit() {
        for (seconds, text) in
            [(0, "0s"), (119, "119s"), (120, "2m"), (7_199, "119m"), (7_200, "2h"), (900_000, "10d")]
        {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn rows_that_are_cut_off_at_the_foot_are_told() {
        for (needed, last) in
            [(2, "two"), (3, " ⋮ 2 more rows in a higher window"), (9, " ⋮ 8 more rows in a higher window")]
        {
            let area = Rect::new(0, 0, 40, 2);
            let mut buffer = Buffer::empty(area);
            put(&mut buffer, row(area, 1), vec![Span::raw("two")]);
            more_rows(&mut buffer, area, Theme::Mono, needed);
            let line: String = (0..40).map(|x| buffer[(x, 1)].symbol()).collect();
            assert_eq!(line.trim_end(), last);
        }
    }

    #[test]
    fn of_parts_the_first_are_kept_and_a_long_one_is_shortened() {
        let all = ["0/50 accepted", "waits: no pod behind Service producer is ready", "3 failed"]
            .map(|text| vec![Span::raw(text)]);
        for (room, shown) in [
            (80, "0/50 accepted   waits: no pod behind Service producer is ready   3 failed"),
            (70, "0/50 accepted   waits: no pod behind Service producer is ready …"),
            (40, "0/50 accepted   waits: no pod behind …"),
            (24, "0/50 accepted …"),
            (8, "0/50 …"),
        ] {
            let text: String =
                fitted(&all, Theme::Mono, room).iter().map(|span| span.content.as_ref()).collect();
            assert_eq!(text, shown, "in {room}");
            assert!(text.width() <= room.into(), "in {room}");
        }
    }

    #[test]
    fn what_does_not_fit_ends_in_a_sign() {
        for (text, width, shown) in [
            ("hello", 5, "hello"),
            ("hello", 4, "hel…"),
            ("abc   ", 4, "abc "),
            ("a日本", 4, "a日…"),
            ("ab", 1, "a"),
        ] {
            let area = Rect::new(0, 0, width, 1);
            let mut buffer = Buffer::empty(area);
            put(&mut buffer, area, vec![Span::raw(text)]);
            let mut cells: String = String::new();
            let mut x = 0;
            while x < width {
                let symbol = buffer[(x, 0)].symbol();
                cells.push_str(symbol);
                x += symbol.width().max(1) as u16;
            }
            assert_eq!(cells, shown, "{text} in {width}");
        }
    }
}
