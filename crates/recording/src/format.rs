//! The form of a recording: the header, and one line an event.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use dashboard::clock::At;
use dashboard::message::{Event, Timestamped};
use jiff::Timestamp;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// The value of `format` in a header.
pub const FORMAT: &str = "surge-recording";

/// The end of a recording's file name.
pub const EXTENSION: &str = "surge.jsonl";

/// The version of the format. A reader refuses another major version, and skips what it does not know of a newer minor one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// It changes when old readers would misread a recording.
    pub major: u32,
    /// It changes with new kinds and fields.
    pub minor: u32,
}

impl Version {
    /// The version that this program writes.
    pub const CURRENT: Self = Self { major: 1, minor: 0 };
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Version {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self { major: major.parse()?, minor: minor.parse()? })
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The first line of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Always [`FORMAT`].
    pub format: String,
    /// The version of the format.
    pub version: Version,
    /// The version of the program that wrote it.
    #[serde(default)]
    pub surge: String,
    /// The version of the API server, such as `v1.34.4`; `None` if it was not known.
    #[serde(default)]
    pub kubernetes: Option<String>,
    /// The start of the run: second 0 of all lines.
    pub started: Timestamp,
    /// The time of the run at which the recording begins. Lines up to it describe the state at that moment.
    #[serde(default)]
    pub from: At,
    /// The title of the target, such as `kind-demo / autoscaling-demo`; `None` if it was not known.
    #[serde(default)]
    pub target: Option<String>,
    /// The HPA at the beginning; `None` if it was not known.
    #[serde(default)]
    pub hpa: Option<RecordedHpa>,
    /// The controller's settings that Surge calculated with, by [`hpa::Config`]: the defaults of the release.
    #[serde(default)]
    pub rules: BTreeMap<String, Value>,
    /// The intervals of the sources in seconds, by name.
    #[serde(default)]
    pub intervals: BTreeMap<String, f64>,
    /// True if names are replaced and free text is dropped.
    #[serde(default)]
    pub redacted: bool,
    /// The program that another tool's data comes from, such as `prometheus`; `None` for a recording of Surge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported: Option<String>,
    /// Sentences about what the other tool's data does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// An HPA in a header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedHpa {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its specification with the API's defaults; `None` if it was invalid.
    #[serde(default)]
    pub spec: Option<Box<hpa::Spec>>,
}

impl Header {
    /// A header of the current version without any knowledge.
    #[must_use]
    pub fn new(started: Timestamp) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: Version::CURRENT,
            surge: String::new(),
            kubernetes: None,
            started,
            from: At::default(),
            target: None,
            hpa: None,
            rules: BTreeMap::new(),
            intervals: BTreeMap::new(),
            redacted: false,
            imported: None,
            unknown: Vec::new(),
        }
    }

    /// The controller's settings: the recorded ones over the defaults of the release.
    #[must_use]
    pub fn config(&self) -> hpa::Config {
        let release = self.kubernetes.as_deref().and_then(|version| version.parse::<hpa::Release>().ok());
        let defaults = release.map_or_else(hpa::Config::default, hpa::Config::release);
        let Ok(Value::Object(mut fields)) = serde_json::to_value(defaults) else { return defaults };
        for (name, value) in &self.rules {
            fields.insert(name.clone(), value.clone());
        }
        serde_json::from_value(fields.into()).unwrap_or(defaults)
    }
}

/// The controller's settings as they stand in a header.
#[must_use]
pub fn rules(config: &hpa::Config) -> BTreeMap<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(fields)) => fields.into_iter().collect(),
        _ => BTreeMap::new(),
    }
}

/// A line of a recording as data.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The time of the run.
    pub at: At,
    /// The kind of the event.
    pub kind: String,
    /// The rest of the event.
    pub payload: Value,
}

impl Line {
    /// The line of an event; `None` for an event that recordings do not hold.
    #[must_use]
    pub fn of(stamped: &Timestamped) -> Option<Self> {
        if !stamped.event.is_recorded() {
            return None;
        }
        let Ok(Value::Object(mut fields)) = serde_json::to_value(&stamped.event) else { return None };
        let Some(Value::String(kind)) = fields.remove("kind") else { return None };
        Some(Self { at: stamped.at, kind, payload: fields.remove("payload").unwrap_or_default() })
    }
}

