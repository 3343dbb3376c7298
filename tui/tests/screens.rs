//! The screens as text, and the styles where colour carries a meaning.
//!
//! The snapshots: each panel alone in its states (`panel_*`, one file a panel), each screen once at each size and in its other
//! states at one size (`screen_*`), and each dialog and special state at one size (`scene_*`). After a change,
//! `INSTA_UPDATE=always cargo test -p tui --test it screens` writes them; read the difference before you commit it.

use crossterm::event::KeyCode;
use dashboard::message::{Event, Input};
use dashboard::reported::StepState;
use dashboard::scenes::World;
use dashboard::scenes::states::{SCREENS, STATES};
use dashboard::ui::appearance::Theme;
use dashboard::ui::screen::{Panel, Screen};
use dashboard::ui::state::Mode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use tui::view::ScreenLayout;

/// The usual sizes of windows.
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 50)];

/// The size of the snapshots that show a state rather than a layout.
const MEDIUM: (u16, u16) = (120, 40);

fn area(world: &World) -> Rect {
    let (columns, rows) = world.model.ui.size;
    Rect::new(0, 0, columns, rows)
}

fn draw(world: &World) -> Buffer {
    let mut buffer = Buffer::empty(area(world));
    tui::view::draw(&world.model, area(world), &mut buffer);
    buffer
}

/// Draws the screen as text, and reports the frame to `update` as the runtime does.
fn draw_and_report(world: &mut World) -> String {
    let mut buffer = Buffer::empty(area(world));
    let layout = tui::view::draw(&world.model, area(world), &mut buffer);
    world.send(Event::Drawn { max_scroll: layout.max_scroll() });
    text(&buffer)
}

fn text(buffer: &Buffer) -> String {
    part(buffer, buffer.area)
}

/// A part of the screen as text.
fn part(buffer: &Buffer, area: Rect) -> String {
    let mut text = String::new();
    for y in area.top()..area.bottom() {
        let line: String = (area.left()..area.right()).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The first cell of a text.
fn find(buffer: &Buffer, wanted: &str) -> (u16, u16) {
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            let here: String = (x..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
            if here.starts_with(wanted) {
                return (x, y);
            }
        }
    }
    panic!("{wanted:?} is not on the screen:\n{}", text(buffer));
}

/// The place of the binding step's value: the title of the replicas has the same words.
fn binding(buffer: &Buffer) -> (u16, u16) {
    let (x, y) = find(buffer, "stabilized  kept at 10");
    (x + "stabilized  ".len() as u16, y)
}

/// Compares a text with its snapshot, `snapshots/NAME.snap`.
fn snapshot(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, text);
    });
}

/// Each panel in each state, without the rest of the screen, at the size that it has in the overview of a large window.
#[test]
fn panels() {
    for (panel, columns, rows) in [
        (Panel::Chart, 100, 20),
        (Panel::Decision, 64, 17),
        (Panel::Stopwatch, 64, 22),
        (Panel::Beliefs, 64, 13),
        (Panel::Workers, 58, 13),
        (Panel::Events, 76, 13),
    ] {
        let mut all = String::new();
        for state in STATES {
            // The margin, the title line and the footer.
            let world = dashboard::scenes::states::alone(panel, state, columns + 2, rows + 2).unwrap();
            let shown = part(&draw(&world), Rect::new(1, 1, columns, rows));
            all.push_str(&format!("{state}, {columns}x{rows}\n\n{shown}\n"));
        }
        snapshot(&format!("panel_{panel:?}").to_lowercase(), &all);
    }
}

/// Each screen at each size while it is busy, and its other states at one size.
#[test]
fn screens() {
    for (screen, [calm, busy, failing, empty]) in SCREENS {
        let name = format!("screen_{}", screen.title()).to_lowercase();
        for (columns, rows) in SIZES {
            let world = World::play(busy, columns, rows).unwrap();
            snapshot(&format!("{name}_{columns}x{rows}"), &text(&draw(&world)));
        }
        for (state, scene) in [("calm", calm), ("failing", failing), ("empty", empty)] {
            let world = World::play(scene, MEDIUM.0, MEDIUM.1).unwrap();
            snapshot(&format!("{name}_{state}"), &text(&draw(&world)));
        }
    }
}

