//! What `up` was asked for, read from the command line into types.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use cluster::connect::ConnectFlags;

/// Where the autoscaler's number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// RabbitMQ's own Prometheus endpoint, and prometheus-adapter
    Plugin,
    /// RabbitMQ 3.13, the exporter beside it, and prometheus-adapter
    Exporter,
    /// KEDA, which asks the broker itself
    Keda,
}

impl Profile {
    /// As it is written on the command line, in the chart and in labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Exporter => "exporter",
            Self::Keda => "keda",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Everything that `up` was asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Kubeconfig and context.
    pub flags: ConnectFlags,
    /// Namespace of the demo.
    pub namespace: String,
    /// Profile.
    pub profile: Profile,
    /// `--values`, in order: files for our chart.
    pub values: Vec<PathBuf>,
    /// `--set`, in order: single values for our chart.
    pub set: Vec<String>,
    /// Whether the stack is there already.
    pub stack: Stack,
    /// `--chart`: charts from somewhere else.
    pub charts: Vec<ChartAt>,
    /// `--image`: images from somewhere else.
    pub images: Vec<ImageAt>,
    /// `--archives`: a folder with images to load into a cluster on this machine.
    pub archives: Option<PathBuf>,
    /// How long each step may take.
    pub timeout: Duration,
    /// The words of the command line, to be given again after a failure.
    pub again: Vec<String>,
}

/// Whether `up` installs the stack that the demo stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// It installs it.
    Install,
    /// It is there: `--skip-stack`.
    Skip,
}

/// `NAME=PATH|URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartAt {
    /// Name of the chart.
    pub chart: String,
    /// Where it is.
    pub place: Place,
}

/// Where a chart is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A folder or an archive on this machine.
    Path(PathBuf),
    /// An archive somewhere else, or a chart in an OCI registry.
    Url(String),
    /// A repository somewhere else, which has the chart under its name.
    Repository(String),
}

impl FromStr for ChartAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (chart, place) =
            pair(text, "NAME=PATH or NAME=URL, such as prometheus-adapter=./prometheus-adapter-5.3.0.tgz")?;
        let place = match place.split_once("://") {
            Some(("oci", _)) => Place::Url(place.to_owned()),
            Some(("http" | "https", _)) if place.ends_with(".tgz") || place.ends_with(".tar.gz") => {
                Place::Url(place.to_owned())
            }
            Some(("http" | "https", _)) => Place::Repository(place.to_owned()),
            Some((scheme, _)) => return Err(format!("charts come by https, http or oci, not by {scheme}")),
            None => Place::Path(PathBuf::from(place)),
        };
        Ok(Self { chart: chart.to_owned(), place })
    }
}

/// An image of the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageName {
    /// The producer's.
    Producer,
    /// The worker's.
    Worker,
    /// The broker's.
    Rabbitmq,
    /// The exporter's.
    Exporter,
}

impl ImageName {
    /// As it is written on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::Worker => "worker",
            Self::Rabbitmq => "rabbitmq",
            Self::Exporter => "exporter",
        }
    }
}

/// `NAME=REF`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageAt {
    /// Which image.
    pub name: ImageName,
    /// The whole reference: registry, repository, and tag or digest.
    pub reference: String,
}

impl FromStr for ImageAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, reference) =
            pair(text, "NAME=REF, such as producer=registry.example/surge/producer:0.1.0")?;
        let name = [ImageName::Producer, ImageName::Worker, ImageName::Rabbitmq, ImageName::Exporter]
            .into_iter()
            .find(|known| known.name() == name)
            .ok_or_else(|| {
                format!("there is no image {name:?}: it is producer, worker, rabbitmq or exporter")
            })?;
        // A colon before the last slash is a registry's port.
        let last = reference.rsplit('/').next().unwrap_or_default();
        let named =
            last.split_once(['@', ':']).is_some_and(|(name, tag)| !name.is_empty() && !tag.is_empty());
        if !named || reference.contains(char::is_whitespace) {
            return Err(format!("{reference:?} is not an image with a tag or a digest"));
        }
        Ok(Self { name, reference: reference.to_owned() })
    }
}

fn pair<'a>(text: &'a str, form: &str) -> Result<(&'a str, &'a str), String> {
    text.split_once('=')
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
        .ok_or_else(|| format!("{text:?} is not {form}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_are_folders_archives_or_repositories() {
        let path = |text: &str| Place::Path(text.into());
        for (text, expected) in [
            ("a=./b", path("./b")),
            ("a=b.tgz", path("b.tgz")),
            ("a=https://h/a-1.tgz", Place::Url("https://h/a-1.tgz".into())),
            ("a=oci://h/a", Place::Url("oci://h/a".into())),
            ("a=https://h/charts", Place::Repository("https://h/charts".into())),
        ] {
            let chart: ChartAt = text.parse().unwrap();
            assert_eq!((chart.chart.as_str(), chart.place), ("a", expected), "{text}");
        }
        for text in ["a", "=b", "a=", "a=ftp://h/a.tgz"] {
            assert!(text.parse::<ChartAt>().is_err(), "{text}");
        }
    }

    #[test]
    fn images_are_whole_references() {
        for reference in
            ["surge/worker:1", "localhost:5000/worker:1", "rabbitmq:4.3@sha256:ab", "h/w@sha256:ab"]
        {
            let image: ImageAt = format!("worker={reference}").parse().unwrap();
            assert_eq!((image.name, image.reference.as_str()), (ImageName::Worker, reference));
        }
        for text in [
            "worker",
            "worker=",
            "workers=a:1",
            "worker=localhost:5000/worker",
            "worker=a",
            "worker=:1",
            "worker=a:1 b",
        ] {
            assert!(text.parse::<ImageAt>().is_err(), "{text}");
        }
    }
}
