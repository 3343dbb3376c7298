//! The worker's settings.

use std::{net::SocketAddr, time::Duration};

use clap::Parser;
use contract::settings as names_of;
use podkit::{
    BrokerArgs, QueueArgs,
    program::{self, ProcessArgs},
    settings::duration,
};

/// Takes jobs from RabbitMQ, one at a time, and acknowledges each after its work
#[derive(Debug, Clone, Parser)]
#[command(name = "worker", version)]
pub struct Settings {
    /// Address to serve probes and metrics on; all interfaces, since a pod's probes and scrapes come from outside
    #[arg(long, env = names_of::LISTEN, value_name = "LISTEN", default_value = "0.0.0.0:9090")]
    pub listen: SocketAddr,
    /// How long one job takes
    #[arg(long, env = names_of::WORK_DURATION, value_name = "WORK_DURATION", default_value = "5s",
          value_parser = duration)]
    pub work_duration: Duration,
    /// Messages that the broker may hand over before the first is acknowledged; still worked on one at a time
    #[arg(long, env = names_of::PREFETCH, value_name = "PREFETCH", default_value_t = 1,
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
    fn wrong_values_name_the_variable() {
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
    fn defaults_are_the_demos() {
        let settings = Settings::try_parse_from(["worker"]).unwrap();
        assert_eq!((settings.prefetch, settings.work_duration), (1, Duration::from_secs(5)));
        assert_eq!(settings.queue.queue, contract::queue::ORDERS);
    }
}