/// Dialogs, and states of the whole screen. The scenes' tables have the reason of each.
#[test]
fn dialogs_and_states() {
    for (scene, (columns, rows)) in [
        ("starting", (80, 24)),
        ("problem", (80, 24)),
        ("dropped", (80, 24)),
        ("connected", (80, 24)),
        ("unsynced", MEDIUM),
        ("lost", (80, 24)),
        ("scaled", (80, 24)),
        ("help", (80, 24)),
        ("help", (200, 50)),
        ("confirm", (80, 24)),
        ("kill", (80, 24)),
        ("legend", (80, 24)),
        ("tune", (80, 24)),
        ("tune_review", (80, 24)),
        ("tune_conflict", (80, 24)),
        ("shadow_choice", (80, 24)),
        ("drill", (80, 24)),
        ("drill_question", (80, 24)),
        ("shadow", (200, 50)),
        ("shadow", (80, 24)),
        ("decision_differs", MEDIUM),
        ("doctor_drill", MEDIUM),
        ("stopwatch_failing", MEDIUM),
        ("beliefs_keda", (80, 24)),
        ("beliefs_scrape", (80, 24)),
        ("inspect", (80, 24)),
        ("inspect", MEDIUM),
        ("inspect_lanes", MEDIUM),
        ("panned", (80, 24)),
        ("focused", MEDIUM),
        ("chart_alone", (80, 24)),
        ("events_alone", (80, 24)),
        ("lanes_many", (80, 24)),
        ("hours", (80, 24)),
        ("typing", (80, 24)),
        ("filtered", (80, 24)),
        ("filtered_nothing", (80, 24)),
        ("read_only", (80, 24)),
        ("blocks", (80, 24)),
        ("ascii", (80, 24)),
        // The smallest window.
        ("scaled", (60, 15)),
        ("inspect", (60, 15)),
        ("kill", (60, 15)),
        ("help", (60, 15)),
        // A window that is too small.
        ("scaled", (59, 15)),
    ] {
        let world = World::play(scene, columns, rows).unwrap();
        snapshot(&format!("scene_{scene}_{columns}x{rows}"), &text(&draw(&world)));
    }
}

/// HPAs other than the demo's: every scene at one size, and the main ones at the others.
#[test]
fn other_hpas() {
    for (scene, _) in dashboard::scenes::any_hpa::SCENES {
        let sizes: &[(u16, u16)] = match *scene {
            "cpu" | "cpu_decision" | "cpu_pods" | "two_metrics" => &SIZES,
            _ => &[(80, 24), MEDIUM],
        };
        for (columns, rows) in sizes {
            let world = World::play(scene, *columns, *rows).unwrap();
            snapshot(&format!("hpa_{scene}_{columns}x{rows}"), &text(&draw(&world)));
        }
    }
}

#[test]
fn a_window_with_too_few_rows_shows_a_message() {
    let world = World::play("scaled", 60, 14).unwrap();
    assert!(text(&draw(&world)).starts_with("surge needs a larger window"));
}

#[test]
fn every_screen_has_a_scene_in_every_state() {
    let all = dashboard::scenes::all();
    for screen in Screen::ALL {
        let (_, states) = SCREENS.iter().find(|(known, _)| known == screen).expect("a row");
        for (scene, state) in states.iter().zip(STATES) {
            assert!(all.contains(scene), "{scene}");
            let world = World::play(scene, 80, 24).unwrap();
            assert_eq!(world.model.ui.screen, *screen, "{state}");
        }
    }
}

