//! The screens as text, at the sizes that people have, and the styles where colour carries a meaning.
//!
//! `INSTA_UPDATE=always cargo test -p tui --test screens` writes them anew; look at the difference before committing it.

use crate::scenes::World;
use crossterm::event::KeyCode;
use dashboard::message::{Event, Input};
use dashboard::reported::StepState;
use dashboard::ui::appearance::Theme;
use dashboard::ui::state::Mode;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

fn draw(world: &World) -> Buffer {
    let (columns, rows) = world.model.ui.size;
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    tui::view::draw(&world.model, area, &mut buffer);
    buffer
}

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let line: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Where a text stands, as its first cell.
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

#[test]
fn every_scene_at_every_size() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 50)] {
        for scene in crate::scenes::all() {
            let world = World::play(scene, columns, rows).unwrap();
            insta::assert_snapshot!(format!("{scene}_{columns}x{rows}"), text(&draw(&world)));
        }
    }
}

#[test]
fn every_screen_has_a_scene_in_every_state() {
    let all = crate::scenes::all();
    for screen in dashboard::ui::screen::Screen::ALL {
        let (_, states) =
            crate::scenes::states::SCREENS.iter().find(|(known, _)| known == screen).expect("a row");
        for (scene, state) in states.iter().zip(crate::scenes::states::STATES) {
            assert!(all.contains(scene), "{scene}");
            let world = World::play(scene, 80, 24).unwrap();
            assert_eq!(world.model.ui.screen, *screen, "{state}");
        }
    }
}

#[test]
fn what_was_not_read_yet_is_said_to_be_read_and_has_no_figures() {
    let screens = dashboard::ui::screen::Screen::ALL.len();
    for (columns, rows) in [(60, 15), (80, 24), (120, 40), (200, 50)] {
        for (scene, state) in [("connected", "◔ reading"), ("unsynced", "● live")] {
            let mut world = World::play(scene, columns, rows).unwrap();
            for screen in 0..screens {
                let shown = text(&draw(&world));
                assert!(shown.contains(state), "{state} at {columns}x{rows}:\n{shown}");
                for figure in
                    ["0 → 0", "0 desired", "FailedGet", "no reading since", "no pod", "0 wanted", "none: "]
                {
                    assert!(!shown.contains(figure), "{figure:?} on {screen} at {columns}x{rows}:\n{shown}");
                }
                world.keys("\t");
            }
        }
    }
    let shown = text(&draw(&World::play("unsynced", 120, 40).unwrap()));
    for said in ["no sync yet", "waiting for the first reading", "HPA has not read yet"] {
        assert!(shown.contains(said), "{said:?}:\n{shown}");
    }
}

#[test]
fn what_a_burst_waits_for_is_seen_first() {
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
fn who_scrolls_on_at_an_end_comes_back_at_the_first_step() {
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
        let mut press = |code| {
            world.press(code);
            tui::runtime::stop_at_the_end(&mut world.model);
            text(&draw(&world))
        };
        let at_the_end = press(on);
        assert_ne!(press(back), at_the_end, "{scene} stands still");
        assert_eq!(press(on), at_the_end, "{scene} comes back");
    }
}

#[test]
fn every_panel_alone_in_every_state() {
    for panel in dashboard::ui::screen::Panel::ALL {
        for state in crate::scenes::states::STATES {
            for (columns, rows) in [(80, 24), (120, 40)] {
                let world = crate::scenes::states::alone(*panel, state, columns, rows).unwrap();
                let name = format!("alone_{panel:?}_{state}_{columns}x{rows}").to_lowercase();
                insta::assert_snapshot!(name, text(&draw(&world)));
            }
        }
    }
}

#[test]
fn the_smallest_window_and_one_that_is_too_small() {
    for scene in [
        "starting",
        "scaled",
        "help",
        "kill",
        "dropped",
        "inspect",
        "legend",
        "typing",
        "chart_alone",
        "read_only",
    ] {
        let world = World::play(scene, 60, 15).unwrap();
        insta::assert_snapshot!(format!("{scene}_60x15"), text(&draw(&world)));
    }
    let world = World::play("scaled", 59, 15).unwrap();
    insta::assert_snapshot!("too_small_59x15", text(&draw(&world)));
    let world = World::play("scaled", 60, 14).unwrap();
    assert!(text(&draw(&world)).starts_with("surge needs a larger window"));
}

