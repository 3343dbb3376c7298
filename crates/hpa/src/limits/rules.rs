//! The scaling rules of one direction, borrowed from the specification.

use crate::compat::Config;
use crate::spec::{Direction, Policy, ScalingRules};
use crate::trace::PolicyKind;

/// `selectPolicy`: the policy that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Select {
    /// The policy that allows the greatest change.
    Max,
    /// The policy that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// The rules of one direction, with defaults for absent fields.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The direction.
    pub direction: Direction,
    /// Stabilisation window in seconds: the most cautious recommendation in it applies.
    pub window_seconds: i64,
    /// The policy that applies.
    pub select: Select,
    policies: Policies<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Policies<'a> {
    Given(&'a [Policy]),
    Default(&'static [PolicyRate]),
}

/// One policy with its parsed type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyRate {
    /// Unit of `value`.
    pub kind: PolicyKind,
    /// Pods or percent per period.
    pub value: i32,
    /// Length of the period in seconds.
    pub period_seconds: i32,
}

const PERCENT: PolicyRate = PolicyRate { kind: PolicyKind::Percent, value: 100, period_seconds: 15 };
const PODS: PolicyRate = PolicyRate { kind: PolicyKind::Pods, value: 4, period_seconds: 15 };
const DEFAULT_UP: [PolicyRate; 2] = [PODS, PERCENT];
const DEFAULT_DOWN: [PolicyRate; 1] = [PERCENT];

impl<'a> Rules<'a> {
    /// Reads the rules of one direction.
    ///
    /// Absent fields get the defaults of [`crate::defaults::default_rules`]; the scale-down window defaults to the
    /// controller's setting. An unknown `selectPolicy` counts as `Max`.
    #[must_use]
    pub fn new(direction: Direction, rules: Option<&'a ScalingRules>, config: &Config) -> Self {
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

    /// The policies with their indices in the list, without those of unknown type.
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

    /// The longest period in seconds.
    #[must_use]
    pub fn longest_period_seconds(&self) -> i64 {
        self.rates().map(|(_, rate)| i64::from(rate.period_seconds)).max().unwrap_or(0)
    }
}

impl PolicyRate {
    /// The size that this policy allows, counted from the size at the start of the period.
    ///
    /// Percentages use floating point as upstream does: 50 plus 10 % is 56, and 5 minus 80 % is 0. Scale-up rounds up and
    /// scale-down rounds down, so that small sizes can change at all.
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

/// Selects among the sizes that policies allow; `None` without policies.
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
    for (size, source) in allowed {
        let better = chosen.is_none_or(|(best, _)| if largest { size > best } else { size < best });
        if better {
            chosen = Some((size, source));
        }
    }
    chosen
}

/// The size at the start of a period: the current size without the changes in the period.
pub(super) fn start_size(current: i32, added: i64, removed: i64) -> i32 {
    clamp_i32(i64::from(current).saturating_sub(added).saturating_add(removed))
}

/// The value, or the nearest end of `i32`.
pub(super) fn clamp_i32(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}