#[test]
fn values_that_are_not_read_yet_have_no_figures() {
    let screens = Screen::ALL.len();
    for (columns, rows) in [(60, 15), (80, 24), (120, 40), (200, 50)] {
        for (scene, state) in [("connected", "○ reading"), ("unsynced", "● live")] {
            let mut world = World::play(scene, columns, rows).unwrap();
            for screen in 0..screens {
                let shown = text(&draw(&world));
                assert!(shown.contains(state), "{state} at {columns}x{rows}:\n{shown}");
                for figure in
                    ["0 → 0", "0 desired", "FailedGet", "no reading since", "no pod", "0 desired", "none: "]
                {
                    assert!(!shown.contains(figure), "{figure:?} on {screen} at {columns}x{rows}:\n{shown}");
                }
                world.keys("\t");
            }
        }
    }
    let shown = text(&draw(&World::play("unsynced", 120, 40).unwrap()));
    for said in ["no sync yet", "waiting for the first reading", "HPA has not synced yet"] {
        assert!(shown.contains(said), "{said:?}:\n{shown}");
    }
}

#[test]
fn the_reason_why_a_burst_waits_is_visible() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 50)] {
        let mut world = World::play("idle", columns, rows).unwrap();
        world.burst_that_waits(50, "no pod behind Service producer in namespace autoscaling-demo is ready");
        for screen in ["Overview", "Pods", "Decision", "Runs"] {
            let shown = text(&draw(&world));
            let has = shown.contains("waits: no pod behind");
            assert_eq!(has, ["Overview", "Runs"].contains(&screen), "{screen} at {columns}x{rows}:\n{shown}");
            world.keys("\t");
        }
    }
}

#[test]
fn scrolling_stops_at_the_end() {
    for (scene, on, back) in [
        ("logs", KeyCode::Up, KeyCode::Down),
        ("lanes_many", KeyCode::Up, KeyCode::Down),
        ("events_alone", KeyCode::Up, KeyCode::Down),
        ("doctor_failing", KeyCode::Down, KeyCode::Up),
        ("help", KeyCode::Down, KeyCode::Up),
        ("runs_busy", KeyCode::Down, KeyCode::Up),
        ("kill", KeyCode::Down, KeyCode::Up),
        ("legend", KeyCode::Down, KeyCode::Up),
    ] {
        let mut world = World::play(scene, 80, 24).unwrap();
        (0..300).for_each(|_| world.press(on));
        // Without the last line, which names a key that had no effect.
        let mut press = |code| {
            world.press(code);
            let screen = draw_and_report(&mut world);
            screen.trim_end().rsplit_once('\n').map(|(above, _)| above.to_owned())
        };
        let at_the_end = press(on);
        assert_ne!(press(back), at_the_end, "{scene} does not move");
        assert_eq!(press(on), at_the_end, "{scene} comes back");
    }
}

#[test]
fn a_small_window_shows_the_most_important_values() {
    let screen = text(&draw(&World::play("scaled", 80, 24).unwrap()));
    for wanted in [
        "Queue Orders",
        "/20 (avg)",
        "10 ready",
        "10 desired",
        "last ",
        "next ",
        "kept 10",
        "space",
        "? help",
        "q quit",
    ] {
        assert!(screen.contains(wanted), "{wanted:?} is missing:\n{screen}");
    }
}

#[test]
fn the_binding_step_is_highlighted() {
    let buffer = draw(&World::play("scaled", 120, 40).unwrap());
    let lit = |wanted| buffer[find(&buffer, wanted)].style();
    let style = buffer[binding(&buffer)].style();
    assert_eq!(style.fg, Some(Color::LightCyan));
    assert!(style.add_modifier.contains(Modifier::BOLD));
    assert_eq!(lit("outside 0.90").fg, Some(Color::Reset));
}

#[test]
fn waiting_and_unacked_messages_have_their_colours() {
    let buffer = draw(&World::play("chart_alone", 120, 40).unwrap());
    let (x, bottom) = find(&buffer, "      0┤");
    let (plot, inks) = (x + 8..120, [Color::LightCyan, Color::Cyan, Color::Green]);
    let column: Vec<Color> = plot
        .clone()
        .map(|x| (0..=bottom).map(|y| buffer[(x, y)].fg).collect::<Vec<_>>())
        .find(|column| inks.iter().all(|ink| column.contains(ink)))
        .expect("a column with line, waiting and in work");
    let place = |ink| column.iter().position(|seen| *seen == ink).unwrap();
    assert!(place(inks[0]) < place(inks[1]) && place(inks[1]) < place(inks[2]), "from the top: {column:?}");

    let buffer = draw(&World::play("focused", 120, 40).unwrap());
    assert_eq!(buffer[find(&buffer, "»")].style().fg, Some(Color::LightCyan));
}