#[test]
fn eighty_columns_show_chart_target_replicas_decision_and_keys() {
    let screen = text(&draw(&World::play("scaled", 80, 24).unwrap()));
    for wanted in [
        "Queue Orders",
        "/20 (avg)",
        "10 ready",
        "10 desired",
        "decision",
        "next 10",
        "space",
        "? help",
        "q quit",
    ] {
        assert!(screen.contains(wanted), "{wanted:?} is missing:\n{screen}");
    }
}

#[test]
fn the_gate_that_binds_and_the_laggard_are_lit() {
    let buffer = draw(&World::play("scaled", 120, 40).unwrap());
    let lit = |wanted| buffer[find(&buffer, wanted)].style();
    for wanted in ["held at 10", "▸ HPA status"] {
        let style = lit(wanted);
        assert_eq!(style.fg, Some(Color::LightYellow), "{wanted}");
        assert!(style.add_modifier.contains(Modifier::BOLD), "{wanted}");
    }
    assert_eq!(lit("outside 0.90").fg, Some(Color::Reset));
}

#[test]
fn what_waits_what_is_in_work_and_what_was_chosen_have_colours_of_their_own() {
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
    assert_eq!(buffer[find(&buffer, "»")].style().fg, Some(Color::LightYellow));
}

#[test]
fn the_cursor_is_seen_also_without_colours() {
    for theme in [Theme::Dark, Theme::Mono] {
        let mut world = World::play("inspect", 120, 40).unwrap();
        world.model.ui.theme = theme;
        let buffer = draw(&world);
        let reversed = |cell: &&ratatui::buffer::Cell| cell.modifier.contains(Modifier::REVERSED);
        assert!(buffer.content.iter().filter(reversed).count() > 5, "{theme:?}");
        let screen = text(&buffer);
        for wanted in ["At 14:00:46", "waiting", "target", "inspect 14:00:46", "a worker is ready"] {
            assert!(screen.contains(wanted), "{wanted:?} is missing:\n{screen}");
        }
    }
}

