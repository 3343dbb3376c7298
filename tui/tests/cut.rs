//! Text that has lost its end: on no screen and at no size is a word cut where its rest cannot be had elsewhere.

use crate::scenes::World;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The sizes that people have, and some between.
const SIZES: [(u16, u16); 6] = [(60, 15), (80, 24), (100, 30), (120, 40), (160, 45), (200, 50)];

fn rows(world: &World) -> Vec<String> {
    let (columns, rows) = world.model.ui.size;
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    tui::view::draw(&world.model, area, &mut buffer);
    (0..rows).map(|y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect()).collect()
}

/// Why a `…` may stand where it stands; `None` where something is lost.
fn reason(row: usize, line: &str, at: usize) -> Option<&'static str> {
    let (before, after) = (&line[..at], &line[at + '…'.len_utf8()..]);
    let next = after.chars().next().unwrap_or(' ');
    let is_blank_before = before.is_empty() || before.ends_with([' ', '│', '≈']);
    match () {
        () if is_blank_before && next.is_alphanumeric() => Some("the end of a name, which is what differs"),
        () if is_blank_before
            && next == ' '
            && after.trim_start().starts_with(|c: char| c.is_ascii_digit()) =>
        {
            Some("a time that goes on, or from one figure to another")
        }
        () if before.ends_with("  ") && next == ' ' => Some("still being measured, in a cell of its own"),
        () if before.ends_with("› ") && next == ' ' => Some("still awaited, in a cell of its own"),
        () if before.ends_with("! ") => Some("what stands before the cause, of which the events have all"),
        () if row == 0 => Some("why this target was chosen: the help has it in full"),
        () if is_event(before) => Some("an event: the panel alone has it in full"),
        () if before.contains("── ") && after.starts_with(" ─") && before.contains("! ") => {
            Some("why a source is stale: the events have it in full")
        }
        () if before.contains(" s old: ") => Some("why a source is stale: the events have it in full"),
        () if before.ends_with("failed ") => Some("why requests failed: the events have it in full"),
        () if before.contains("── Workers ─") && after.starts_with(" ─") => {
            Some("counts of the workers: the panel alone has all")
        }
        () if before.ends_with("/ ") => {
            Some("the middle of a controller's message, of which the cause follows")
        }
        () if before.contains("too small") => Some("which burst would do: the footer has it"),
        () if before.contains('╯') => Some("what a box hides half of"),
        () if before.starts_with(" pod-seconds ") => Some("counts that the panel of the workers has too"),
        () if is_summary(before) => Some("a panel in one line: the panel alone has it in full"),
        () => None,
    }
}

/// Whether a line is what a small window has of a panel.
fn is_summary(before: &str) -> bool {
    const NAMES: [&str; 5] = ["targets ", "decision ", "believed ", "workers ", "stopwatch "];
    let text = before.strip_prefix(' ').unwrap_or(before);
    NAMES.iter().any(|name| text.starts_with(name))
}

/// Whether the text ends within an entry of the list of events: a time of day and the sign of its weight before it.
fn is_event(before: &str) -> bool {
    let entry = before.rsplit(['│', '─']).next().unwrap_or_default();
    let chars: Vec<char> = entry.chars().collect();
    chars.windows(10).any(|window| {
        let digits = [0, 1, 3, 4, 6, 7].iter().all(|index| window[*index].is_ascii_digit());
        digits && window[2] == ':' && window[5] == ':' && window[8] == ' ' && " !›".contains(window[9])
    })
}

#[test]
fn no_text_ends_where_its_rest_cannot_be_had() {
    let mut lost = Vec::new();
    for scene in crate::scenes::all() {
        for (columns, rows_of) in SIZES {
            let world = World::play(scene, columns, rows_of).expect("a scene of that name");
            for (row, line) in rows(&world).iter().enumerate() {
                let signs = line.match_indices('…').filter(|(at, _)| reason(row, line, *at).is_none());
                if signs.count() > 0 || line.contains("……") {
                    lost.push(format!("{scene} {columns}x{rows_of}: {}", line.trim_end()));
                }
            }
        }
    }
    assert!(lost.is_empty(), "{} rows:\n{}", lost.len(), lost.join("\n"));
}

#[test]
fn the_rule_finds_what_is_cut_and_lets_pass_what_is_not() {
    for (row, line, is_fine) in [
        (5, "   ≈ next  1  limited by min or max, in …", false),
        (5, " ── Decision ── worker-sca… ─", false),
        (5, "  ▸ Prometheus  stopped for 12 s; enter puts i…  │", false),
        (0, " surge  sandbox  no kubeconfig was found at …", true),
        (5, "  tolerance   outside 0.90 … 1.10", true),
        (5, "  drained     … 45.0 s", true),
        (5, "  ◆ 4   ≈10.0 s        …        …", true),
        (5, " …c8b5-4kq2m busy", true),
        (5, " 14:00:30   SuccessfulRescale New size: 5; reason: external …", true),
        (5, " ── Workers ── ! 14 s old: the watch on … ─", true),
        (5, " believed  broker 153 › prom 153 › API …", true),
        (5, "                 ! … autoscaling-demo/rabbitmq_queue_length:", true),
    ] {
        let found = line.match_indices('…').all(|(at, _)| reason(row, line, at).is_some());
        assert_eq!(found, is_fine, "{line}");
    }
}
