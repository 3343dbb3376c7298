//! The same quantity has the same value wherever it is shown: every screen of many recorded moments is drawn, and the figures
//! that appear more than once are compared.

use std::collections::BTreeMap;

use dashboard::scenes::World;
use dashboard::ui::screen::Screen;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// A window in which no panel is cut.
const SIZE: (u16, u16) = (200, 60);

/// The screen as lines.
fn lines(world: &mut World, screen: Screen) -> Vec<String> {
    world.model.ui.show(screen);
    drawn(world)
}

fn drawn(world: &World) -> Vec<String> {
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let mut buffer = Buffer::empty(area);
    tui::view::draw(&world.model, area, &mut buffer);
    let line = |y: u16| (0..SIZE.0).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..SIZE.1).map(line).collect()
}

/// The text between `from` and the first of `ends`, where the screen has it.
fn between(screen: &[String], from: &str, ends: &[char]) -> Option<String> {
    let rest = screen.iter().find_map(|line| line.split_once(from))?.1;
    let end = rest.find(ends).unwrap_or(rest.len());
    Some(rest[..end].trim().to_owned())
}

/// The word before `after` in a line with `mark`.
fn before(screen: &[String], mark: &str, after: &str) -> Option<String> {
    let line = screen.iter().find(|line| line.contains(mark) && line.contains(after))?;
    let text = line.split_once(after)?.0;
    text.rsplit(' ').next().map(str::to_owned)
}

/// The words of the newest row of the decision history: time, from, arrow, to, wanted, …, reading, target.
fn newest(screen: &[String]) -> Option<Vec<String>> {
    let head = screen.iter().position(|line| line.contains("from → to") && line.contains("limited by"))?;
    let words: Vec<String> = screen.get(head + 1)?.split_whitespace().map(str::to_owned).collect();
    let is_time = |word: &String| word.len() == 8 && word.matches(':').count() == 2;
    let time =
        (0..words.len()).find(|at| is_time(&words[*at]) && words.get(at + 2).is_some_and(|w| w == "→"))?;
    Some(words[time..].to_vec())
}

/// The figures of all screens, by quantity: each place and its value.
fn figures(world: &mut World) -> BTreeMap<&'static str, Vec<(&'static str, String)>> {
    let mut all: BTreeMap<&'static str, Vec<(&'static str, String)>> = BTreeMap::new();
    let mut note = |quantity, place, value: Option<String>| {
        if let Some(value) = value {
            all.entry(quantity).or_default().push((place, value));
        }
    };
    let overview = lines(world, Screen::Overview);
    let decision = lines(world, Screen::Decision);
    let runs = lines(world, Screen::Runs);
    let history = newest(&decision);
    world.model.ui.show(Screen::Overview);
    world.keys("v");
    let inspected = drawn(world);
    world.keys("v");
    let column = |index: usize| history.as_ref().and_then(|row| row.get(index).cloned());

    note(
        "time of the last sync",
        "Overview",
        between(&overview, "last sync  1", &[',']).map(|time| format!("1{time}")),
    );
    note(
        "time of the last sync",
        "Decision",
        between(&decision, "Last sync  1", &[',']).map(|time| format!("1{time}")),
    );
    note("time of the last sync", "history", column(0));
    note("time of the next sync", "Overview", between(&overview, "next sync  1", &[',']));
    note("time of the next sync", "Decision", between(&decision, "Next sync  1", &[',']));
    let sizes = between(&overview, "replicas    ", &[',']).filter(|text| text.contains('→'));
    note("sizes of the last sync", "Overview", sizes);
    let of_history = column(1).zip(column(3)).map(|(from, to)| format!("{from} → {to}"));
    note("sizes of the last sync", "history", of_history);
    note("wanted at the last sync", "Overview", between(&overview, ", wanted ", &[',']));
    note("wanted at the last sync", "history", column(4).filter(|wanted| wanted != "-"));
    let target = |text: &str| {
        text.split('÷')
            .nth(1)
            .map(|rest| rest.trim_start_matches([' ', '(']).split(' ').next().unwrap_or("").to_owned())
    };
    let ratio = decision.iter().find(|line| line.contains("ratio  ")).cloned();
    note("target of the last sync", "Decision", ratio.as_deref().and_then(target));
    note("target of the last sync", "history", history.as_ref().and_then(|row| row.last().cloned()));
    for (quantity, mark, after) in [
        ("messages", "── Queue", " messages"),
        ("unacked messages", "── Queue", " unacked"),
        ("replicas ready", "── Replicas", " ready"),
        ("replicas desired", "── Replicas", " desired"),
    ] {
        note(quantity, "Overview", before(&overview, mark, after));
        note(quantity, "Decision", before(&decision, mark, after));
    }
    let listed = |name: &str| {
        between(&inspected, name, &[]).and_then(|rest| rest.split_whitespace().next().map(str::to_owned))
    };
    note("messages at the cursor", "title", before(&inspected, "── Queue", " messages"));
    note("messages at the cursor", "list", listed("━ messages "));
    note("unacked at the cursor", "title", before(&inspected, "── Queue", " unacked"));
    note("unacked at the cursor", "list", listed("▓ unacked "));
    let data = &world.model.data;
    note("messages", "the broker", data.depth.map(|depth| depth.total().to_string()));
    note("replicas ready", "the Deployment", data.workload.get().map(|workload| workload.ready.to_string()));
    note("accepted jobs", "Overview", before(&overview, "accepted", " accepted"));
    note("accepted jobs", "Runs", before(&runs, "accepted", " accepted"));
    all
}

/// The number of places of each quantity.
///
/// # Panics
///
/// Fails if two places show different values of a quantity.
fn agree(world: &mut World, moment: &str) -> BTreeMap<&'static str, usize> {
    let mut places = BTreeMap::new();
    for (quantity, values) in figures(world) {
        let first = &values[0].1;
        assert!(values.iter().all(|(_, value)| value == first), "{quantity} at {moment}: {values:?}");
        places.insert(quantity, values.len());
    }
    places
}

#[test]
fn every_quantity_has_one_value() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut world = World::new(SIZE.0, SIZE.1);
    world.ready();
    world.run(20);
    // Up to the maximum, an overlapping burst, and all the way back to the minimum.
    world.burst(200);
    // Seven has no common factor with the sync period: the samples fall on all its seconds.
    for second in (0..240_u64).step_by(7) {
        if second == 98 {
            world.model.ui.show(Screen::Overview);
            world.burst(50);
        }
        world.run(7);
        for (quantity, places) in agree(&mut world, &format!("second {second}")) {
            let most = seen.entry(quantity).or_default();
            *most = (*most).max(places);
        }
    }
    // A quantity that is found in one place alone compares nothing.
    for (quantity, places) in &seen {
        assert!(*places >= 2, "{quantity} is in {places} place: {seen:?}");
    }
    assert!(seen.len() >= 10, "{seen:?}");
}

#[test]
fn every_scene_agrees_with_itself() {
    for scene in
        ["idle", "scaled", "draining", "decision_busy", "decision_calm", "shadow", "runs_busy", "errors"]
    {
        let mut world = World::play(scene, SIZE.0, SIZE.1).unwrap();
        agree(&mut world, scene);
    }
}
