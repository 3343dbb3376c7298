//! The stretch of time on the screen: whether it follows the present, its width, and the inspected instant.
//!
//! The viewport is its only owner. Chart, lanes and cursor take a [`Stretch`] of it, so they cannot disagree.

use std::time::Duration;

use crate::clock::At;

/// The widths that `z` and `Z` step through, in seconds.
pub const WIDTHS: [u64; 15] =
    [15, 30, 60, 90, 120, 180, 300, 600, 1_200, 3_600, 10_800, 36_000, 86_400, 259_200, 604_800];

/// The widths through which an automatic stretch grows in the run's first minutes.
const AUTO_WIDTHS: [u64; 7] = [15, 30, 60, 90, 120, 180, 300];

/// The divisor of the width by which an idle picture moves at once; it is still in between.
const STRIDES: u64 = 10;

/// Cursor steps across the stretch.
const CURSOR_STEPS: u64 = 120;

/// The end of a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The present.
    Live,
    /// An instant; the data goes on after it.
    At(At),
}

/// The length of a stretch, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    /// Automatic: as long as there is data, up to five minutes.
    Fitted,
    /// Automatic, but frozen while the picture is still.
    Held(u64),
    /// Chosen by the user.
    Chosen(u64),
}

/// The inspected instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Inspection {
    cursor: At,
    /// True if the stretch followed the present before, and will again.
    was_live: bool,
}

/// The owner of the stretch of time on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewport {
    end: End,
    width: Width,
    /// The end of the live picture, ahead of the present. Until then the picture is still and fills from the
    /// left, so that an idle dashboard writes only new cells.
    edge: Option<At>,
    /// The time of the first data. A young picture of automatic width begins there and fills to the right.
    begun: Option<At>,
    inspection: Option<Inspection>,
}

impl Default for Viewport {
    fn default() -> Self {
        Self { end: End::Live, width: Width::Fitted, edge: None, begun: None, inspection: None }
    }
}

/// A stretch of time to draw, and the inspected instant in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Its last instant; it may be in the future.
    pub end: At,
    /// The newest known instant: the stretch is empty after it.
    pub now: At,
    /// Its length in seconds; it may begin before the run did.
    pub seconds: u64,
    /// True if its end is the present.
    pub is_live: bool,
    /// The inspected instant.
    pub cursor: Option<At>,
}

/// The automatic length of a stretch for data of that length.
fn fitted(data: Duration) -> u64 {
    AUTO_WIDTHS
        .into_iter()
        .find(|width| Duration::from_secs(*width) >= data)
        .unwrap_or(AUTO_WIDTHS[AUTO_WIDTHS.len() - 1])
}

impl Stretch {
    /// One step of the cursor.
    #[must_use]
    pub fn step(&self) -> Duration {
        Duration::from_millis((self.seconds.saturating_mul(1_000) / CURSOR_STEPS).max(1))
    }

    /// The instant of the figures next to the picture, if it is not the present: the cursor's, else the last
    /// one.
    #[must_use]
    pub fn instant(&self) -> Option<At> {
        self.cursor.or((!self.is_live).then_some(self.end.min(self.now)))
    }

    /// Its first instant; the run's start if the run is younger.
    #[must_use]
    pub fn from(&self) -> At {
        At(self.end.0.saturating_sub(Duration::from_secs(self.seconds)))
    }
}

impl Viewport {
    /// The stretch to draw when the newest data is from `now`.
    #[must_use]
    pub fn stretch(&self, now: At) -> Stretch {
        let seconds = self.seconds(now);
        let end = match self.end {
            End::Live => self.reach(now),
            // A paused view may be older than the data.
            End::At(end) => end.min(self.reach(now)),
        };
        let cursor = self.inspection.map(|inspection| inspection.cursor.min(now));
        Stretch { end, now, seconds, is_live: self.end == End::Live, cursor }
    }

    fn seconds(&self, now: At) -> u64 {
        match self.width {
            Width::Fitted => fitted(now.since(self.begun())),
            Width::Held(seconds) | Width::Chosen(seconds) => seconds,
        }
    }

