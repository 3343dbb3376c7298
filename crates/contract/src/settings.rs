//! Names of the environment variables that configure the programs; each is also a flag.

/// Whole broker URL, `amqp://user:password@host:port/vhost`.
pub const AMQP_URL: &str = "AMQP_URL";
/// Broker host, when there is no URL.
pub const AMQP_HOST: &str = "AMQP_HOST";
/// Broker port, when there is no URL.
pub const AMQP_PORT: &str = "AMQP_PORT";
/// Broker user, when there is no URL.
pub const AMQP_USER: &str = "AMQP_USER";
/// Broker password, when there is no URL.
pub const AMQP_PASSWORD: &str = "AMQP_PASSWORD";
/// Virtual host, when there is no URL.
pub const AMQP_VHOST: &str = "AMQP_VHOST";
/// Appended to a secret's variable: the file that holds its value.
pub const FILE_SUFFIX: &str = "_FILE";
/// Queue of the jobs.
pub const QUEUE: &str = "QUEUE";
/// `classic` or `quorum`.
pub const QUEUE_TYPE: &str = "QUEUE_TYPE";
/// Address that the program serves on.
pub const LISTEN: &str = "LISTEN";
/// Unacknowledged messages a worker may hold.
pub const PREFETCH: &str = "PREFETCH";
/// Messages that the producer may have on the way without a confirm.
pub const MAX_UNCONFIRMED: &str = "MAX_UNCONFIRMED";
/// How long one job takes, such as `5s`.
pub const WORK_DURATION: &str = "WORK_DURATION";
/// `text` or `json`.
pub const LOG_FORMAT: &str = "LOG_FORMAT";
