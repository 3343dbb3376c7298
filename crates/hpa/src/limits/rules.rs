//! The rules of one direction, read from the specification without copying it.

use crate::compat::Config;
use crate::spec::{Direction, Policy, ScalingRules};
use crate::trace::PolicyKind;

/// Which policy counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The one that allows the greatest change.
    Max,
    /// The one that allows the smallest change.
    Min,
    /// None: no change in this direction.
    Disabled,
}

/// The rules of one direction, with what is absent filled in.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Which way.
    pub direction: Direction,
    /// Seconds over which the most cautious recommendation is taken.
    pub window_seconds: i64,
    /// Which policy counts.
    pub select: Select,
    policies: Policies<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Policies<'a> {
    Given(&'a [Policy]),
    Default(&'static [PolicyRate]),
}

/// One policy with its type read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyRate {
    /// Pods or percent.
    pub kind: PolicyKind,
    /// How many.
    pub value: i32,
    /// In how many seconds.
    pub period_seconds: i32,
}

const PERCENT: PolicyRate = PolicyRate { kind: PolicyKind::Percent, value: 100, period_seconds: 15 };
const PODS: PolicyRate = PolicyRate { kind: PolicyKind::Pods, value: 4, period_seconds: 15 };
const DEFAULT_UP: [PolicyRate; 2] = [PODS, PERCENT];
const DEFAULT_DOWN: [PolicyRate; 1] = [PERCENT];

impl<'a> Rules<'a> {
    /// Reads the rules; what is absent is as [`crate::defaults::default_rules`] has it, and the window of scale-down as
    /// the controller has it. An unknown `selectPolicy` counts as `Max`.
    #[must_use]
    pub fn of(direction: Direction, rules: Option<&'a ScalingRules>, config: &Config) -> Self {
        let window = match direction {
            Direction::Up => 0,
            Direction::Down => config.downscale_stabilization_seconds,
        };
        let select = match rules.and_then(|r| r.select_policy.as_deref()) {
            Some("Disabled") => Select::Disabled,
            Some("Min") => Select::Min,
            _ => Select::Max,
        };
        let policies = match (rules.and_then(|r| r.policies.as_deref()), direction) {
            (Some(given), _) => Policies::Given(given),
            (None, Direction::Up) => Policies::Default(&DEFAULT_UP),
            (None, Direction::Down) => Policies::Default(&DEFAULT_DOWN),
        };
        Self {
            direction,
            window_seconds: rules.and_then(|r| r.stabilization_window_seconds).map_or(window, i64::from),
            select,
            policies,
        }
    }

    /// The policies with their places in the list. One of unknown type is left out.
    pub fn rates(&self) -> impl Iterator<Item = (usize, PolicyRate)> + '_ {
        let (given, default): (&[Policy], &[PolicyRate]) = match self.policies {
            Policies::Given(given) => (given, &[]),
            Policies::Default(default) => (&[], default),
        };
        let given = given.iter().enumerate().filter_map(|(i, policy)| {
            let kind = match policy.type_.as_str() {
                "Pods" => PolicyKind::Pods,
                "Percent" => PolicyKind::Percent,
                _ => return None,
            };
            Some((i, PolicyRate { kind, value: policy.value, period_seconds: policy.period_seconds }))
        });
        given.chain(default.iter().copied().enumerate())
    }

    /// Seconds of the longest period.
    #[must_use]
    pub fn longest_period_seconds(&self) -> i64 {
        self.rates().map(|(_, rate)| i64::from(rate.period_seconds)).max().unwrap_or(0)
    }
}

impl PolicyRate {
    /// The size that this policy allows, counted from the size at the period's start.
    ///
    /// In floating point, as upstream has it: 50 plus 10 % is 56, and 5 less 80 % is 0. Growth is rounded up, so that a
    /// small size can grow at all, and what remains is rounded down, for the same reason.
    #[must_use]
    pub fn allows(&self, direction: Direction, start: i32) -> i32 {
        let fraction = f64::from(self.value) / 100.0;
        match (self.kind, direction) {
            (PolicyKind::Pods, Direction::Up) => start.saturating_add(self.value),
            (PolicyKind::Pods, Direction::Down) => start.saturating_sub(self.value),
            (PolicyKind::Percent, Direction::Up) => (f64::from(start) * (1.0 + fraction)).ceil() as i32,
            (PolicyKind::Percent, Direction::Down) => (f64::from(start) * (1.0 - fraction)) as i32,
        }
    }
}

/// Chooses between what policies allow. `None` if there is none.
pub(crate) fn select<T: Copy>(
    direction: Direction,
    select: Select,
    allowed: impl Iterator<Item = (i32, T)>,
) -> Option<(i32, T)> {
    let largest = matches!(
        (direction, select),
        (Direction::Up, Select::Max) | (Direction::Down, Select::Min | Select::Disabled)
    );
    let mut chosen: Option<(i32, T)> = None;
    for (size, from) in allowed {
        let better = chosen.is_none_or(|(best, _)| if largest { size > best } else { size < best });
        if better {
            chosen = Some((size, from));
        }
    }
    chosen
}