    /// The end of a live picture.
    fn reach(&self, now: At) -> At {
        let filled = match self.width {
            Width::Fitted | Width::Held(_) => self.first_end(self.seconds(now)),
            Width::Chosen(_) => now,
        };
        self.edge.map_or(now, |edge| edge.max(now)).max(filled)
    }

    /// The end of the stretch of that length that begins with the first data.
    fn first_end(&self, seconds: u64) -> At {
        At(self.begun().0.saturating_add(Duration::from_secs(seconds)))
    }

    /// Notes the time of the first data.
    pub fn begin(&mut self, at: At) {
        self.begun.get_or_insert(at);
    }

    fn begun(&self) -> At {
        self.begun.unwrap_or_default()
    }

    /// Keeps a live picture still while nothing but time changes, with room for new data. Once the room is
    /// full it adds more. If something happens meanwhile, the data fills the room and the picture then
    /// follows the present.
    pub fn hold_still(&mut self, now: At) {
        if self.end != End::Live || self.edge.is_some_and(|edge| now <= edge) {
            return;
        }
        let width = Duration::from_secs(self.stretch(now).seconds);
        let stride = (width.as_millis() / u128::from(STRIDES)).max(1);
        let first_end = self.first_end(width.as_secs());
        self.edge = Some(if now < first_end {
            first_end
        } else {
            At(Duration::from_millis(
                u64::try_from((now.0.as_millis() / stride + 1) * stride).unwrap_or(u64::MAX),
            ))
        });
    }

    /// Sets the width in seconds.
    pub fn set_width(&mut self, seconds: u64) {
        self.width = Width::Chosen(seconds.max(1));
        self.edge = None;
    }

    /// Zooms by one step. The instant `around` keeps its place, else the cursor, else the present or the
    /// middle.
    pub fn zoom(&mut self, now: At, closer: bool, around: Option<At>) {
        let old = self.stretch(now);
        let next = if closer {
            WIDTHS.into_iter().rev().find(|width| *width < old.seconds)
        } else {
            WIDTHS.into_iter().find(|width| *width > old.seconds)
        };
        self.resize(now, Width::Chosen(next.unwrap_or(old.seconds)), around);
    }

    /// Returns to the automatic width, also after a manual zoom.
    pub fn fit(&mut self, now: At) {
        let width =
            if self.end == End::Live { Width::Fitted } else { Width::Held(fitted(now.since(self.begun()))) };
        self.resize(now, width, None);
    }

    fn resize(&mut self, now: At, width: Width, around: Option<At>) {
        let old = self.stretch(now);
        self.width = width;
        // Room that would be most of a narrow picture is removed.
        let seconds = self.stretch(now).seconds;
        self.edge = self.edge.filter(|edge| edge.since(now) * 2 <= Duration::from_secs(seconds));
        if self.end == End::Live {
            return;
        }
        let middle = At(old.end.0.saturating_sub(Duration::from_secs(old.seconds) / 2));
        let fixed = around.or(old.cursor).unwrap_or(middle).min(old.end);
        // Both are seconds of at most a week, so their ratio is exact enough.
        let right = old.end.since(fixed).mul_f64(seconds as f64 / old.seconds as f64);
        self.end_at(now, At(fixed.0.saturating_add(right)));
    }

    /// Freezes an automatic width.
    fn hold(&mut self, now: At) {
        if self.width == Width::Fitted {
            self.width = Width::Held(self.stretch(now).seconds);
        }
    }

    /// Lets an automatic width grow again.
    fn follow(&mut self) {
        self.end = End::Live;
        if matches!(self.width, Width::Held(_)) {
            self.width = Width::Fitted;
        }
    }

    /// Pans by a quarter of the stretch; at the present it follows it again.
    pub fn pan(&mut self, now: At, earlier: bool) {
        self.hold(now);
        let old = self.stretch(now);
        let step = Duration::from_millis(old.seconds * 250);
        let end = if earlier { old.end.0.saturating_sub(step) } else { old.end.0.saturating_add(step) };
        self.end_at(now, At(end));
    }

