//! Conversations with the keyboard as data: the scene before, the keys, and the differences after them.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use dashboard::chart::curves::Curves;
use dashboard::clock::At;
use dashboard::keys::{KeyContext, Press, TABLE};
use dashboard::message::{Effect, Event, Input};
use dashboard::model::Model;
use dashboard::scenes::World;
use dashboard::session::{Motion, Replay, Session};
use dashboard::ui::appearance::{Markers, Theme};
use dashboard::ui::dialog::Dialog;
use dashboard::ui::screen::{Focus, Screen};
use dashboard::ui::state::{Access, Confirm, Mode, Tone};
use dashboard::ui::yes_no::YesNo;

/// Keys in the notation of the tables: characters, and names in angle brackets.
fn strokes(keys: &str) -> Vec<KeyEvent> {
    let mut strokes = Vec::new();
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let (code, modifiers) = match named.map(|(name, _)| name) {
            Some("esc") => (KeyCode::Esc, KeyModifiers::NONE),
            Some("enter") => (KeyCode::Enter, KeyModifiers::NONE),
            Some("tab") => (KeyCode::Tab, KeyModifiers::NONE),
            Some("backtab") => (KeyCode::BackTab, KeyModifiers::SHIFT),
            Some("back") => (KeyCode::Backspace, KeyModifiers::NONE),
            Some("left") => (KeyCode::Left, KeyModifiers::NONE),
            Some("right") => (KeyCode::Right, KeyModifiers::NONE),
            Some("up") => (KeyCode::Up, KeyModifiers::NONE),
            Some("down") => (KeyCode::Down, KeyModifiers::NONE),
            Some("home") => (KeyCode::Home, KeyModifiers::NONE),
            Some("end") => (KeyCode::End, KeyModifiers::NONE),
            Some("pgup") => (KeyCode::PageUp, KeyModifiers::NONE),
            Some("pgdown") => (KeyCode::PageDown, KeyModifiers::NONE),
            Some(name) => match name.strip_prefix("ctrl-").and_then(|letter| letter.chars().next()) {
                Some(letter) => (KeyCode::Char(letter), KeyModifiers::CONTROL),
                None => panic!("unknown key {name}"),
            },
            None => (KeyCode::Char(c), KeyModifiers::NONE),
        };
        rest = named.map_or_else(|| &rest[c.len_utf8()..], |(_, rest)| rest);
        strokes.push(KeyEvent::new(code, modifiers));
    }
    strokes
}

/// A key by its name in the table.
fn press(key: &KeyEvent) -> Press {
    match key.code {
        KeyCode::Char(c) if key.modifiers == KeyModifiers::CONTROL => Press::Ctrl(c),
        KeyCode::Char(c) => Press::Char(c),
        code => Press::Code(code),
    }
}

fn type_keys(world: &mut World, keys: &str) {
    for key in strokes(keys) {
        world.send(Event::Input(Input::Key(key)));
    }
}

