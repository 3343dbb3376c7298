//! The request to `surge up`, parsed from the command line.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use cluster::connect::ConnectFlags;

use super::stack_options::StackOptions;

/// The source of the autoscaler's metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// RabbitMQ's own Prometheus endpoint, and prometheus-adapter
    Plugin,
    /// RabbitMQ 3.13 with an exporter, and prometheus-adapter
    Exporter,
    /// KEDA, which queries the broker itself
    Keda,
}

impl Profile {
    /// The name on the command line, in the chart and in labels.
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

/// The default of `--timeout` of `surge up`: the time limit of a step.
pub const DEFAULT_TIMEOUT: &str = "10m";

/// The treatment of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Print it, ask the user, and carry it out.
    Ask,
    /// Print it and carry it out.
    Yes,
    /// Print its exact commands and objects.
    DryRun,
}

/// A request to `surge up`.
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
    /// The treatment of the stack.
    pub stack: Stack,
    /// Options for the charts of the stack.
    pub stack_options: StackOptions,
    /// `--chart`: other sources of charts.
    pub charts: Vec<ChartOption>,
    /// `--image`: other images.
    pub images: Vec<ImageOption>,
    /// `--archives`: a folder with images for a cluster on this machine.
    pub archives: Option<PathBuf>,
    /// Time limit of each step.
    pub timeout: Duration,
    /// The command line, for a retry after a failure.
    pub command_line: Vec<String>,
}

/// The treatment of the stack below the demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// Install or upgrade it.
    Install,
    /// Use the existing one: `--skip-stack`.
    Skip,
}

/// `NAME=PATH|URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartOption {
    /// Name of the chart.
    pub chart: String,
    /// Its source.
    pub source: ChartSource,
}

/// The source of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartSource {
    /// A folder or an archive on this machine.
    Path(PathBuf),
    /// The URL of an archive, or of a chart in an OCI registry.
    Url(String),
    /// The URL of a chart repository.
    Repository(String),
}

impl FromStr for ChartOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (chart, source) =
            pair(text, "NAME=PATH or NAME=URL, such as prometheus-adapter=./prometheus-adapter-5.3.0.tgz")?;
        let source = match source.split_once("://") {
            Some(("oci", _)) => ChartSource::Url(source.to_owned()),
            Some(("http" | "https", _)) if source.ends_with(".tgz") || source.ends_with(".tar.gz") => {
                ChartSource::Url(source.to_owned())
            }
            Some(("http" | "https", _)) => ChartSource::Repository(source.to_owned()),
            Some((scheme, _)) => return Err(format!("a chart's URL is https, http or oci, not {scheme}")),
            None => ChartSource::Path(PathBuf::from(source)),
        };
        Ok(Self { chart: chart.to_owned(), source })
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
    /// The name on the command line.
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
pub struct ImageOption {
    /// The image.
    pub name: ImageName,
    /// The whole reference: registry, repository, and tag or digest.
    pub reference: String,
}

impl FromStr for ImageOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, reference) =
            pair(text, "NAME=REF, such as producer=registry.example/surge/producer:0.1.0")?;
        let name = [ImageName::Producer, ImageName::Worker, ImageName::Rabbitmq, ImageName::Exporter]
            .into_iter()
            .find(|known| known.name() == name)
            .ok_or_else(|| format!("unknown image {name:?}; use producer, worker, rabbitmq or exporter"))?;
        // A colon before the last slash belongs to the registry's port.
        let last = reference.rsplit('/').next().unwrap_or_default();
        let named =
            last.split_once(['@', ':']).is_some_and(|(name, tag)| !name.is_empty() && !tag.is_empty());
        if !named || reference.contains(char::is_whitespace) {
            return Err(format!("{reference:?} is not an image with a tag or digest"));
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
        let path = |text: &str| ChartSource::Path(text.into());
        for (text, expected) in [
            ("a=./b", path("./b")),
            ("a=b.tgz", path("b.tgz")),
            ("a=https://h/a-1.tgz", ChartSource::Url("https://h/a-1.tgz".into())),
            ("a=oci://h/a", ChartSource::Url("oci://h/a".into())),
            ("a=https://h/charts", ChartSource::Repository("https://h/charts".into())),
        ] {
            let chart: ChartOption = text.parse().unwrap();
            assert_eq!((chart.chart.as_str(), chart.source), ("a", expected), "{text}");
        }
        for text in ["a", "=b", "a=", "a=ftp://h/a.tgz"] {
            assert!(text.parse::<ChartOption>().is_err(), "{text}");
        }
    }

    #[test]
    fn images_are_complete_references() {
        for reference in
            ["surge/worker:1", "localhost:5000/worker:1", "rabbitmq:4.3@sha256:ab", "h/w@sha256:ab"]
        {
            let image: ImageOption = format!("worker={reference}").parse().unwrap();
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
            assert!(text.parse::<ImageOption>().is_err(), "{text}");
        }
    }
}