#[test]
fn the_cursor_is_visible_without_colours() {
    for theme in [Theme::Dark, Theme::Mono] {
        let mut world = World::play("inspect", 120, 40).unwrap();
        world.model.ui.theme = theme;
        let buffer = draw(&world);
        let reversed = |cell: &&ratatui::buffer::Cell| cell.modifier.contains(Modifier::REVERSED);
        assert!(buffer.content.iter().filter(reversed).count() > 5, "{theme:?}");
        let screen = text(&buffer);
        for wanted in ["At 14:00:46", "messages", "target", "inspect 14:00:46", "worker ready"] {
            assert!(screen.contains(wanted), "{wanted:?} is missing:\n{screen}");
        }
    }
}

#[test]
fn read_only_is_shown_at_every_width() {
    for columns in [60, 80, 120] {
        let mut world = World::play("read_only", columns, 24).unwrap();
        let buffer = draw(&world);
        assert_eq!(buffer[find(&buffer, "read-only")].style().fg, Some(Color::LightCyan));
        assert!(text(&buffer).contains("! read-only: nothing is sent to the cluster"));
        world.run(7);
        let buffer = draw(&world);
        let (x, y) = find(&buffer, "space off");
        assert_eq!(buffer[(x, y)].style().fg, Some(Color::DarkGray), "a key that does nothing is dim");
        let (x, y) = find(&buffer, "? help");
        assert_eq!(buffer[(x, y)].style().fg, Some(Color::LightCyan));
    }
}

#[test]
fn panels_name_the_cause_of_a_stale_source() {
    let screen = text(&draw(&World::play("errors", 200, 50).unwrap()));
    for wanted in [
        "the tunnel to rabbitmq-0:15672 was closed",
        "403 Forbidden",
        "the watch on Events ended",
        "503: the broker is away",
    ] {
        assert!(screen.contains(wanted), "{wanted:?} is missing:\n{screen}");
    }
}

#[test]
fn the_footer_keeps_the_important_keys() {
    for columns in [60, 80, 100, 120, 200] {
        for (scene, wanted) in [
            ("scaled", vec!["space burst", "? help", "q quit"]),
            ("inspect", vec!["← → move", "esc leave", "? help", "q quit"]),
            ("legend", vec!["space show or hide", "esc close"]),
            ("typing", vec!["enter keep", "esc clear"]),
            ("help", vec!["esc close", "↑ ↓ scroll"]),
        ] {
            let screen = text(&draw(&World::play(scene, columns, 24).unwrap()));
            let footer = screen.lines().last().unwrap_or_default();
            for wanted in wanted {
                assert!(footer.contains(wanted), "{wanted:?} is missing at {columns} in {footer:?}");
            }
        }
    }
}

#[test]
fn the_help_is_complete_at_every_size() {
    for (columns, rows) in [(60, 15), (80, 24), (120, 40), (200, 50)] {
        let mut world = World::play("help", columns, rows).unwrap();
        let max_scroll = ScreenLayout::new(&world.model, area(&world)).max_scroll();
        let mut page = |top| {
            world.model.ui.mode = Mode::Help(top);
            text(&draw(&world))
        };
        let all: String = (0..=max_scroll).map(&mut page).collect();
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let seen: std::collections::BTreeSet<String> = words(&all).into_iter().collect();
        for binding in dashboard::keys::TABLE.iter().filter(|binding| binding.is_general()) {
            for word in words(binding.help).iter().chain(&words(binding.shown)) {
                assert!(seen.contains(word), "{word:?} of {:?} at {columns}x{rows}:\n{all}", binding.help);
            }
        }
        assert!(
            all.contains("/home/ada/.kube/config"),
            "why this target was chosen, at {columns}x{rows}:\n{all}"
        );
        assert!(!all.contains("…  │"), "nothing is cut at {columns}x{rows}:\n{all}");
        assert_eq!(page(max_scroll), page(max_scroll + 1));
        assert_eq!(page(max_scroll).contains("the end"), max_scroll > 0, "{columns}x{rows}");
    }
}

