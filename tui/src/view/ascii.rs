//! The screen in ASCII, for terminals and fonts without other characters: every character is replaced by a similar one.

/// Returns the ASCII character for a cell's symbol; `None` for a symbol that is ASCII already.
pub(super) fn nearest(symbol: &str) -> Option<char> {
    let first = symbol.chars().next().filter(|_| !symbol.is_ascii())?;
    Some(match first {
        '─' | '━' | '╌' | '╍' | '┄' | '┅' | '┈' | '╸' | '╺' | '–' | '—' | '−' => '-',
        '│' | '┆' | '┊' | '▌' | '║' | '┤' => '|',
        '╭' | '╮' | '╰' | '╯' => '+',
        '═' | '≡' | '↔' => '=',
        '█' | '▓' | '▀' | '▄' | '■' | '▪' | '◆' => '#',
        '▒' => ':',
        '░' | '·' | '…' => '.',
        '▼' | '↓' => 'v',
        '▲' | '↑' => '^',
        '►' | '›' | '»' | '→' => '>',
        '◄' | '←' => '<',
        '●' => '@',
        '○' | '◦' | '□' => 'o',
        '•' | '◊' => '*',
        '×' => 'x',
        '↨' => 'r',
        '†' => 'X',
        '∩' => '&',
        '≈' | '±' => '~',
        '≤' => '<',
        '≥' => '>',
        '÷' => '/',
        '≠' => '!',
        '\u{2800}'..='\u{28ff}' => '*',
        _ => '?',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_symbol_has_an_ascii_character() {
        for symbol in ["─", "⣿", "日", "e\u{301}", "▼", "×", "\u{10ffff}"] {
            assert!(nearest(symbol).is_some_and(|c| c.is_ascii_graphic()), "{symbol}");
        }
        assert_eq!(nearest("a"), None);
    }
}
