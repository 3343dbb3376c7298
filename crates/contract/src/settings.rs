//! Names of the environment variables that configure the programs. Each one has a flag too.

/// Complete broker URL, `amqp://user:password@host:port/vhost`.
pub const AMQP_URL: &str = "AMQP_URL";
/// Broker host, if no URL is set.
pub const AMQP_HOST: &str = "AMQP_HOST";
/// Broker port, if no URL is set.
pub const AMQP_PORT: &str = "AMQP_PORT";
/// Broker user, if no URL is set.
pub const AMQP_USER: &str = "AMQP_USER";
/// Broker password, if no URL is set.
pub const AMQP_PASSWORD: &str = "AMQP_PASSWORD";
/// Virtual host, if no URL is set.
pub const AMQP_VHOST: &str = "AMQP_VHOST";
/// Suffix of the variable that names a file with the secret's value.
pub const FILE_SUFFIX: &str = "_FILE";
/// Queue of the jobs.
pub const QUEUE: &str = "QUEUE";
/// `classic` or `quorum`.
pub const QUEUE_TYPE: &str = "QUEUE_TYPE";
/// Address on which the program listens.
pub const LISTEN: &str = "LISTEN";
/// Maximum number of unacknowledged messages per worker.
pub const PREFETCH: &str = "PREFETCH";
/// Maximum number of unconfirmed messages of the producer.
pub const MAX_UNCONFIRMED: &str = "MAX_UNCONFIRMED";
/// Duration of one job, for example `5s`.
pub const WORK_DURATION: &str = "WORK_DURATION";
/// `text` or `json`.
pub const LOG_FORMAT: &str = "LOG_FORMAT";