/// The differences from an untouched dashboard, and the requested effects.
fn state(world: &World) -> String {
    let Model { data, ui, .. } = &world.model;
    let mut parts = vec![ui.screen.title().to_lowercase()];
    match &ui.mode {
        Mode::Normal => {}
        Mode::Help(top) => parts.push(format!("help from {top}")),
        Mode::Filter => parts.push("typing".to_owned()),
        Mode::Confirm(Confirm::Burst { size }, _) => parts.push(format!("burst of {size}?")),
        Mode::Confirm(Confirm::Load, _) => parts.push("load?".to_owned()),
        Mode::Confirm(Confirm::Kill { chosen, .. }, answer) => {
            let yes = if *answer == YesNo::Yes { " yes" } else { "" };
            parts.push(format!("kill {chosen}?{yes}"));
        }
        Mode::Dialog(sheet) => parts.push(
            match **sheet {
                Dialog::Tune(_) => "tune",
                Dialog::Shadow(_) => "shadow",
                Dialog::Drills(_) => "drills",
                Dialog::Places(_) => "places",
                Dialog::Mark(_) => "mark",
                Dialog::Scenarios(_) => "scenarios",
            }
            .to_owned(),
        ),
        other => parts.push(format!("{other:?}").to_lowercase()),
    }
    match ui.focus {
        Focus::Nowhere => {}
        Focus::On(panel) => parts.push(format!("on {panel:?}").to_lowercase()),
        Focus::Expanded(panel) => parts.push(format!("only {panel:?}").to_lowercase()),
    }
    let now = world.model.shown().now;
    let stretch = ui.viewport.stretch(now);
    if !stretch.is_live {
        parts.push(format!("ends {:.1} s ago", now.since(stretch.end).as_secs_f64()));
    }
    if stretch.seconds != 90 {
        parts.push(format!("{} s wide", stretch.seconds));
    }
    if let Some(cursor) = stretch.cursor {
        parts.push(format!("cursor {:.2} s ago", now.since(cursor).as_secs_f64()));
    }
    if ui.curves != Curves::default() {
        parts.push(format!("{} hidden", ui.curves.hidden()));
    }
    if ui.markers != Markers::Braille {
        parts.push(format!("{:?}", ui.markers).to_lowercase());
    }
    if ui.theme != Theme::Dark {
        parts.push(format!("{:?}", ui.theme).to_lowercase());
    }
    for (name, filter) in
        [("events", &ui.filters.events), ("logs", &ui.filters.logs), ("pods", &ui.filters.pods)]
    {
        if !filter.text().is_empty() {
            parts.push(format!("{name} /{}", filter.text()));
        }
    }
    if ui.drain_time != 1 {
        parts.push(format!("asks {}", ui.drain_time));
    }
    if ui.scroll > 0 {
        parts.push(format!("scrolled {}", ui.scroll));
    }
    if world.model.paused_for().is_some() {
        parts.push("paused".to_owned());
    }
    if !ui.mouse {
        parts.push("no mouse".to_owned());
    }
    if data.load.size != 200 {
        parts.push(format!("size {}", data.load.size));
    }
    if data.load.rate != 5.0 || data.load.is_on() {
        parts.push(format!("load {} {}", data.load.rate, if data.load.is_on() { "on" } else { "off" }));
    }
    // The states of toggles are in the other parts.
    if let Some(notice) = ui.notice(data.now).filter(|notice| notice.tone == Tone::Refusal) {
        parts.push(format!("says {:?}", notice.text.split(':').next().unwrap_or_default()));
    }
    for effect in &world.effects {
        match effect {
            Effect::Fire { size, .. } => parts.push(format!("fired {size}")),
            Effect::Load { rate } => parts.push(format!("asked for {rate}/s")),
            Effect::KillPod { .. } => parts.push("killed".to_owned()),
            Effect::Suspend => parts.push("suspended".to_owned()),
            Effect::Redraw => parts.push("redrawn".to_owned()),
            Effect::Quit => parts.push("quit".to_owned()),
            Effect::Record(request) => parts.push(format!("record {request:?}").to_lowercase()),
            Effect::Replay(request) => parts.push(format!("replay {request:?}").to_lowercase()),
            _ => {}
        }
    }
    parts.join(", ")
}

/// The scene `scaled` 65 s after the start, with a burst of 200 in progress and ten workers.
fn world() -> World {
    let mut world = World::play("scaled", 120, 40).expect("a scene of that name");
    world.effects.clear();
    world
}