    /// Returns to the present and ends the inspection.
    pub fn live(&mut self) {
        self.inspection = None;
        self.follow();
    }

    /// Returns true while an instant is inspected.
    #[must_use]
    pub fn is_inspecting(&self) -> bool {
        self.inspection.is_some()
    }

    /// Inspects an instant. Meanwhile the picture is still.
    pub fn inspect(&mut self, now: At, at: At) {
        let stretch = self.stretch(now);
        let was_live = self.inspection.map_or(self.end == End::Live, |inspection| inspection.was_live);
        self.hold(now);
        self.end = End::At(stretch.end);
        let cursor = at.clamp(stretch.from(), stretch.end.min(now).max(stretch.from()));
        self.inspection = Some(Inspection { cursor, was_live });
    }

    /// Ends the inspection.
    pub fn leave(&mut self) {
        let Some(inspection) = self.inspection.take() else { return };
        if inspection.was_live {
            self.follow();
        }
    }

    /// Moves the cursor by one step. At an edge the stretch moves with it.
    pub fn step(&mut self, now: At, earlier: bool) {
        let stretch = self.stretch(now);
        let step = stretch.step();
        let Some(cursor) = stretch.cursor else { return };
        let to = if earlier { cursor.0.saturating_sub(step) } else { cursor.0.saturating_add(step) };
        self.look_at(now, At(to));
    }

    /// Moves the cursor to any instant; the stretch moves with it.
    pub fn look_at(&mut self, now: At, at: At) {
        let stretch = self.stretch(now);
        let Some(inspection) = &mut self.inspection else { return };
        let at = at.min(now);
        inspection.cursor = at;
        if at > stretch.end {
            self.end_at(now, at);
        } else if at < stretch.from() {
            self.end_at(now, At(at.0 + Duration::from_secs(stretch.seconds)));
        }
    }

