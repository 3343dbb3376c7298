//! The command line that goes on after a failure: the one that was given, changed where it could only fail in the same way again.

use std::time::Duration;

use super::request::ImageName;
use super::shell;

/// The least that is offered where a wait was too short.
const LEAST: Duration = Duration::from_secs(600);

/// What has to change in a command before it is given again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Change {
    /// Nothing: what was in the way is outside of it.
    #[default]
    Nothing,
    /// It has to wait longer than this.
    Longer(Duration),
    /// It has to name another image.
    Image(ImageName),
}

/// The command as a person can paste it; `words` are those that were given, the program's name first.
#[must_use]
pub fn line(words: &[String], change: Change) -> String {
    match change {
        Change::Nothing => shell::line(words),
        Change::Longer(waited) => {
            let longer = text(waited.saturating_mul(2).max(LEAST));
            let mut words = without(words, "--timeout", |_value| true);
            words.extend(["--timeout".to_owned(), longer]);
            shell::line(words)
        }
        Change::Image(name) => {
            let of_it = format!("{}=", name.name());
            let mut words = without(words, "--image", |value| value.starts_with(&of_it));
            words.extend(["--image".to_owned(), format!("{of_it}REF")]);
            shell::line(words)
        }
    }
}

/// The words without an option and those of its values that are meant.
fn without(words: &[String], option: &str, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let mut kept = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == option {
            if let Some(value) = rest.next()
                && !is_meant(value)
            {
                kept.extend([word.clone(), value.clone()]);
            }
        } else if !word.strip_prefix(option).and_then(|rest| rest.strip_prefix('=')).is_some_and(&is_meant) {
            kept.push(word.clone());
        }
    }
    kept
}

/// A duration as it is written on the command line: `20m`, `90s`, `500ms`.
#[must_use]
pub fn text(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    if millis > 0 {
        format!("{}ms", duration.as_millis())
    } else if seconds > 0 && seconds % 60 == 0 {
        format!("{}m", seconds / 60)
    } else {
        format!("{seconds}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(given: &str, change: Change) -> String {
        let words: Vec<String> = given.split(' ').map(str::to_owned).collect();
        line(&words, change)
    }

    #[test]
    fn what_was_too_short_is_longer_the_next_time() {
        let waited = |seconds| Change::Longer(Duration::from_secs(seconds));
        for (given, change, expected) in [
            ("surge up --yes", Change::Nothing, "surge up --yes"),
            ("surge up --yes", waited(600), "surge up --yes --timeout 20m"),
            ("surge up --timeout 0s --yes", waited(0), "surge up --yes --timeout 10m"),
            ("surge up --timeout=15m -n a", waited(900), "surge up -n a --timeout 30m"),
            ("surge up --timeout", waited(1), "surge up --timeout 10m"),
        ] {
            assert_eq!(again(given, change), expected);
        }
    }

    #[test]
    fn another_image_takes_the_place_of_the_one_that_could_not_be_had() {
        let given = "surge up --image worker=a:1 --image producer=b:1 --image=worker=c:1";
        assert_eq!(
            again(given, Change::Image(ImageName::Worker)),
            "surge up --image producer=b:1 --image worker=REF"
        );
        assert_eq!(again("surge up", Change::Image(ImageName::Rabbitmq)), "surge up --image rabbitmq=REF");
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for (millis, expected) in
            [(0, "0s"), (1_500, "1500ms"), (90_000, "90s"), (120_000, "2m"), (3_600_000, "60m")]
        {
            assert_eq!(text(Duration::from_millis(millis)), expected);
        }
    }
}