/// The keys, and the differences after them.
const CONVERSATIONS: &[(&str, &str)] = &[
    ("", "overview"),
    // Load.
    ("2", "overview, size 10"),
    ("4", "overview, size 100"),
    ("5", "overview, size 500"),
    ("1 3 ", "overview, size 50, fired 1, fired 50"),
    ("+", "overview, size 210"),
    ("--", "overview, size 180"),
    ("6+ ", "overview, burst of 1100?, size 1100"),
    ("6+ y", "overview, size 1100, fired 1100"),
    ("6+ n", "overview, size 1100"),
    ("c", "overview, load 5 on, asked for 5/s"),
    ("c>>", "overview, load 20 on, asked for 5/s, asked for 10/s, asked for 20/s"),
    ("<<c", "overview, load 1 on, asked for 1/s"),
    ("cc", "overview, asked for 5/s, asked for 0/s"),
    ("K<down><down>", "overview, kill 2?"),
    ("Kkjjy", "overview, killed"),
    // The preselected answer is no, so a stray enter kills nothing.
    ("K<enter>", "overview"),
    ("K<right>", "overview, kill 0? yes"),
    ("K<right><down>", "overview, kill 1? yes"),
    ("Kj<right><enter>", "overview, killed"),
    ("K<tab><left><enter>", "overview"),
    ("6+ <enter>", "overview, size 1100, fired 1100"),
    ("6+ <left><enter>", "overview, size 1100"),
    ("u", "overview, says \"no undo\""),
    ("K<esc>", "overview"),
    // Screens and panels.
    ("<tab>", "pods"),
    ("<tab><backtab>", "overview"),
    ("L", "logs"),
    ("H", "fleet"),
    ("HH", "fleet, says \"H has no effect here\""),
    ("H<esc>", "overview"),
    ("C", "overview, places"),
    ("N", "overview, places"),
    ("<enter>", "overview, only chart"),
    ("<enter><esc>", "overview, on chart"),
    ("<enter><esc><esc>", "overview"),
    ("<down><down>", "overview, on decision"),
    ("<right><right><left><enter>", "overview, only chart"),
    ("<up><up><enter>", "overview, only events"),
    ("<up><up><enter><up><up>", "overview, only events, scrolled 2"),
    ("<up><up><enter><up><end>", "overview, only events"),
    ("<up><up><enter><up><up><esc><esc>", "overview, on events"),
    ("<down><enter><tab>", "pods"),
    // Time.
    ("z", "overview, 60 s wide"),
    ("zzzzzzz", "overview, 15 s wide, says \"15 s is the shortest stretch of time\""),
    ("Z", "overview, 120 s wide"),
    ("zz[", "overview, ends 7.5 s ago, 30 s wide"),
    ("zz[[]", "overview, ends 7.5 s ago, 30 s wide"),
    ("zz[]", "overview, 30 s wide"),
    ("zz[[0", "overview, 30 s wide"),
    ("v", "overview, ends 0.0 s ago, cursor 0.00 s ago"),
    ("v<left><left>", "overview, ends 0.0 s ago, cursor 1.50 s ago"),
    ("v<left><left><right>", "overview, ends 0.0 s ago, cursor 0.75 s ago"),
    ("v<left><esc>", "overview"),
    ("vv", "overview"),
    ("v<up>", "overview, ends 0.0 s ago, cursor 18.40 s ago"),
    ("v<home><end>", "overview, ends 0.0 s ago, cursor 0.00 s ago"),
    ("zzv<home>", "overview, ends 35.0 s ago, 30 s wide, cursor 65.00 s ago"),
    ("v 2", "overview, ends 0.0 s ago, cursor 0.00 s ago, size 10, fired 200"),
    ("p", "overview, paused"),
    ("pv<left>", "overview, ends 0.0 s ago, cursor 0.75 s ago, paused"),
    ("pp", "overview"),
    // Appearance.
    ("o", "overview, legend(0)"),
    ("o<down>j<up> ", "overview, legend(1), 1 hidden"),
    ("o  ", "overview, legend(0)"),
    ("o <down><enter>o", "overview, 2 hidden"),
    ("b", "overview, block"),
    ("bb", "overview, ascii"),
    ("bbb", "overview"),
    ("T", "overview, light"),
    ("TT", "overview, mono"),
    ("m", "overview, no mouse"),
    ("?", "overview, help from 0"),
    ("?<down><down>", "overview, help from 2"),
    ("?<esc>", "overview"),
    ("?2 c", "overview, help from 0, says \"c is no key of the help; esc closes it\""),
    // Filters: typed keys are text, also digits, space and q.
    ("/", "overview, typing"),
    ("/12 q?", "overview, typing, events /12 q?"),
    ("/worker<enter>", "overview, events /worker"),
    ("/worker<enter>3", "overview, events /worker, size 50"),
    ("/worker<esc>", "overview"),
    ("/ab<back>", "overview, typing, events /a"),
    ("/a<back><back>", "overview"),
    ("/a<enter><esc>", "overview"),
    ("L/acked 2<enter>", "logs, logs /acked 2"),
    ("<tab>/4kq2m<enter>", "pods, pods /4kq2m"),
    ("/a<tab><up>", "overview, typing, events /a, says \"↑ is no key here; ? lists the keys\""),
    ("<tab><tab>/", "decision, says \"this screen has no list to filter\""),
    ("Lv", "logs, says \"this screen has no time axis\""),
    // Recordings.
    ("R", "overview, record toggle"),
    ("e", "overview, record save"),
    ("M", "overview, mark"),
    ("Mpeak q?<enter>", "overview"),
    ("M<esc>", "overview"),
    // The end.
    ("q", "overview, quit"),
    ("cq", "overview, asked for 5/s, asked for 0/s, quit"),
    ("/q<ctrl-c>", "overview, typing, events /q, quit"),
    ("K<ctrl-c>", "overview, kill 0?, quit"),
    ("<ctrl-z>", "overview, suspended"),
    ("<ctrl-l>", "overview, redrawn"),
    // The other keys of the table.
    ("+==-", "overview, size 220"),
    ("c..,", "overview, load 10 on, asked for 5/s, asked for 10/s, asked for 20/s, asked for 10/s"),
    ("D", "overview, drills"),
    ("s", "overview, scenarios"),
    ("s<enter>n<esc>", "overview"),
    ("t", "overview, tune"),
    ("w", "overview, shadow"),
    ("aa", "overview, asks 3"),
    ("x", "overview, says \"x compares runs\""),
    ("r", "doctor"),
    ("zzf", "overview"),
    ("zz[f", "overview"),
    ("L<pgup><pgdown>", "logs"),
    ("K<right><backtab><enter>", "overview"),
    ("K<end>", "overview, kill 9?"),
    ("K<end><home>", "overview, kill 0?"),
    ("K<pgdown><up>", "overview, kill 8?"),
    ("Kj<pgup>j", "overview, kill 1?"),
    ("Kq", "overview"),
    ("K?", "overview"),
    ("ojk<esc>", "overview"),
    ("ojjo", "overview"),
    ("oq", "overview"),
    ("on", "overview"),
    ("/abc<ctrl-h><ctrl-w>", "overview, typing, events /a"),
    ("o<ctrl-c>", "overview, legend(0), quit"),
];

