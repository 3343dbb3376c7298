//! Text in the room that there is: whole words, the shorter of two phrasings, or more than one line. A word is cut only
//! where it alone takes most of the room.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::text::{put, row};

/// The text, or as many of its words as fit into `width` columns and `…`.
pub(super) fn fit(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    if width == 0 {
        return Cow::Borrowed("");
    }
    let mut cut = beginning(text, width - 1);
    // A word that goes on behind the cut is taken away, unless most of the room would stay empty then.
    let is_inside_word = !text[cut.len()..].starts_with(' ');
    if let Some(space) = cut.rfind(' ').filter(|_| is_inside_word)
        && !cut[..space].trim().is_empty()
        && 2 * cut[..space].width() >= width
    {
        cut = &cut[..=space];
    }
    // `a …` for words that are left out, `wor…` for a word that is cut.
    Cow::Owned(format!("{cut}…"))
}

/// The text, or `…` and its end, so that it fits into `width` columns: pods of one owner differ at the end.
pub(super) fn fit_end(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let tail = text.char_indices().rev().take_while(|(_, c)| {
        used += c.width().unwrap_or(0);
        used < width
    });
    let start = tail.last().map_or(text.len(), |(index, _)| index);
    if width > 0 { Cow::Owned(format!("…{}", &text[start..])) } else { Cow::Borrowed("") }
}

/// The first of the phrasings that fits into `width` columns; where none does, the last one's first words.
pub(super) fn phrase<T: AsRef<str>>(phrasings: &[T], width: usize) -> String {
    let fitting = phrasings.iter().map(AsRef::as_ref).find(|text| text.width() <= width);
    let shortest = || fit(phrasings.last().map_or("", AsRef::as_ref), width).into_owned();
    fitting.map_or_else(shortest, str::to_owned)
}

/// Words in lines of at most `width` columns; a word that is longer is broken, behind a sign where it has one.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let lines = wrap_spans(&[Span::raw(text)], width, 0);
    lines.into_iter().map(|spans| spans.into_iter().map(|span| span.content).collect()).collect()
}

/// The same with styles. Lines after the first begin with `indent` blanks; blanks at the text's own beginning stay.
pub(super) fn wrap_spans(spans: &[Span<'_>], width: usize, indent: usize) -> Vec<Vec<Span<'static>>> {
    let indent = if indent + 8 > width { 0 } else { indent };
    let mut lines: Vec<Vec<Span<'static>>> = Vec::new();
    if width < 2 {
        return lines;
    }
    let mut line = Line::default();
    for word in words(spans).into_iter().flat_map(|word| word.within(width)) {
        let gap = if line.is_blank() { 0 } else { word.gap };
        if line.used + gap + word.width() > width && !line.is_blank() {
            lines.push(std::mem::take(&mut line).spans);
            line.blanks(indent);
        } else if line.is_blank() && lines.is_empty() {
            line.blanks(word.gap.min(width / 2));
        } else {
            line.blanks(gap);
        }
        for (text, style) in word.pieces {
            for c in text.chars() {
                let columns = c.width().unwrap_or(0);
                if line.used + columns > width {
                    lines.push(std::mem::take(&mut line).spans);
                    line.blanks(indent);
                }
                line.push(c, columns, style);
            }
        }
    }
    if !line.is_blank() {
        lines.push(line.spans);
    }
    lines
}

/// Writes spans into as many rows of the area as they need, with `indent` blanks before all but the first. What does not
/// fit into the last of them ends in `…`. Returns the rows taken.
pub(super) fn put_wrapped(buffer: &mut Buffer, area: Rect, spans: &[Span<'_>], indent: usize) -> u16 {
    let lines = wrap_spans(spans, area.width.into(), indent);
    let shown = lines.len().min(area.height.into());
    for (index, mut line) in (0..area.height).zip(lines.iter().take(shown).cloned()) {
        if usize::from(index) + 1 == shown && lines.len() > shown {
            for rest in &lines[shown..] {
                line.push(Span::raw(" "));
                line.extend(rest.iter().cloned());
            }
        }
        put(buffer, row(area, index), line);
    }
    // At most the area's height.
    shown as u16
}

/// Fills an area from its bottom with entries that are broken into lines, the newest first; the topmost may have lost its
/// first lines. Where there are fewer they stand at the top.
pub(super) fn put_newest(
    buffer: &mut Buffer,
    area: Rect,
    newest: impl Iterator<Item = Vec<Vec<Span<'static>>>>,
) {
    let rows = usize::from(area.height);
    let mut lines: Vec<Vec<Span<'static>>> = Vec::new();
    for entry in newest {
        if lines.len() >= rows {
            break;
        }
        lines.extend(entry.into_iter().rev());
    }
    lines.truncate(rows);
    for (index, line) in (0..).zip(lines.into_iter().rev()) {
        put(buffer, row(area, index), line);
    }
}

/// How many of the newest of `all` entries can lie below so many rows, by the lines of each from the oldest on: then the oldest
/// stand in the rows in full.
pub(super) fn max_scroll(rows: u16, all: usize, oldest: impl Iterator<Item = usize>) -> usize {
    let mut left = usize::from(rows);
    let mut shown = 0;
    for lines in oldest {
        if lines > left {
            break;
        }
        left -= lines;
        shown += 1;
    }
    all.saturating_sub(shown.max(1))
}

/// The text's beginning in at most `width` columns.
fn beginning(text: &str, width: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > width
    });
    end.map_or(text, |(index, _)| &text[..index])
}

/// A word, with the blanks before it; its letters may have different styles.
#[derive(Default)]
struct Word<'a> {
    gap: usize,
    pieces: Vec<(&'a str, ratatui::style::Style)>,
}

impl Word<'_> {
    fn width(&self) -> usize {
        self.pieces.iter().map(|(text, _)| text.width()).sum()
    }
}

