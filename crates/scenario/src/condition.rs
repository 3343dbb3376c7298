//! Conditions such as `ready >= 8 within 90s` and `first_pod_ready p95 < 60s`.

use std::time::Duration;

use text::duration;

use crate::figure::Function;
use crate::names::{Name, Scope, TABLE, Unit};
use crate::strings::{did_you_mean, only_in_waits};

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Below.
    Less,
    /// Below or equal.
    AtMost,
    /// Equal.
    Equal,
    /// Not equal.
    NotEqual,
    /// Above or equal.
    AtLeast,
    /// Above.
    More,
}

impl Comparison {
    /// All of them with their signs; a sign comes before its own beginning.
    const SIGNS: [(&'static str, Self); 6] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<", Self::Less),
        (">", Self::More),
    ];

    fn sign(self) -> &'static str {
        Self::SIGNS.iter().find(|(_, comparison)| *comparison == self).map_or("", |(sign, _)| sign)
    }

    /// Returns true if it holds for two numbers.
    #[must_use]
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::AtLeast => left >= right,
            Self::More => left > right,
        }
    }
}

/// A name, a comparison and a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// The name.
    pub name: Name,
    /// The function over the bursts; `None` means that each of them must hold. Only for a name of scope [`Scope::Burst`].
    pub function: Option<Function>,
    /// The comparison.
    pub comparison: Comparison,
    /// The number, in the unit of the name.
    pub bound: f64,
}

impl Condition {
    /// Returns true if it holds for a number.
    #[must_use]
    pub fn holds(&self, number: f64) -> bool {
        self.comparison.holds(number, self.bound)
    }

    /// A number of its name for the reader.
    #[must_use]
    pub fn number(&self, number: f64) -> String {
        self.name.row().unit.text(number)
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let function = self.function.map_or_else(String::new, |function| format!(" {}", function.word()));
        let bound = self.name.row().unit.text(self.bound);
        write!(f, "{}{function} {} {bound}", self.name.word(), self.comparison.sign())
    }
}

/// Reads a condition with a deadline, for a step that waits.
///
/// # Errors
/// A sentence with the part that is wrong.
pub fn wait(text: &str) -> Result<(Condition, Duration), String> {
    let Some((condition, deadline)) = text.rsplit_once(" within ") else {
        return Err(format!("{text:?} has no deadline; write it as `{} within 90s`", text.trim()));
    };
    let deadline = duration::parse(deadline.trim())?;
    if deadline.is_zero() {
        return Err("the deadline is zero; it must be above 0s".to_owned());
    }
    let condition = parse(condition)?;
    if condition.name.row().scope == Scope::Burst && condition.function.is_none() {
        let word = condition.name.word();
        return Err(format!("{word} has one value a burst; a wait needs a function such as `{word} max`"));
    }
    Ok((condition, deadline))
}

/// Reads an expectation over the whole run.
///
/// # Errors
/// A sentence with the part that is wrong.
pub fn expectation(text: &str) -> Result<Condition, String> {
    if text.contains(" within ") {
        return Err("an expectation holds over the whole run; only a wait has a deadline".to_owned());
    }
    let condition = parse(text)?;
    match condition.name.row().scope {
        Scope::Now => Err(only_in_waits(condition.name)),
        Scope::Run | Scope::Burst => Ok(condition),
    }
}

fn parse(text: &str) -> Result<Condition, String> {
    let place = Comparison::SIGNS.iter().filter_map(|(sign, found)| Some((text.find(sign)?, *sign, *found)));
    // The longer sign of two at the same place comes first in the table.
    let first = place.min_by_key(|(at, sign, _)| (*at, std::cmp::Reverse(sign.len())));
    let Some((at, sign, comparison)) = first else {
        return Err(format!("{text:?} has no comparison; write it as `ready >= 8`"));
    };
    let (left, right) = (&text[..at], text[at + sign.len()..].trim());
    let mut words = left.split_whitespace();
    let word = words.next().unwrap_or_default();
    let Some(name) = Name::find(word) else {
        let guess = did_you_mean(word, TABLE.iter().map(|row| row.word));
        return Err(format!("{word:?} is no name{guess}; `surge run --list` prints all names"));
    };
    let row = name.row();
    let function = words.next().map(|word| function(word, row.scope == Scope::Burst, name)).transpose()?;
    if let Some(word) = words.next() {
        return Err(format!("{word:?} is not expected before the comparison"));
    }
    Ok(Condition { name, function, comparison, bound: bound(right, name, row.unit)? })
}

fn function(word: &str, is_of_bursts: bool, name: Name) -> Result<Function, String> {
    let Some((_, function)) = Function::ALL.into_iter().find(|(known, _)| *known == word) else {
        let guess = did_you_mean(word, Function::ALL.map(|(word, _)| word));
        return Err(format!("{word:?} is no function{guess}"));
    };
    if !is_of_bursts {
        let scope = name.row().scope.word();
        return Err(format!("{} has one value ({scope}), so {word} does not apply", name.word()));
    }
    Ok(function)
}

fn bound(text: &str, name: Name, unit: Unit) -> Result<f64, String> {
    let word = name.word();
    match unit {
        Unit::Seconds => duration::parse(text).map(|time| time.as_secs_f64()).map_err(|_| {
            format!("{text:?} is not a duration; {word} is compared with one such as 60s or 2m")
        }),
        _ => {
            let digits = if unit == Unit::Percent { text.trim_end_matches('%') } else { text };
            let number = digits.parse::<f64>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| {
                format!("{text:?} is not a number; {word} is compared with one ({})", unit.word())
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_and_shown() {
        for (text, shown) in [
            ("lost == 0", "lost == 0"),
            ("flaps==0", "flaps == 0"),
            ("first_pod_ready p95 < 60s", "first_pod_ready p95 < 60 s"),
            ("longest_wait <= 2m", "longest_wait <= 120 s"),
            ("pod_seconds < 2000", "pod_seconds < 2000"),
            ("idle max < 40%", "idle max < 40%"),
            ("overshoot != 2.5", "overshoot != 2.5"),
        ] {
            assert_eq!(expectation(text).unwrap().to_string(), shown);
        }
        let (condition, deadline) = wait("ready >= 8 within 90s").unwrap();
        assert_eq!((condition.to_string().as_str(), deadline.as_secs()), ("ready >= 8", 90));
    }

    #[test]
    fn a_wrong_condition_has_its_reason() {
        for (text, expected) in [
            ("raedy >= 8 within 90s", "did you mean ready?"),
            ("ready >= 8", "has no deadline"),
            ("ready 8 within 5s", "has no comparison"),
            ("ready >= many within 5s", "\"many\" is not a number"),
            ("elapsed > 5 within 5s", "\"5\" is not a duration"),
            ("ready max > 5 within 5s", "has one value"),
            ("drained < 5s within 5s", "a wait needs a function"),
            ("ready >= 8 within 90", "not a duration"),
            ("ready >= 8 within 0s", "the deadline is zero"),
            ("drained p59 < 5s within 5s", "is no function; did you mean p50?"),
            ("ready or so > 1 within 5s", "\"or\" is no function"),
        ] {
            let error = wait(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        for (text, expected) in [
            ("ready >= 8", "which only a wait may use"),
            ("depth < 8", "the run has peak_depth"),
            ("lost == 0 within 5s", "only a wait has a deadline"),
        ] {
            let error = expectation(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
