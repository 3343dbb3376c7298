//! The options of `surge up` for the charts of the stack.

use std::path::PathBuf;
use std::str::FromStr;

/// Name of the chart with the parts that the metric chain does not need.
const STACK: &str = "kube-prometheus-stack";

/// The options of the command line for the stack's values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackOptions {
    /// `--stack-values`, in order.
    pub files: Vec<StackFile>,
    /// `--stack-set`, in order.
    pub settings: Vec<StackSetting>,
    /// `--without`.
    pub without: Vec<Part>,
    /// The treatment of the values of earlier runs.
    pub earlier: Earlier,
}

/// The treatment of the values of earlier runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Earlier {
    /// They stay.
    #[default]
    Keep,
    /// They are dropped: `--reset-stack-values`.
    Reset,
}

/// `NAME=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackFile {
    /// Name of the chart.
    pub chart: String,
    /// The file.
    pub path: PathBuf,
}

/// `NAME.KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSetting {
    /// Name of the chart.
    pub chart: String,
    /// Key and value, in the syntax of helm's `--set`.
    pub setting: String,
}

/// A part of the stack that the metric chain does not need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// The dashboards of Grafana
    Grafana,
    /// The series about Kubernetes' objects
    KubeStateMetrics,
}

impl Part {
    fn setting(self) -> StackSetting {
        let setting = match self {
            Self::Grafana => "grafana.enabled=false",
            Self::KubeStateMetrics => "kubeStateMetrics.enabled=false",
        };
        StackSetting { chart: STACK.to_owned(), setting: setting.to_owned() }
    }
}

impl FromStr for StackFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((chart, path)) if !chart.is_empty() && !path.is_empty() => {
                Ok(Self { chart: chart.to_owned(), path: path.into() })
            }
            _ => Err("use NAME=FILE, such as kube-prometheus-stack=./stack.yaml".to_owned()),
        }
    }
}

impl FromStr for StackSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('.') {
            Some((chart, setting))
                if !chart.is_empty()
                    && !chart.contains('=')
                    && setting.find('=').is_some_and(|at| at > 0) =>
            {
                Ok(Self { chart: chart.to_owned(), setting: setting.to_owned() })
            }
            _ => Err("use NAME.KEY=VALUE, such as kube-prometheus-stack.grafana.enabled=false".to_owned()),
        }
    }
}

impl StackOptions {
    /// The options, each with the name of its chart.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let files = self.files.iter().map(|file| ("--stack-values", file.chart.as_str()));
        let settings = self.settings.iter().map(|one| ("--stack-set", one.chart.as_str()));
        let without = self.without.iter().map(|_| ("--without", STACK));
        files.chain(settings).chain(without)
    }

    /// Returns true if the user gave any.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.named().next().is_some() || self.earlier == Earlier::Reset
    }

    /// Helm's arguments for the values of a chart; later ones override earlier ones.
    pub(crate) fn arguments(&self, chart: &str) -> Vec<String> {
        let files = self.files.iter().filter(|file| file.chart == chart);
        let files = files.flat_map(|file| ["--values".to_owned(), file.path.to_string_lossy().into_owned()]);
        let without = self.without.iter().map(|part| part.setting());
        let settings = without.chain(self.settings.iter().cloned()).filter(|one| one.chart == chart);
        files.chain(settings.flat_map(|one| ["--set".to_owned(), one.setting])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_name_their_chart() {
        let file: StackFile = "keda=./k=1.yaml".parse().unwrap();
        assert_eq!((file.chart.as_str(), file.path), ("keda", "./k=1.yaml".into()));
        let setting: StackSetting = "kube-prometheus-stack.a\\.b.c={1,2}=.".parse().unwrap();
        assert_eq!(
            (setting.chart.as_str(), setting.setting.as_str()),
            ("kube-prometheus-stack", "a\\.b.c={1,2}=.")
        );
        for text in ["keda", "=x", "keda="] {
            assert!(text.parse::<StackFile>().is_err(), "{text}");
        }
        for text in ["keda", "keda=1", "keda.a", ".a=1", "keda.=1", "keda=a.b=1"] {
            assert!(text.parse::<StackSetting>().is_err(), "{text}");
        }
    }

    #[test]
    fn settings_override_parts_and_files() {
        let given = StackOptions {
            files: vec!["keda=k.yaml".parse().unwrap(), "kube-prometheus-stack=s.yaml".parse().unwrap()],
            settings: vec!["kube-prometheus-stack.a=1".parse().unwrap(), "keda.b=2".parse().unwrap()],
            without: vec![Part::Grafana],
            earlier: Earlier::Keep,
        };
        assert_eq!(given.arguments(STACK).join(" "), "--values s.yaml --set grafana.enabled=false --set a=1");
        assert_eq!(given.arguments("keda").join(" "), "--values k.yaml --set b=2");
        assert_eq!(given.arguments("prometheus-adapter"), [""; 0]);
    }
}
