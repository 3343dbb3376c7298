//! A machine whose clock differs by two minutes from the cluster's: times on one axis stay consistent, and the screen shows the difference.

use std::time::Instant;

use super::dashboard::{Dashboard, Screen};
use super::site::Site;

pub(crate) fn a_wrong_clock_shifts_no_stage(site: &Site) {
    for (skew, ahead) in [("120", -120.0), ("-120", 120.0)] {
        let wrong = [("SURGE_TEST_CLOCK", skew)];
        let mut dashboard = Dashboard::start_with(site.folder(), &site.kubeconfig, &[], &wrong);
        dashboard.wait_until_live();
        let pressed = Instant::now();
        dashboard.fire("3", 50);
        dashboard.wait("the burst to be over", |screen| {
            (screen.has_time("first pod ready") && screen.has_time("drained")).then_some(())
        });
        let most = pressed.elapsed().as_secs_f64() + 5.0;
        let screen = dashboard.screen();
        let stages = screen.stages();
        assert!(stages.len() >= 8, "{stages:?}\n{}", screen.0);
        for (stage, seconds) in &stages {
            assert!((0.0..=most).contains(seconds), "{stage} after {seconds} s of {most} s:\n{}", screen.0);
        }
        let reported = dashboard.wait("the difference of the clocks", Screen::cluster_clock);
        assert!(
            (reported - ahead).abs() < 2.5,
            "the cluster's clock is {ahead} s ahead, and the screen says {reported}"
        );
        // Times of the run are in this machine's time, right or wrong.
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(-ahead as i64);
        let rescales = screen.events("SuccessfulRes");
        let last = rescales.last().unwrap_or_else(|| panic!("no rescale is reported of:\n{}", screen.0));
        let minutes = [0, 1, 2, 3, 4]
            .map(|ago| (now - jiff::SignedDuration::from_mins(ago)).strftime("%H:%M").to_string());
        let elapsed = usize::try_from(pressed.elapsed().as_secs() / 60 + 1).unwrap().min(minutes.len() - 1);
        assert!(minutes[..=elapsed].contains(&last[..5].to_owned()), "{last} is not of {minutes:?}");
        dashboard.quit();
        site.wait_for_rest();
    }
}