impl<'a> Word<'a> {
    /// The word, or where that is wider than a line its parts: paths, names and lists may end behind the signs that join
    /// them.
    fn within(self, width: usize) -> Vec<Self> {
        if self.width() <= width {
            return vec![self];
        }
        let joint = |c: char| ",:;/=&?{}()[].-_".contains(c);
        let pieces = self.pieces.iter().flat_map(|(text, style)| {
            text.split_inclusive(joint).map(|part| Word { gap: 0, pieces: vec![(part, *style)] })
        });
        let mut parts: Vec<Self> = pieces.collect();
        if let Some(first) = parts.first_mut() {
            first.gap = self.gap;
        }
        parts
    }
}

/// The words of spans. A word may reach from one into the next; blanks between words are kept as they were.
fn words<'a>(spans: &'a [Span<'_>]) -> Vec<Word<'a>> {
    let mut words = Vec::new();
    let mut word = Word::default();
    for span in spans {
        for piece in span.content.split_inclusive(char::is_whitespace) {
            let text = piece.trim_end_matches(char::is_whitespace);
            if !text.is_empty() {
                word.pieces.push((text, span.style));
            }
            if text.len() < piece.len() {
                if !word.pieces.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                word.gap += 1;
            }
        }
    }
    if !word.pieces.is_empty() {
        words.push(word);
    }
    words
}

/// A line that is being filled.
#[derive(Default)]
struct Line {
    spans: Vec<Span<'static>>,
    used: usize,
    is_written: bool,
}

impl Line {
    /// Whether nothing but blanks is on it.
    fn is_blank(&self) -> bool {
        !self.is_written
    }

    fn blanks(&mut self, count: usize) {
        if count > 0 {
            self.spans.push(Span::raw(" ".repeat(count)));
            self.used += count;
        }
    }

    fn push(&mut self, c: char, columns: usize, style: ratatui::style::Style) {
        match self.spans.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push(c),
            _ => self.spans.push(Span::styled(c.to_string(), style)),
        }
        self.used += columns;
        self.is_written = true;
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::{Color, Style};

    use super::*;

    #[test]
    fn words_stay_apart_where_the_rows_end() {
        let area = Rect::new(0, 0, 13, 2);
        let mut buffer = Buffer::empty(area);
        put_wrapped(&mut buffer, area, &[Span::raw("no pod behind in namespace demo is ready")], 0);
        let line: String = (0..13).map(|x| buffer[(x, 1)].symbol()).collect();
        assert_eq!(line, "in namespace…");
    }

    #[test]
    fn text_is_cut_between_words_and_a_lone_word_by_columns() {
        for (text, width, shown) in [
            ("hello", 5, "hello"),
            ("hello", 4, "hel…"),
            ("stabilised, in about 10 s", 20, "stabilised, in …"),
            ("stabilised, in about 10 s", 21, "stabilised, in about…"),
            ("stabilised, in about 10 s", 22, "stabilised, in about …"),
            ("see worker-6f7d9c8b5-9xh7t", 14, "see worker-6f…"),
            ("日本語", 5, "日本…"),
            ("日本語", 4, "日…"),
            ("  abcdef", 5, "  ab…"),
            ("x", 0, ""),
            ("xy", 1, "…"),
        ] {
            assert_eq!(fit(text, width), shown, "{text:?} in {width}");
        }
        assert_eq!(fit_end("worker-abcde", 6), "…abcde");
        assert_eq!(fit_end("日本語", 5), "…本語");
        assert_eq!(fit_end("日本語", 4), "…語");
        assert_eq!(fit_end("abc", 0), "");
    }

    #[test]
    fn the_longest_phrasing_that_fits_is_taken() {
        let phrasings = ["no reading for 12 s", "no reading", "none yet"];
        for (width, shown) in
            [(19, "no reading for 12 s"), (18, "no reading"), (9, "none yet"), (6, "none …")]
        {
            assert_eq!(phrase(&phrasings, width), shown);
        }
        assert_eq!(phrase::<&str>(&[], 5), "");
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a bcdefghi", 4), ["a", "bcde", "fghi"]);
        let path = "read name/space/queue=Orders: no";
        assert_eq!(wrap(path, 16), ["read name/space/", "queue=Orders: no"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("", 4), Vec::<String>::new());
        assert_eq!(wrap("a", 1), Vec::<String>::new());
    }

    #[test]
    fn styles_and_gaps_survive_the_breaking_of_lines() {
        let red = Style::new().fg(Color::Red);
        let spans = [Span::raw(" at "), Span::styled("12:00", red), Span::raw(", then  more of it")];
        let lines = wrap_spans(&spans, 16, 2);
        let text: Vec<String> =
            lines.iter().map(|line| line.iter().map(|span| span.content.as_ref()).collect()).collect();
        assert_eq!(text, [" at 12:00, then", "  more of it"]);
        assert!(lines[0].iter().any(|span| span.style == red && span.content == "12:00"));
    }

    #[test]
    fn what_needs_more_rows_than_there_are_ends_in_a_sign() {
        let area = Rect::new(0, 0, 10, 2);
        let mut buffer = Buffer::empty(area);
        let taken = put_wrapped(&mut buffer, area, &[Span::raw("one two three four five")], 0);
        let line = |y| (0..10).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        assert_eq!((taken, line(0), line(1)), (2, "one two   ".to_owned(), "three …   ".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_word_is_lost(text in "[a-zé日/: ]{0,60}", width in 2..30_usize, indent in 0..6_usize) {
            let lines = wrap_spans(&[Span::raw(text.as_str())], width, indent);
            let wide = |line: &Vec<Span<'_>>| line.iter().map(|span| span.content.width()).sum::<usize>();
            proptest::prop_assert!(lines.iter().all(|line| wide(line) <= width));
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            let shown: String = lines.iter().flatten().map(|span| span.content.as_ref()).collect();
            proptest::prop_assert_eq!(letters(&shown), letters(&text));
            proptest::prop_assert!(fit(&text, width).width() <= width);
        }
    }
}
