//! The shapes of characters that draw: braille dots, blocks and lines. As shapes they fit together in every font.

/// The dots of a braille character, in parts of a cell.
pub(super) fn braille(character: char) -> Option<Vec<(f32, f32)>> {
    const DOTS: [(u8, u8); 8] = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)];
    let bits = u32::from(character).checked_sub(0x2800).filter(|bits| *bits < 0x100)?;
    let dots = DOTS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    let place =
        |(column, row): (u8, u8)| (f32::from(column).mul_add(0.5, 0.25), f32::from(row).mul_add(0.25, 0.125));
    Some(dots.map(|(_, dot)| place(*dot)).collect())
}

/// Opacity in percent, and rectangles (left, top, right, bottom) in parts of a cell.
pub(super) fn block(character: char) -> Option<(u32, Vec<[f32; 4]>)> {
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
pub(super) struct Lines {
    pub(super) heavy: bool,
    pub(super) path: Vec<(char, Vec<(f32, f32)>)>,
}

pub(super) fn lines(character: char) -> Option<Lines> {
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