#[test]
fn badges_are_in_the_title_line() {
    for columns in [60, 80, 100, 120, 200] {
        let mut world = World::play("scaled", columns, 24).unwrap();
        let rows = |world: &World| text(&draw(world)).lines().map(str::to_owned).collect::<Vec<_>>();
        let footer = rows(&world).last().cloned();
        world.model.ui.access = dashboard::ui::state::Access::ReadOnly;
        assert!(rows(&world)[0].contains("read-only"), "{columns}");
        world.model.ui.access = dashboard::ui::state::Access::Full;
        world.keys("/rescale");
        world.press(crossterm::event::KeyCode::Enter);
        let filtered = rows(&world);
        assert!(filtered[0].contains("/rescale"), "{columns}: {}", filtered[0]);
        assert_eq!(filtered.last().cloned(), footer, "{columns}");
        let mut world = World::play("drill", columns, 24).unwrap();
        world.press(crossterm::event::KeyCode::Esc);
        let drill = rows(&world);
        assert!(drill[0].contains("Prometheus off"), "{columns}: {}", drill[0]);
        for wanted in ["space burst", "? help", "q quit"] {
            assert!(drill[23].contains(wanted), "{wanted} at {columns}: {}", drill[23]);
        }
    }
}

#[test]
fn with_the_cursor_on_nothing_is_called_live() {
    for (columns, rows) in [(60, 15), (80, 24), (120, 40), (200, 50)] {
        let mut world = World::play("inspect", columns, rows).unwrap();
        for _ in 0..4 {
            (0..28).for_each(|_| world.press(crossterm::event::KeyCode::Left));
            let buffer = draw(&world);
            let screen = text(&buffer);
            let title = screen.lines().next().unwrap_or_default();
            assert!(title.contains("inspect 14:0") && !title.contains("live"), "{title}");
            assert!(screen.contains("── At 14:0"), "{screen}");
            // The cursor is in one column of every row of the plots and of the marks.
            let is_cursor = |x: u16, y: u16| {
                let cell = &buffer[(x, y)];
                cell.symbol() == "┊" || cell.modifier.contains(Modifier::REVERSED)
            };
            let (_, marks) = find(&buffer, "marks");
            let height = |x: u16| (2..marks + 1).filter(|y| is_cursor(x, *y)).count();
            let highest = (0..columns).map(height).max();
            assert_eq!(highest, Some(usize::from(marks - 1)), "{columns}x{rows}:\n{screen}");
        }
        for panel in ["Decision", "Stopwatch", "Workers", "Events"] {
            let screen = text(&draw(&world));
            let is_shown = screen.contains(&format!(" {panel} ─"));
            assert_eq!(screen.contains(&format!("now {panel} ─")), is_shown, "{panel}:\n{screen}");
        }
    }
}

#[test]
fn errors_have_their_colour() {
    let buffer = draw(&World::play("problem", 80, 24).unwrap());
    assert_eq!(buffer[find(&buffer, "context kind-demo")].style().fg, Some(Color::LightRed));
    let buffer = draw(&World::play("lost", 120, 40).unwrap());
    assert_eq!(buffer[find(&buffer, "! 10 s old")].style().fg, Some(Color::Yellow));
    assert_eq!(buffer[find(&buffer, "×")].style().fg, Some(Color::LightRed));
}

