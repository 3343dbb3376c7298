//! The producer's settings.

use std::net::SocketAddr;

use clap::Parser;
use contract::settings as variables;
use podkit::{
    BrokerArgs, QueueArgs, probe_client,
    program::{self, ProcessArgs},
};

use crate::test_job;

/// The settings of the producer.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "producer",
    version,
    about = "Publishes jobs to RabbitMQ: GET or POST /generate[?count=1..10000][&burst=ID]"
)]
pub struct Settings {
    /// Address for HTTP; all interfaces by default, because kubelet and Service connect from outside
    #[arg(long, env = variables::LISTEN, value_name = "LISTEN", default_value = "0.0.0.0:3000")]
    pub listen: SocketAddr,
    /// Maximum number of unconfirmed messages; further requests get 503 with Retry-After
    #[arg(long, env = variables::MAX_UNCONFIRMED, value_name = "MAX_UNCONFIRMED", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_unconfirmed: u32,
    /// Send a job to the producer at HOST:PORT, wait until it is done, and exit with 0 or 1
    #[arg(long, value_name = "HOST:PORT", requires = "management")]
    pub test_job: Option<String>,
    /// Address of the broker's management API, for --test-job
    #[arg(long, value_name = "HOST:PORT")]
    pub management: Option<String>,
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

    fn check(&self) -> Option<Result<String, String>> {
        match (&self.test_job, &self.management) {
            (Some(producer), Some(management)) => {
                Some(test_job::run(&self.broker, &self.queue.queue, producer, management))
            }
            _ => self.process.probe.then(|| probe_client::get_readiness(self.listen)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_values_name_the_variable() {
        for (flag, value, variable) in [
            ("--listen", "nowhere", "LISTEN"),
            ("--max-unconfirmed", "0", "MAX_UNCONFIRMED"),
            ("--max-unconfirmed", "many", "MAX_UNCONFIRMED"),
            ("--queue", "", "QUEUE"),
            ("--queue-type", "stream", "QUEUE_TYPE"),
            ("--log-format", "xml", "LOG_FORMAT"),
        ] {
            let message = Settings::try_parse_from(["producer", flag, value]).unwrap_err().to_string();
            assert!(message.contains(variable), "{message:?} should name {variable}");
        }
    }

    #[test]
    fn help_lists_every_variable() {
        use clap::CommandFactory;
        let help = Settings::command().render_long_help().to_string();
        for name in [
            variables::AMQP_URL,
            variables::AMQP_HOST,
            variables::AMQP_PORT,
            variables::AMQP_USER,
            variables::AMQP_PASSWORD,
            variables::AMQP_VHOST,
            "AMQP_URL_FILE",
            "AMQP_USER_FILE",
            "AMQP_PASSWORD_FILE",
            variables::QUEUE,
            variables::QUEUE_TYPE,
            variables::LISTEN,
            variables::MAX_UNCONFIRMED,
            variables::LOG_FORMAT,
            "AMQP_CA_FILE",
            "RUST_LOG",
        ] {
            assert!(help.contains(&format!("[env: {name}")), "{name} is missing from\n{help}");
        }
    }
}
