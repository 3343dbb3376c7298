//! The text in which programs expose their metrics: the few families that the doctor looks at.

use std::collections::BTreeMap;

use diagnosis::facts::Sample;

/// Samples kept of one endpoint.
const MAX_SAMPLES: usize = 5_000;

/// RabbitMQ's queue families and the exporter's word about the broker, out of the text exposition.
pub(super) fn samples(text: &str) -> Vec<Sample> {
    let wanted = |name: &str| {
        name == "rabbitmq_up"
            || name.starts_with("rabbitmq_queue_messages")
            || name.starts_with("rabbitmq_detailed_queue_messages")
    };
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(sample).filter(|sample| wanted(sample.label("__name__"))).take(MAX_SAMPLES).collect()
}

/// `name{a="b",c="d"} 1.5`
fn sample(line: &str) -> Option<Sample> {
    let name_end = line.find(['{', ' '])?;
    let mut labels = BTreeMap::from([("__name__".to_owned(), line[..name_end].to_owned())]);
    let mut rest = &line[name_end..];
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            rest = rest.trim_start_matches([',', ' ']);
            if let Some(after) = rest.strip_prefix('}') {
                rest = after;
                break;
            }
            let (key, value) = rest.split_once("=\"")?;
            let (value, behind) = unquoted(value)?;
            labels.insert(key.to_owned(), value);
            rest = behind;
        }
    }
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { labels, value })
}

/// A label's value up to its closing quote, and what stands behind it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, c)) = characters.next() {
        match c {
            '"' => return Some((value, &text[index + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exposition_is_read() {
        let text = "# TYPE rabbitmq_queue_messages gauge\n\
                    rabbitmq_queue_messages 3\n\
                    rabbitmq_detailed_queue_messages{vhost=\"/\",queue=\"a\\\"b, c\"} 5 1700000000000\n\
                    rabbitmq_up{node=\"n\"} 0\n\
                    erlang_vm 1\n\
                    rabbitmq_queue_messages{queue=\"broken\n";
        let samples = samples(text);
        let read: Vec<(&str, &str, f64)> =
            samples.iter().map(|s| (s.label("__name__"), s.label("queue"), s.value)).collect();
        assert_eq!(
            read,
            [
                ("rabbitmq_queue_messages", "", 3.0),
                ("rabbitmq_detailed_queue_messages", "a\"b, c", 5.0),
                ("rabbitmq_up", "", 0.0)
            ]
        );
    }
}
