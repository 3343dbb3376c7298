//! The worker's settings.

use std::{net::SocketAddr, time::Duration};

use clap::Parser;
use contract::settings as variables;
use podkit::{
    BrokerArgs, QueueArgs,
    program::{self, ProcessArgs},
    settings::duration,
};

/// Consumes jobs from RabbitMQ, one at a time, and acknowledges each one after its work
#[derive(Debug, Clone, Parser)]
#[command(name = "worker", version)]
pub struct Settings {
    /// Address for probes and metrics; all interfaces by default, because kubelet and Prometheus connect from outside
    #[arg(long, env = variables::LISTEN, value_name = "LISTEN", default_value = "0.0.0.0:9090")]
    pub listen: SocketAddr,
    /// Duration of one job
    #[arg(long, env = variables::WORK_DURATION, value_name = "WORK_DURATION", default_value = "5s",
          value_parser = duration)]
    pub work_duration: Duration,
    /// Maximum number of unacknowledged messages; the worker still processes one at a time
    #[arg(long, env = variables::PREFETCH, value_name = "PREFETCH", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub prefetch: u16,
    /// The broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// The queue.
    #[command(flatten)]
    pub queue: QueueArgs,
    /// The process.
    #[command(flatten)]
    pub process: ProcessArgs,
}

impl program::Settings for Settings {
    fn listen(&self) -> SocketAddr {
        self.listen
    }

    fn process(&self) -> &ProcessArgs {
        &self.process
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_values_name_the_variable() {
        for (flag, value, variable) in [
            ("--listen", "nowhere", "LISTEN"),
            ("--work-duration", "5", "WORK_DURATION"),
            ("--work-duration=-5s", "", "WORK_DURATION"),
            ("--prefetch", "0", "PREFETCH"),
            ("--prefetch", "70000", "PREFETCH"),
        ] {
            let args = ["worker", flag, value].into_iter().filter(|arg| !arg.is_empty());
            let message = Settings::try_parse_from(args).unwrap_err().to_string();
            assert!(message.contains(variable), "{message:?} should name {variable}");
        }
    }

    #[test]
    fn defaults_match_the_demo() {
        let settings = Settings::try_parse_from(["worker"]).unwrap();
        assert_eq!((settings.prefetch, settings.work_duration), (1, Duration::from_secs(5)));
        assert_eq!(settings.queue.queue, contract::queue::ORDERS);
    }
}
