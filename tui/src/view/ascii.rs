//! The screen in ASCII alone, for terminals and fonts that have nothing else: every other character gets the nearest one.

/// The ASCII character for a cell's symbol.
pub(super) fn plain(symbol: &str) -> Option<char> {
    let first = symbol.chars().next().filter(|_| !symbol.is_ascii())?;
    Some(match first {
        '─' | '━' | '╌' | '╍' | '┄' | '┅' | '┈' | '╸' | '╺' | '–' | '—' | '−' => '-',
        '│' | '┃' | '┆' | '┊' | '▏' | '║' | '┤' | '├' => '|',
        '╭' | '╮' | '╰' | '╯' | '┌' | '┐' | '└' | '┘' | '┼' | '┴' | '┬' => '+',
        '═' | '≡' | '↔' => '=',
        '█' | '▓' | '▆' | '▀' | '▄' | '■' | '▪' => '#',
        '▒' | '▚' | '▞' => ':',
        '░' | '·' | '…' => '.',
        '▼' | '▽' | '↓' => 'v',
        '△' | '▲' | '↑' | '↥' => '^',
        '▸' | '›' | '»' | '→' | '▶' => '>',
        '◂' | '‹' | '«' | '←' | '◀' => '<',
        '●' | '◉' | '◎' => '@',
        '○' | '◌' | '◦' | '◔' => 'o',
        '•' | '◆' | '◇' => '*',
        '✗' | '×' => 'x',
        '✓' => 'y',
        '↻' | '↺' => 'r',
        '✂' => 'X',
        '▴' => '^',
        '▾' => 'v',
        '∥' | '⋮' => '|',
        '≈' => '~',
        '≤' => '<',
        '≥' => '>',
        '÷' => '/',
        '≠' => '!',
        '±' => '~',
        '⌈' | '⌊' => '[',
        '⌉' | '⌋' => ']',
        '‖' => '"',
        '\u{2800}'..='\u{28ff}' => '*',
        _ => '?',
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_an_ascii_character() {
        for symbol in ["─", "⣿", "日", "e\u{301}", "▼", "✗", "\u{10ffff}"] {
            assert!(plain(symbol).is_some_and(|c| c.is_ascii_graphic()), "{symbol}");
        }
        assert_eq!(plain("a"), None);
    }
}