impl fmt::Display for Line {
    /// Writes the line without a newline.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = Value::String(self.kind.clone());
        write!(out, "[{},{kind},{}]", observed::seconds::of(self.at.0), self.payload)
    }
}

/// A line that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    /// An event.
    Event(Timestamped),
    /// An event of this kind, which this version does not know or cannot read.
    Unknown(String),
}

/// Reads a line.
///
/// # Errors
/// Fails if the line is not `[seconds, kind, payload]`.
pub fn parse(line: &str) -> Result<Read, serde_json::Error> {
    let Raw(at, kind, payload) = serde_json::from_str(line)?;
    let tagged = format!("[{},{}]", Value::String(kind.clone()), payload.get());
    Ok(match serde_json::from_str::<Event>(&tagged) {
        Ok(event) => Read::Event(Timestamped { at, event }),
        Err(_unknown) => Read::Unknown(kind),
    })
}

/// A line whose payload is not read yet. A newer version may add elements.
struct Raw<'a>(At, String, &'a RawValue);

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;

        impl<'de> Visitor<'de> for Elements {
            type Value = Raw<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("[seconds, kind, payload]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Raw<'de>, A::Error> {
                let short = |count| A::Error::invalid_length(count, &"[seconds, kind, payload]");
                let at = elements.next_element()?.ok_or_else(|| short(0))?;
                let kind = elements.next_element()?.ok_or_else(|| short(1))?;
                let payload = elements.next_element()?.ok_or_else(|| short(2))?;
                while elements.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                Ok(Raw(at, kind, payload))
            }
        }

        deserializer.deserialize_seq(Elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dashboard::message::Request;
    use dashboard::reported::{FleetEvent, Source, SourceState};
    use std::time::Duration;

    fn line(event: Event) -> Option<String> {
        let at = At(Duration::from_micros(1_500_250));
        Line::of(&Timestamped { at, event }).map(|line| line.to_string())
    }

    #[test]
    fn a_line_has_seconds_kind_and_payload() {
        for (event, expected) in [
            (Event::Tick, Some(r#"[1.50025,"tick",null]"#)),
            (Event::Request(Request::Burst(50)), Some(r#"[1.50025,"request",{"burst":50}]"#)),
            (Event::Request(Request::View), Some(r#"[1.50025,"request","view"]"#)),
            (Event::Hpa(None), Some(r#"[1.50025,"hpa",null]"#)),
            (
                Event::Source(Source::Broker, SourceState::Live),
                Some(r#"[1.50025,"source",["broker","live"]]"#),
            ),
            (Event::Fleet(FleetEvent::Opened), Some(r#"[1.50025,"fleet","opened"]"#)),
            (Event::Fleet(FleetEvent::NotSwitched(String::new())), None),
            (Event::Source(Source::Fleet, SourceState::Live), None),
            (Event::Terminate, None),
        ] {
            assert_eq!(line(event.clone()).as_deref(), expected);
            if let Some(text) = expected {
                let at = At(Duration::from_micros(1_500_250));
                assert_eq!(parse(text).unwrap(), Read::Event(Timestamped { at, event }));
            }
        }
    }

    #[test]
    fn unknown_kinds_and_payloads_are_named() {
        for line in
            [r#"[1,"weather",{"rain":true}]"#, r#"[1,"depth",{"ready":"many"}]"#, r#"[1,"input",null]"#]
        {
            assert!(matches!(parse(line).unwrap(), Read::Unknown(_)), "{line}");
        }
        for line in ["", "{}", "[1]", r#"[1,"tick"]"#, r#"[-1,"tick",null]"#, r#"["x","tick",null]"#] {
            assert!(parse(line).is_err(), "{line}");
        }
        let longer = parse(r#"[1,"tick",null,{"new":true}]"#).unwrap();
        assert_eq!(longer, Read::Event(Timestamped { at: At(Duration::from_secs(1)), event: Event::Tick }));
    }

    #[test]
    fn rules_of_a_header_are_laid_over_the_defaults() {
        let mut header = Header::new(Timestamp::UNIX_EPOCH);
        header.kubernetes = Some("v1.34.4".to_owned());
        let defaults = hpa::Config::release("1.34".parse().unwrap());
        assert_eq!(header.config(), defaults);
        header.rules = rules(&hpa::Config { sync_period_seconds: 3, ..defaults });
        header.rules.insert("new".to_owned(), true.into());
        assert_eq!(header.config().sync_period_seconds, 3);
    }
}