    /// Ends the stretch at an instant, but neither before the run's start fills the left edge nor after the
    /// live picture's end.
    fn end_at(&mut self, now: At, end: At) {
        let seconds = self.stretch(now).seconds;
        let latest = self.reach(now);
        let earliest = self.first_end(seconds).min(latest);
        let end = end.clamp(earliest, latest);
        // The picture is still during an inspection, also at the present.
        if end == latest && self.inspection.is_none() {
            self.follow();
        } else {
            self.end = End::At(end);
        }
        let stretch = self.stretch(now);
        if let Some(inspection) = &mut self.inspection {
            inspection.cursor =
                inspection.cursor.clamp(stretch.from(), stretch.end.min(now).max(stretch.from()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> At {
        At(Duration::from_secs(seconds))
    }

    #[test]
    fn the_width_grows_with_the_first_minutes() {
        // The time, the length of the picture, and its end.
        for (now, seconds, end) in [
            (10, 15, 25),
            (25, 15, 25),
            (26, 30, 40),
            (70, 60, 70),
            (71, 90, 100),
            (300, 300, 310),
            (9_999, 300, 9_999),
        ] {
            let mut view = Viewport::default();
            view.begin(at(10));
            view.begin(at(20));
            let stretch = view.stretch(at(now));
            assert_eq!((stretch.seconds, stretch.end, stretch.now), (seconds, at(end), at(now)), "{now}");
        }
    }

    #[test]
    fn zooming_stops_at_both_ends_and_stays_live() {
        let mut view = Viewport::default();
        (0..20).for_each(|_| view.zoom(at(9_000), true, None));
        assert_eq!(view.stretch(at(9_000)).seconds, WIDTHS[0]);
        (0..20).for_each(|_| view.zoom(at(9_000), false, None));
        let stretch = view.stretch(at(9_001));
        assert_eq!((stretch.seconds, stretch.end), (WIDTHS[WIDTHS.len() - 1], at(9_001)));
    }

    #[test]
    fn an_automatic_width_grows_again_at_the_present() {
        type Step = fn(&mut Viewport, At);
        let ways: [(&str, Step, Step); 3] = [
            ("inspect", |view, now| view.inspect(now, now), |view, _| view.leave()),
            ("inspect", |view, now| view.inspect(now, now), |view, _| view.live()),
            ("zoom", |view, now| view.zoom(now, true, None), |view, now| view.fit(now)),
        ];
        for (what, leave, come_back) in ways {
            let mut view = Viewport::default();
            leave(&mut view, at(80));
            assert_ne!(view.stretch(at(400)).seconds, 300, "{what} holds it");
            come_back(&mut view, at(80));
            assert_eq!(view.stretch(at(400)).seconds, 300, "{what}");
        }
        let mut view = Viewport::default();
        view.zoom(at(80), true, None);
        view.live();
        assert_eq!(view.stretch(at(400)).seconds, 60, "who has zoomed keeps the length");
    }

    #[test]
    fn fitting_in_the_past_keeps_the_cursor_in_view() {
        let mut view = Viewport::default();
        view.set_width(15);
        view.inspect(at(9_000), at(8_990));
        view.fit(at(9_000));
        let stretch = view.stretch(at(9_000));
        assert_eq!((stretch.seconds, stretch.cursor, stretch.is_live), (300, Some(at(8_990)), false));
        view.leave();
        assert_eq!(
            view.stretch(at(9_500)),
            Stretch { end: at(9_500), now: at(9_500), seconds: 300, is_live: true, cursor: None }
        );
    }

    #[test]
    fn panning_leaves_the_present_and_returns() {
        let mut view = Viewport::default();
        view.pan(at(1_000), true);
        let stretch = view.stretch(at(1_500));
        assert_eq!((stretch.end, stretch.is_live), (at(925), false), "a quarter of 300 s before 1,000 s");
        view.pan(at(1_000), false);
        assert!(view.stretch(at(1_000)).is_live);
        (0..99).for_each(|_| view.pan(at(1_000), true));
        assert_eq!(view.stretch(at(1_000)).from(), at(0), "not before the run's start");
        view.live();
        assert_eq!(view.stretch(at(1_500)).end, at(1_500));
    }

    #[test]
    fn a_young_run_has_nowhere_to_pan_to() {
        let mut view = Viewport::default();
        view.pan(at(20), true);
        assert_eq!(view.stretch(at(20)).end, at(30));
    }

    #[test]
    fn zooming_keeps_the_pointed_instant_in_place() {
        let mut view = Viewport::default();
        view.set_width(1_200);
        view.pan(at(9_000), true);
        let place = |view: &Viewport| {
            let stretch = view.stretch(at(9_000));
            stretch.end.since(at(8_300)).as_secs_f64() / stretch.seconds as f64
        };
        let before = place(&view);
        view.zoom(at(9_000), true, Some(at(8_300)));
        assert!((place(&view) - before).abs() < 1e-6);
    }

    #[test]
    fn inspecting_freezes_the_picture() {
        let mut view = Viewport::default();
        view.inspect(at(1_000), at(1_000));
        let stretch = view.stretch(at(1_060));
        assert_eq!((stretch.end, stretch.cursor, stretch.is_live), (at(1_000), Some(at(1_000)), false));
        view.step(at(1_060), true);
        assert_eq!(view.stretch(at(1_060)).cursor, Some(At(Duration::from_millis(997_500))));
        view.leave();
        let stretch = view.stretch(at(1_070));
        assert_eq!((stretch.end, stretch.cursor, stretch.is_live), (at(1_070), None, true));
        let mut view = Viewport::default();
        view.inspect(at(50), at(50));
        assert_eq!(view.stretch(at(200)).seconds, 60);
        view.leave();
        assert_eq!(view.stretch(at(200)).seconds, 300, "it grows again");
    }

    #[test]
    fn an_idle_picture_is_still_until_its_room_is_full() {
        let mut view = Viewport::default();
        view.set_width(60);
        // The time at which it must be still, and its end then.
        for (calm, now, end) in [
            (false, 10, 10),
            // A young run begins at the left.
            (true, 20, 60),
            (true, 40, 60),
            // A burst fills the room and then moves the picture.
            (false, 59, 60),
            (false, 61, 61),
            // From then on it moves by a tenth of the width at once.
            (true, 62, 66),
            (true, 66, 66),
            (true, 67, 72),
            (false, 90, 90),
        ] {
            if calm {
                view.hold_still(at(now));
            }
            let stretch = view.stretch(at(now));
            assert_eq!((stretch.end, stretch.now, stretch.is_live), (at(end), at(now), true), "{now}");
        }
    }

    #[test]
    fn room_for_new_data_is_neither_inspected_nor_zoomed() {
        let mut view = Viewport::default();
        view.hold_still(at(20));
        view.inspect(at(20), at(55));
        let stretch = view.stretch(at(30));
        assert_eq!((stretch.end, stretch.cursor), (at(30), Some(at(20))), "it is unchanged");
        view.leave();
        view.zoom(at(20), true, None);
        assert_eq!(view.stretch(at(20)).end, at(20), "two thirds of it would be empty");
    }

    #[test]
    fn the_cursor_takes_the_stretch_along() {
        let mut view = Viewport::default();
        view.inspect(at(1_000), at(700));
        view.step(at(1_000), true);
        let stretch = view.stretch(at(1_000));
        assert_eq!(stretch.from(), stretch.cursor.unwrap());
        view.look_at(at(1_000), at(5_000));
        assert_eq!(view.stretch(at(1_000)).cursor, Some(at(1_000)), "not beyond the present");
        view.look_at(at(1_000), at(2));
        let stretch = view.stretch(at(1_000));
        assert_eq!((stretch.from(), stretch.cursor), (at(2), Some(at(2))));
    }

    #[derive(Debug, Clone, Copy)]
    enum Move {
        Zoom(bool, Option<u64>),
        Fit,
        Pan(bool),
        Live,
        Inspect(u64),
        Step(bool),
        Look(u64),
        Leave,
        Wait(u64),
        StandStill,
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        let second = 0..50_000_u64;
        let one = prop_oneof![
            (any::<bool>(), prop::option::of(second.clone())).prop_map(|(c, a)| Move::Zoom(c, a)),
            Just(Move::Fit),
            any::<bool>().prop_map(Move::Pan),
            Just(Move::Live),
            second.clone().prop_map(Move::Inspect),
            any::<bool>().prop_map(Move::Step),
            second.prop_map(Move::Look),
            Just(Move::Leave),
            (0..5_000_u64).prop_map(Move::Wait),
            Just(Move::StandStill),
        ];
        prop::collection::vec(one, 0..80)
    }

    proptest! {
        #[test]
        fn whatever_is_done_the_stretch_is_sound(moves in moves(), mut now in 0..40_000_u64) {
            let mut view = Viewport::default();
            for one in moves {
                match one {
                    Move::Zoom(closer, around) => view.zoom(at(now), closer, around.map(at)),
                    Move::Fit => view.fit(at(now)),
                    Move::Pan(earlier) => view.pan(at(now), earlier),
                    Move::Live => view.live(),
                    Move::Inspect(second) => view.inspect(at(now), at(second)),
                    Move::Step(earlier) => view.step(at(now), earlier),
                    Move::Look(second) => view.look_at(at(now), at(second)),
                    Move::Leave => view.leave(),
                    Move::Wait(seconds) => now += seconds,
                    Move::StandStill => view.hold_still(at(now)),
                }
                let stretch = view.stretch(at(now));
                prop_assert!(stretch.from() <= at(now), "{stretch:?} after {one:?}");
                prop_assert!(stretch.from() <= stretch.end);
                prop_assert!(stretch.seconds >= 1);
                if let Some(cursor) = stretch.cursor {
                    prop_assert!(stretch.from() <= cursor && cursor <= stretch.end, "{stretch:?} after {one:?}");
                    prop_assert!(cursor <= at(now), "{stretch:?} after {one:?}");
                }
            }
        }
    }
}