#[test]
fn a_screen_without_colours_has_the_same_text() {
    let mut world = World::play("scaled", 120, 40).unwrap();
    let coloured = text(&draw(&world));
    world.model.ui.theme = Theme::Mono;
    let buffer = draw(&world);
    assert_eq!(text(&buffer), coloured, "no theme changes a word");
    for cell in &buffer.content {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{cell:?}");
    }
    let lit = buffer[binding(&buffer)].style();
    assert!(lit.add_modifier.contains(Modifier::REVERSED | Modifier::BOLD));
}

#[test]
fn colours_are_the_terminals_and_ascii_is_ascii() {
    for scene in dashboard::scenes::all() {
        let mut world = World::play(scene, 120, 40).unwrap();
        for theme in [Theme::Dark, Theme::Light] {
            world.model.ui.theme = theme;
            for cell in &draw(&world).content {
                assert_eq!(cell.bg, Color::Reset);
                assert!(!matches!(cell.fg, Color::Rgb(..) | Color::Indexed(_) | Color::White | Color::Black));
            }
        }
        world.model.ui.markers = dashboard::ui::appearance::Markers::Ascii;
        assert!(text(&draw(&world)).is_ascii(), "{scene}");
    }
}

#[test]
fn only_the_clock_moves_on_an_idle_screen() {
    let mut world = World::play("idle", 120, 40).unwrap();
    // Until no age is in seconds and the time axis has its full length.
    world.run(385);
    // Without the clock below the chart.
    let without_clock = |world: &World| -> Vec<String> {
        text(&draw(world)).lines().filter(|line| !line.ends_with(" now")).map(str::to_owned).collect()
    };
    let before = without_clock(&world);
    world.run(30);
    let after = without_clock(&world);
    assert_eq!(before, after);
}

#[test]
fn a_paused_view_is_marked() {
    let mut world = World::play("scaled", 120, 40).unwrap();
    world.keys("p");
    world.run(7);
    world.send(Event::Input(Input::Resize(120, 40)));
    assert!(text(&draw(&world)).contains("║ paused"));
}

#[test]
fn a_failed_step_shows_its_cause() {
    let mut world = World::new(80, 24);
    let failed = StepState::Failed("port 5672: permission denied".to_owned());
    let waiting = || StepState::Waiting(String::new());
    world.starting([StepState::Ready, failed, waiting(), waiting()]);
    let screen = text(&draw(&world));
    assert!(screen.contains("× broker"), "{screen}");
    assert!(screen.contains("permission denied"), "{screen}");
}

#[test]
fn the_screen_decision_highlights_differences() {
    let style = |scene: &str, wanted: &str| {
        let buffer = draw(&World::play(scene, 120, 40).unwrap());
        buffer[find(&buffer, wanted)].style()
    };
    let lit = style("decision_busy", "kept at 10");
    assert_eq!((lit.fg, lit.add_modifier.contains(Modifier::BOLD)), (Some(Color::LightCyan), true));
    assert_eq!(style("decision_busy", "outside 0.90").fg, Some(Color::Reset));
    assert_eq!(style("decision_differs", "≠ calculated 10").fg, Some(Color::Yellow));
    assert_eq!(style("decision_failing", "the HPA was unable").fg, Some(Color::Yellow));
    assert_eq!(style("drill", "Prometheus off").fg, Some(Color::Yellow));
}

#[test]
fn the_best_and_the_worst_run_are_marked() {
    let buffer = draw(&World::play("runs_calm", 120, 40).unwrap());
    assert_eq!(buffer[find(&buffer, "▲5.0 s")].style().fg, Some(Color::LightGreen));
    assert_eq!(buffer[find(&buffer, "▼15.0 s")].style().fg, Some(Color::Reset));
    assert_eq!(buffer[find(&buffer, "►   2")].style().fg, Some(Color::LightCyan), "the cursor");
    let buffer = draw(&World::play("lanes_busy", 120, 40).unwrap());
    assert_eq!(buffer[find(&buffer, "×†")].style().fg, Some(Color::LightRed));
    let buffer = draw(&World::play("stopwatch_failing", 120, 40).unwrap());
    assert_eq!(buffer[find(&buffer, "not read now")].style().fg, Some(Color::Yellow));
}