#[test]
fn keys_do_what_the_table_says() {
    let mut wrong = Vec::new();
    for (keys, after) in CONVERSATIONS {
        let mut world = world();
        type_keys(&mut world, keys);
        if state(&world) != *after {
            wrong.push(format!("{keys:?}: {}, and not {after}", state(&world)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same in a replay: its own keys, and keys that would act.
const IN_A_REPLAY: &[(&str, &str)] = &[
    (" p", "overview, replay toggle, replay toggle"),
    (",.", "overview, replay seek(-10.0), replay seek(10.0)"),
    ("<", "overview, replay seek(-60.0)"),
    (">", "overview, replay seek(60.0)"),
    ("gG", "overview, replay start, replay end"),
    ("+=-", "overview, replay faster, replay faster, replay slower"),
    ("nN", "overview, replay nextmark, replay previousmark"),
    ("zz[", "overview, ends 7.5 s ago, 30 s wide"),
    ("r", "doctor"),
    ("c", "overview, says \"a replay\""),
    ("K", "overview, says \"a replay\""),
    ("t", "overview, says \"a replay\""),
    ("w", "overview, says \"a replay\""),
    ("R", "overview, says \"a replay\""),
    ("3", "overview, says \"a replay\""),
    ("q", "overview, quit"),
];

fn replayed_world() -> World {
    let mut world = world();
    let (start, position, end) = (At::default(), world.model.data.now, world.model.data.now);
    let (name, speed, motion) = ("run".to_owned(), 1.0, Motion::Playing);
    world.model.session = Session::Replay(Replay { name, start, position, end, speed, motion });
    world
}

#[test]
fn a_replay_has_keys_of_its_own() {
    let mut wrong = Vec::new();
    for (keys, after) in IN_A_REPLAY {
        let mut world = replayed_world();
        let before = world.model.data.clone();
        type_keys(&mut world, keys);
        if state(&world) != *after {
            wrong.push(format!("{keys:?}: {}, and not {after}", state(&world)));
        }
        assert!(
            world.model.data == before || format!("{:?}", world.model.data) == format!("{before:?}"),
            "{keys}"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_key_answers_on_every_screen() {
    let mut world = world();
    let codes =
        (' '..='~').map(KeyCode::Char).chain([KeyCode::Enter, KeyCode::Esc, KeyCode::F(5), KeyCode::Left]);
    let codes: Vec<KeyCode> = codes.collect();
    for screen in Screen::ALL {
        world.model.ui.show(*screen);
        // The notice of the key before would hide that of a key which says the same.
        world.model.ui.notice = None;
        let before = world.model.clone();
        for code in &codes {
            world.model = before.clone();
            world.effects.clear();
            world.press(*code);
            let is_answered = world.model != before || !world.effects.is_empty();
            assert!(is_answered, "{code:?} on {screen:?}");
        }
    }
    // A key that cannot act says why.
    for (screen, code, said) in [
        (Screen::Overview, KeyCode::Char('x'), "x compares runs: it works on the screen Runs"),
        (Screen::Logs, KeyCode::Char('z'), "this screen has no time axis"),
        (Screen::Overview, KeyCode::Char('y'), "y is no key here; ? lists the keys"),
        (Screen::Decision, KeyCode::Left, "← has no effect here"),
        (Screen::Overview, KeyCode::Char('u'), "no undo: no change was made from here"),
        (Screen::Overview, KeyCode::Char('T'), "theme: light"),
        (Screen::Overview, KeyCode::Char('m'), "mouse off: the terminal selects text"),
    ] {
        let mut world = self::world();
        world.model.ui.show(screen);
        world.press(code);
        let notice = world.model.ui.notice(world.model.data.now).map(|notice| notice.text.as_str());
        assert_eq!(notice, Some(said), "{code:?} on {screen:?}");
    }
}

#[test]
fn every_key_has_a_conversation() {
    let mut typed = Vec::new();
    for (keys, _) in IN_A_REPLAY {
        typed.extend(strokes(keys).iter().map(|key| (KeyContext::Replay, press(key))));
    }
    for (keys, _) in CONVERSATIONS {
        let mut world = world();
        for key in strokes(keys) {
            let place = match world.model.ui.mode {
                Mode::Normal => KeyContext::Screen,
                Mode::Help(_) | Mode::Confirm(..) => KeyContext::Dialog,
                Mode::Legend(_) => KeyContext::Legend,
                Mode::Filter => KeyContext::Filter,
                // A dialog takes its keys as text.
                Mode::Dialog(_) => KeyContext::Always,
            };
            typed.push((place, press(&key)));
            world.send(Event::Input(Input::Key(key)));
        }
    }
    let is_typed = |when, wanted| {
        typed.iter().any(|(place, press)| *press == wanted && (when == KeyContext::Always || when == *place))
    };
    let missing: Vec<_> = TABLE
        .iter()
        .flat_map(|binding| binding.keys.iter().map(|(press, action)| (binding.when, *press, *action)))
        .filter(|(when, press, _)| !is_typed(*when, *press))
        .collect();
    assert!(missing.is_empty(), "no conversation has {missing:#?}");
}

#[test]
fn runs_are_chosen_with_the_arrows_and_compared_with_x() {
    for (keys, cursor, against) in [
        ("", None, None),
        ("<down>", Some(4), None),
        ("<down><down><up>", Some(4), None),
        ("<down>x<down>", Some(3), Some(4)),
        ("<down>xx", Some(4), None),
        ("x<down>", Some(4), Some(5)),
        ("<home>", Some(1), None),
        ("<home><down>", Some(1), None),
        // The newest row stays chosen when a newer one arrives.
        ("<home><end>", None, None),
        ("<tab>x<backtab>", None, None),
    ] {
        let mut world = World::play("runs_busy", 120, 40).expect("a scene of that name");
        type_keys(&mut world, keys);
        let chosen = world.model.ui.runs;
        assert_eq!((chosen.cursor, chosen.against), (cursor, against), "after {keys:?}");
    }
}

#[test]
fn lanes_scroll_beyond_the_last_row() {
    let mut world = World::play("lanes_many", 80, 24).expect("a scene of that name");
    for (keys, top) in [("", "00029"), ("<up><up>", "00027"), ("<home>", "4kq2m"), ("<end>", "00029")] {
        type_keys(&mut world, keys);
        let (_, row) = place(&world, &format!("…c8b5-{top}"));
        assert_eq!(row, 3, "after {keys:?}");
    }
}

#[test]
fn a_read_only_dashboard_explains_its_refusals() {
    for (keys, after) in [
        (" ", "overview, says \"read-only\""),
        ("c", "overview, says \"read-only\""),
        ("K", "overview, says \"read-only\""),
        (" <tab>", "pods"),
        ("3z", "overview, 60 s wide, size 50"),
    ] {
        let mut world = world();
        world.model.ui.access = Access::ReadOnly;
        type_keys(&mut world, keys);
        assert_eq!(state(&world), after, "after {keys:?}");
    }
}

#[test]
fn pasted_text_goes_into_an_open_filter_only() {
    for (keys, after) in [
        ("", "overview"),
        ("K", "overview, kill 0?"),
        ("/a", "overview, typing, events /aq 6 cK"),
        ("o", "overview, legend(0)"),
    ] {
        let mut world = world();
        type_keys(&mut world, keys);
        world.send(Event::Input(Input::Paste("q 6\ncK".to_owned())));
        assert_eq!(state(&world), after, "after {keys:?}");
    }
}

/// The column and row of a text's first character.
fn place(world: &World, wanted: &str) -> (u16, u16) {
    let (columns, rows) = world.model.ui.size;
    let area = ratatui::layout::Rect::new(0, 0, columns, rows);
    let mut buffer = ratatui::buffer::Buffer::empty(area);
    tui::view::draw(&world.model, area, &mut buffer);
    for y in 0..rows {
        let line: Vec<&str> = (0..columns).map(|x| buffer[(x, y)].symbol()).collect();
        if let Some(x) = (0..line.len()).find(|x| line[*x..].concat().starts_with(wanted)) {
            return (x as u16, y);
        }
    }
    panic!("{wanted:?} is not on the screen");
}

#[test]
fn the_mouse_chooses_what_it_points_at() {
    use MouseEventKind::{Down, ScrollDown, ScrollUp};
    let click = Down(MouseButton::Left);
    let mut wrong = Vec::new();
    for (keys, kind, on, offset, after) in [
        ("", click, "Pods", (1, 0), "pods"),
        ("", click, "Logs", (0, 0), "logs"),
        ("", click, "surge", (0, 0), "overview"),
        ("", click, "Decision ─", (0, 2), "overview, on decision"),
        ("<down><down>", click, "Decision ─", (0, 2), "overview, only decision"),
        ("", click, "Who believes", (3, 1), "overview, on beliefs"),
        ("", click, "Events ─", (0, 0), "overview, on events"),
        // The right end of the marks is the present; the plot has 111 cells for 90 s.
        ("", click, " marks", (117, 0), "overview, ends 0.0 s ago, cursor 0.00 s ago"),
        // The values at the cursor are not a panel.
        ("v", click, "At 14:", (3, 2), "overview, ends 0.0 s ago, cursor 0.00 s ago"),
        ("<tab>", click, "now", (2, 0), "pods, ends 0.0 s ago, cursor 0.00 s ago"),
        ("", ScrollUp, " marks", (117, 0), "overview, 60 s wide"),
        ("", ScrollDown, " marks", (117, 0), "overview, 120 s wide"),
        ("L", ScrollUp, "Logs ─", (0, 5), "logs, scrolled 3"),
        ("K", ScrollDown, "Kill which", (0, 2), "overview, kill 1?"),
        ("K", click, "Pods", (0, 0), "overview, kill 0?"),
        ("o", ScrollDown, "Legend", (0, 2), "overview, legend(1)"),
        ("?", ScrollDown, "Help", (0, 2), "overview, help from 1"),
    ] {
        let mut world = world();
        type_keys(&mut world, keys);
        let (x, y) = place(&world, on);
        let (column, row) = (x + offset.0, y + offset.1);
        let (columns, rows) = world.model.ui.size;
        let area = ratatui::layout::Rect::new(0, 0, columns, rows);
        let target = tui::view::ScreenLayout::new(&world.model, area).hit_test((column, row));
        let mouse = MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE };
        world.send(Event::Input(Input::Mouse(mouse, target)));
        if state(&world) != after {
            wrong.push(format!("{keys:?}, {kind:?} on {on:?}: {}, and not {after}", state(&world)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_scrolled_list_stays_in_place_while_it_grows() {
    let mut world = world();
    type_keys(&mut world, "L<up><up>");
    let before = world.model.data.logs.iter().len();
    world.run(3);
    let joined = world.model.data.logs.iter().len() - before;
    assert!(joined > 0);
    assert_eq!(world.model.ui.scroll, 2 + joined);
}
