//! Text fitted to a width in columns: cut after a whole word, the shorter of two phrasings, or broken into lines.
//!
//! ratatui's `Paragraph` wraps too, but it cuts without a sign, breaks long names anywhere and knows no second phrasing.

use std::borrow::Cow;

use ratatui::text::Span;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Returns the text, or the words that fit into `width` columns and `…`. A word is cut only where it alone takes most of the
/// width.
pub(super) fn fit(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    if width == 0 {
        return Cow::Borrowed("");
    }
    let mut cut = beginning(text, width - 1);
    // A word that continues after the cut is dropped, unless most of the width would then stay empty.
    let is_inside_word = !text[cut.len()..].starts_with(' ');
    if let Some(space) = cut.rfind(' ').filter(|_| is_inside_word)
        && !cut[..space].trim().is_empty()
        && 2 * cut[..space].width() >= width
    {
        cut = &cut[..=space];
    }
    // `a …` where whole words are left out, `wor…` where a word is cut.
    Cow::Owned(format!("{cut}…"))
}

/// Returns the text, or `…` and as much of its end as fits into `width` columns: names of pods differ at the end.
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

/// Returns the first phrasing that fits into `width` columns, or the first words of the last one.
pub(super) fn phrase<T: AsRef<str>>(phrasings: &[T], width: usize) -> String {
    let fitting = phrasings.iter().map(AsRef::as_ref).find(|text| text.width() <= width);
    let shortest = || fit(phrasings.last().map_or("", AsRef::as_ref), width).into_owned();
    fitting.map_or_else(shortest, str::to_owned)
}

/// Breaks text into lines of at most `width` columns. A longer word is broken after a punctuation mark if it has one.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let lines = wrap_spans(&[Span::raw(text)], width, 0);
    lines.into_iter().map(|spans| spans.into_iter().map(|span| span.content).collect()).collect()
}

/// Breaks styled text into lines of at most `width` columns. Lines after the first begin with `indent` blanks; blanks at the
/// beginning of the text stay.
pub(super) fn wrap_spans(spans: &[Span<'_>], width: usize, indent: usize) -> Vec<Vec<Span<'static>>> {
    let indent = if indent + 8 > width { 0 } else { indent };
    let mut lines: Vec<Vec<Span<'static>>> = Vec::new();
    if width < 2 {
        return lines;
    }
    let mut line = OpenLine::default();
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

/// Returns the beginning of a text, in at most `width` columns.
fn beginning(text: &str, width: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > width
    });
    end.map_or(text, |(index, _)| &text[..index])
}

/// A word and the number of blanks before it. Its letters may have different styles.
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
    /// Splits a word that is wider than a line after the marks that join paths, names and lists.
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

/// Splits spans into words. A word may reach from one span into the next; the blanks between words are counted.
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

/// A line under construction.
#[derive(Default)]
struct OpenLine {
    spans: Vec<Span<'static>>,
    used: usize,
    is_written: bool,
}

impl OpenLine {
    /// Returns true if the line holds only blanks.
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
    fn text_is_cut_between_words() {
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
    fn the_first_phrasing_that_fits_is_used() {
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
    fn wrapping_keeps_styles_and_gaps() {
        let red = Style::new().fg(Color::Red);
        let spans = [Span::raw(" at "), Span::styled("12:00", red), Span::raw(", then  more of it")];
        let lines = wrap_spans(&spans, 16, 2);
        let text: Vec<String> =
            lines.iter().map(|line| line.iter().map(|span| span.content.as_ref()).collect()).collect();
        assert_eq!(text, [" at 12:00, then", "  more of it"]);
        assert!(lines[0].iter().any(|span| span.style == red && span.content == "12:00"));
    }

    proptest::proptest! {
        #[test]
        fn wrapping_fits_and_loses_no_letter(text in "[a-zé日/: ]{0,60}", width in 2..30_usize, indent in 0..6_usize) {
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