#[test]
fn a_read_only_dashboard_says_so_at_every_width() {
    for columns in [60, 80, 120] {
        let mut world = World::play("read_only", columns, 24).unwrap();
        let buffer = draw(&world);
        assert_eq!(buffer[find(&buffer, "read-only")].style().fg, Some(Color::Yellow));
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
fn every_panel_says_that_its_source_is_lost_and_why() {
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
fn the_footer_keeps_the_way_out_at_every_width() {
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
fn the_help_is_complete_at_every_size_and_stops_at_its_end() {
    for (columns, rows) in [(60, 15), (80, 24), (120, 40), (200, 50)] {
        let mut world = World::play("help", columns, rows).unwrap();
        let reach = tui::view::max_scroll(&world.model);
        let mut page = |top| {
            world.model.ui.mode = Mode::Help(top);
            text(&draw(&world))
        };
        let all: String = (0..=reach).map(&mut page).collect();
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
        assert_eq!(page(reach), page(reach + 1));
        assert_eq!(page(reach).contains("the end"), reach > 0, "{columns}x{rows}");
    }
}

#[test]
fn badges_stand_in_the_title_and_leave_the_keys_alone() {
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
fn while_an_instant_is_looked_at_nothing_is_called_live_and_no_box_hides_the_cursor() {
    for (columns, rows) in [(60, 15), (80, 24), (120, 40), (200, 50)] {
        let mut world = World::play("inspect", columns, rows).unwrap();
        for _ in 0..4 {
            (0..28).for_each(|_| world.press(crossterm::event::KeyCode::Left));
            let buffer = draw(&world);
            let screen = text(&buffer);
            let title = screen.lines().next().unwrap_or_default();
            assert!(title.contains("inspect 14:0") && !title.contains("live"), "{title}");
            assert!(screen.contains("── At 14:0"), "{screen}");
            // The cursor stands in one column of every row of the plots and of the marks.
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
fn what_is_wrong_is_in_the_colour_of_errors() {
    let buffer = draw(&World::play("problem", 80, 24).unwrap());
    assert_eq!(buffer[find(&buffer, "context kind-demo")].style().fg, Some(Color::LightRed));
    let buffer = draw(&World::play("lost", 120, 40).unwrap());
    assert_eq!(buffer[find(&buffer, "! 10 s old")].style().fg, Some(Color::Yellow));
    assert_eq!(buffer[find(&buffer, "✗")].style().fg, Some(Color::LightRed));
}

#[test]
fn without_colours_shapes_and_weights_say_the_same() {
    let mut world = World::play("scaled", 120, 40).unwrap();
    let coloured = text(&draw(&world));
    world.model.ui.theme = Theme::Mono;
    let buffer = draw(&world);
    assert_eq!(text(&buffer), coloured, "no theme changes a word");
    for cell in &buffer.content {
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{cell:?}");
    }
    let lit = buffer[find(&buffer, "held at 10")].style();
    assert!(lit.add_modifier.contains(Modifier::REVERSED | Modifier::BOLD));
}

#[test]
fn only_the_sixteen_colours_of_the_terminal_are_used_and_ascii_is_ascii() {
    for scene in crate::scenes::all() {
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
fn of_an_idle_screen_only_the_clock_moves() {
    let mut world = World::play("idle", 120, 40).unwrap();
    // Long enough that no age in seconds is left and the time axis has ended growing.
    world.run(385);
    // The clock below the chart, which goes from round time to round time.
    let without_clock = |world: &World| -> Vec<String> {
        text(&draw(world)).lines().filter(|line| !line.ends_with(" now")).map(str::to_owned).collect()
    };
    let before = without_clock(&world);
    world.run(30);
    let after = without_clock(&world);
    assert_eq!(before, after);
}

#[test]
fn a_paused_view_is_said_to_be_paused() {
    let mut world = World::play("scaled", 120, 40).unwrap();
    world.keys("p");
    world.run(7);
    world.send(Event::Input(Input::Resize(120, 40)));
    assert!(text(&draw(&world)).contains("‖ paused"));
}

#[test]
fn a_failed_step_says_why() {
    let mut world = World::new(80, 24);
    let failed = StepState::Failed("port 5672: permission denied".to_owned());
    let waiting = StepState::Waiting(String::new());
    world.starting([StepState::Ready, failed, waiting.clone(), waiting]);
    let screen = text(&draw(&world));
    assert!(screen.contains("✗ broker"), "{screen}");
    assert!(screen.contains("permission denied"), "{screen}");
}

#[test]
fn the_screen_decision_lights_what_binds_and_what_differs() {
    let style = |scene: &str, wanted: &str| {
        let buffer = draw(&World::play(scene, 120, 40).unwrap());
        buffer[find(&buffer, wanted)].style()
    };
    let lit = style("decision_busy", "held at 10");
    assert_eq!((lit.fg, lit.add_modifier.contains(Modifier::BOLD)), (Some(Color::LightYellow), true));
    assert_eq!(style("decision_busy", "outside 0.90").fg, Some(Color::Reset));
    assert_eq!(style("decision_differs", "≠ calculated 10").fg, Some(Color::LightYellow));
    assert_eq!(style("decision_failing", "the HPA was unable").fg, Some(Color::Yellow));
    assert_eq!(style("drill", "Prometheus off").fg, Some(Color::LightYellow));
}

#[test]
fn the_best_run_and_the_worst_and_a_killed_worker_are_coloured_and_marked() {
    let buffer = draw(&World::play("runs_calm", 120, 40).unwrap());
    assert_eq!(buffer[find(&buffer, "▴5.0 s")].style().fg, Some(Color::LightGreen));
    assert_eq!(buffer[find(&buffer, "▾15.0 s")].style().fg, Some(Color::Yellow));
    assert_eq!(buffer[find(&buffer, "▸   2")].style().fg, Some(Color::LightYellow), "the cursor");
    let buffer = draw(&World::play("lanes_busy", 120, 40).unwrap());
    assert_eq!(buffer[find(&buffer, "✗✂")].style().fg, Some(Color::LightRed));
    let buffer = draw(&World::play("stopwatch_failing", 120, 40).unwrap());
    assert_eq!(buffer[find(&buffer, "not read now")].style().fg, Some(Color::Yellow));
}
