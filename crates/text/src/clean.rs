//! Makes text from outside harmless: it must not control the terminal, hide itself or reorder a line.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

use crate::secret;

/// No text from outside is kept longer than this, in characters.
pub const MAX_CHARS: usize = 2_000;

/// Combining marks that one character may have; more would climb over the neighbouring lines.
const MAX_MARKS: usize = 2;

/// Returns whether a character may reach the screen: no control character, nothing invisible, nothing that reorders a line.
fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}'                        // soft hyphen: its width depends on the terminal
            | '\u{34f}'                     // combining grapheme joiner
            | '\u{61c}'                     // Arabic letter mark
            | '\u{115f}' | '\u{1160}'       // Hangul fillers, invisible
            | '\u{17b4}' | '\u{17b5}'       // Khmer inherent vowels, invisible
            | '\u{180b}'..='\u{180f}'       // Mongolian selectors and vowel separator
            | '\u{200b}'..='\u{200f}'       // zero width space and joiners, direction marks
            | '\u{2028}'..='\u{202e}'       // line and paragraph separators, bidi embeddings and overrides
            | '\u{2060}'..='\u{206f}'       // word joiner, invisible operators, bidi isolates, deprecated formats
            | '\u{3164}' | '\u{ffa0}'       // Hangul fillers
            | '\u{fe00}'..='\u{fe0f}'       // variation selectors: terminals disagree about the width
            | '\u{feff}'                    // byte order mark
            | '\u{fff0}'..='\u{fffb}'       // unassigned specials and interlinear annotations
            | '\u{1bca0}'..='\u{1bca3}'     // shorthand format controls
            | '\u{1d173}'..='\u{1d17a}'     // musical format controls
            | '\u{e0000}'..='\u{e0fff}'     // tags and further variation selectors
        )
}

/// Returns whether a character is harmless and takes a column of its own.
pub(crate) fn is_visible(c: char) -> bool {
    is_harmless(c) && c.width() != Some(0)
}

/// The text without harmful characters and without [secrets](crate::secret). Line ends and tabs become a space; other
/// control characters, bidi controls and invisible characters are removed. Text longer than [`MAX_CHARS`] ends in `…`.
///
/// ```
/// assert_eq!(text::clean::text("a\u{1b}[31mb\nc\u{202e}d"), "a[31mb cd");
/// ```
#[must_use]
pub fn text(raw: &str) -> String {
    let raw = secret::hide(raw);
    let raw = secret::hide_settings(&raw);
    let mut clean = String::with_capacity(raw.len().min(4 * MAX_CHARS));
    let mut marks = 0;
    let mut chars = 0;
    for c in raw.chars() {
        let c = if matches!(c, '\n' | '\r' | '\t') { ' ' } else { c };
        if !is_harmless(c) {
            continue;
        }
        marks = if c.width() == Some(0) { marks + 1 } else { 0 };
        if marks > MAX_MARKS || (marks > 0 && chars == 0) {
            continue;
        }
        if chars == MAX_CHARS {
            clean.push('…');
            break;
        }
        clean.push(c);
        chars += 1;
    }
    clean
}

/// The harmless part of a screen cell's symbol. The renderer applies it to every cell, so that no panel can forget to clean.
/// Returns harmless symbols unchanged.
#[must_use]
pub fn symbol(symbol: &str) -> Cow<'_, str> {
    let harmless = match symbol.as_bytes() {
        [byte] => (0x20..0x7f).contains(byte),
        _ => symbol.chars().all(is_harmless) && symbol.chars().count() <= 1 + MAX_MARKS,
    };
    if harmless {
        return Cow::Borrowed(symbol);
    }
    // Without its joiners a cluster becomes several characters, for which the cell is too narrow: keep the first.
    let clean = text(symbol);
    let rest = clean.char_indices().skip(1).find(|(_, c)| c.width() != Some(0));
    Cow::Owned(clean[..rest.map_or(clean.len(), |(index, _)| index)].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmful_characters_are_removed() {
        for (raw, clean) in [
            ("plain", "plain"),
            ("\u{1b}]0;title\u{7}x", "]0;titlex"),
            ("a\r\nb\tc", "a  b c"),
            ("\u{9b}31m", "31m"),
            ("abc\u{202e}fed\u{202c}", "abcfed"),
            ("a\u{200b}b\u{feff}c", "abc"),
            ("e\u{301}\u{301}\u{301}\u{301}", "e\u{301}\u{301}"),
            ("\u{301}x", "x"),
            ("日本", "日本"),
        ] {
            assert_eq!(text(raw), clean, "{raw:?}");
        }
    }

    #[test]
    fn long_text_is_cut() {
        let cut = text(&"x".repeat(MAX_CHARS + 5));
        assert_eq!(cut.chars().count(), MAX_CHARS + 1);
        assert!(cut.ends_with('…'));
        assert_eq!(text(&"x".repeat(MAX_CHARS)), "x".repeat(MAX_CHARS));
    }

    #[test]
    fn cells_hold_only_harmless_characters() {
        assert_eq!(symbol("a"), "a");
        assert_eq!(symbol("⣿"), "⣿");
        assert_eq!(symbol("\u{1b}"), "");
        assert_eq!(symbol("a\u{202e}"), "a");
        assert_eq!(symbol("👨\u{200d}👩\u{200d}👧"), "👨");
    }
}
