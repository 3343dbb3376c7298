//! Settings: flags, each with an environment variable.
//!
//! This module validates every value, and every error names the variable. clap does not validate secrets, so that its
//! error messages cannot contain one.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use clap::Args;
use contract::{names, queue, settings as variables};
use jiff::SignedDuration;
use lapin::uri::{AMQPScheme, AMQPUri};

/// Negotiated maximum frame size in bytes: the minimum that RabbitMQ 4 allows. lapin keeps 64 buffers of this size; with
/// RabbitMQ's default of 128 KiB they would need more memory than the rest of a worker.
const FRAME_MAX: u32 = 8192;
/// Heartbeat interval in seconds; the connection is lost after two intervals of silence.
const HEARTBEAT: u16 = 10;

/// Maximum of [`duration`].
const MAX_DURATION: Duration = Duration::from_secs(24 * 3600);

/// Reason why the settings are invalid. The text begins with the variable's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The value is invalid.
    #[error("{variable}: {problem}")]
    Invalid {
        /// Name of the variable.
        variable: String,
        /// Explanation and valid form; never the value of a secret.
        problem: String,
    },
    /// Both the secret and its file are set.
    #[error("{variable} and {variable}{FILE}: set one of them, not both", FILE = variables::FILE_SUFFIX)]
    Both {
        /// Name of the variable without the suffix.
        variable: &'static str,
    },
    /// The secret's file cannot be read.
    #[error("{variable}{FILE}: cannot read {path}: {problem}", FILE = variables::FILE_SUFFIX)]
    File {
        /// Name of the variable without the suffix.
        variable: &'static str,
        /// The file.
        path: String,
        /// Error from the operating system.
        problem: String,
    },
}

fn invalid(variable: impl Into<String>, problem: impl Into<String>) -> SettingsError {
    SettingsError::Invalid { variable: variable.into(), problem: problem.into() }
}

/// A secret text that `Debug` does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns the secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Address of the broker: a URL or its parts.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Broker")]
pub struct BrokerArgs {
    /// Complete URL, amqp://user:password@host:port/vhost; overrides the parts below
    #[arg(long, env = variables::AMQP_URL, value_name = "AMQP_URL", hide_env_values = true)]
    pub amqp_url: Option<Secret>,
    /// File that contains the URL
    #[arg(long, env = "AMQP_URL_FILE", value_name = "AMQP_URL_FILE")]
    pub amqp_url_file: Option<PathBuf>,
    /// Host name or address [default: localhost]
    #[arg(long, env = variables::AMQP_HOST, value_name = "AMQP_HOST")]
    pub amqp_host: Option<String>,
    /// Port [default: 5672]
    #[arg(long, env = variables::AMQP_PORT, value_name = "AMQP_PORT")]
    pub amqp_port: Option<String>,
    /// User [default: guest]
    #[arg(long, env = variables::AMQP_USER, value_name = "AMQP_USER", hide_env_values = true)]
    pub amqp_user: Option<Secret>,
    /// File that contains the user
    #[arg(long, env = "AMQP_USER_FILE", value_name = "AMQP_USER_FILE")]
    pub amqp_user_file: Option<PathBuf>,
    /// Password [default: guest]; flags are visible in the process list, so use the variable or the file
    #[arg(long, env = variables::AMQP_PASSWORD, value_name = "AMQP_PASSWORD", hide_env_values = true)]
    pub amqp_password: Option<Secret>,
    /// File that contains the password
    #[arg(long, env = "AMQP_PASSWORD_FILE", value_name = "AMQP_PASSWORD_FILE")]
    pub amqp_password_file: Option<PathBuf>,
    /// Virtual host [default: /]
    #[arg(long, env = variables::AMQP_VHOST, value_name = "AMQP_VHOST")]
    pub amqp_vhost: Option<String>,
    /// PEM file with the CA certificates for amqps [default: the system's]
    #[arg(long, env = "AMQP_CA_FILE", value_name = "AMQP_CA_FILE")]
    pub amqp_ca_file: Option<PathBuf>,
}

impl BrokerArgs {
    /// Validates the settings and returns the address. Reads the files with secrets, without their final newline.
    ///
    /// # Errors
    /// [`SettingsError`] names the variable. It never contains a URL, user or password.
    pub fn address(&self) -> Result<Address, SettingsError> {
        let url = secret(variables::AMQP_URL, self.amqp_url.as_ref(), self.amqp_url_file.as_ref())?;
        let mut uri = match url {
            Some(url) => parse_url(url.expose())?,
            None => self.uri_of_parts()?,
        };
        uri.query.frame_max.get_or_insert(FRAME_MAX);
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        if uri.scheme == AMQPScheme::AMQPS && !cfg!(feature = "tls") {
            return Err(invalid(
                variables::AMQP_URL,
                "this build does not support amqps: use amqp://, or a build with the feature tls (as in the images)",
            ));
        }
        let authorities = match &self.amqp_ca_file {
            None => None,
            Some(path) => Some(std::fs::read_to_string(path).map_err(|error| {
                invalid("AMQP_CA_FILE", format!("cannot read {}: {error}", path.display()))
            })?),
        };
        Ok(Address { uri, authorities })
    }

    fn uri_of_parts(&self) -> Result<AMQPUri, SettingsError> {
        let mut uri = AMQPUri::default();
        let text = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        if let Some(host) = text(&self.amqp_host) {
            if host.chars().any(|c| c.is_whitespace() || c == '/' || c == '@') {
                return Err(invalid(
                    variables::AMQP_HOST,
                    format!("{host:?} is not a host name or an IP address"),
                ));
            }
            uri.authority.host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        }
        if let Some(port) = text(&self.amqp_port) {
            uri.authority.port = port.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
                invalid(variables::AMQP_PORT, format!("{port:?} is not a port number from 1 to 65535"))
            })?;
        } else {
            uri.authority.port = names::RABBITMQ_AMQP.number;
        }
        if let Some(user) =
            secret(variables::AMQP_USER, self.amqp_user.as_ref(), self.amqp_user_file.as_ref())?
        {
            uri.authority.userinfo.username = user.0;
        }
        let password =
            secret(variables::AMQP_PASSWORD, self.amqp_password.as_ref(), self.amqp_password_file.as_ref())?;
        if let Some(password) = password {
            uri.authority.userinfo.password = password.0;
        }
        uri.vhost = text(&self.amqp_vhost).unwrap_or_else(|| queue::VHOST.to_owned());
        Ok(uri)
    }
}

fn secret(
    variable: &'static str,
    value: Option<&Secret>,
    file: Option<&PathBuf>,
) -> Result<Option<Secret>, SettingsError> {
    let value = value.filter(|value| !value.0.is_empty());
    match (value, file) {
        (Some(_), Some(_)) => Err(SettingsError::Both { variable }),
        (Some(value), None) => Ok(Some(value.clone())),
        (None, None) => Ok(None),
        (None, Some(path)) => {
            let failed =
                |problem: String| SettingsError::File { variable, path: path.display().to_string(), problem };
            let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
            let text = text.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                return Err(failed("the file is empty".to_owned()));
            }
            Ok(Some(Secret(text.to_owned())))
        }
    }
}

fn parse_url(url: &str) -> Result<AMQPUri, SettingsError> {
    let wrong = |problem: &str| invalid(variables::AMQP_URL, problem);
    let form = "not a URL of the form amqp://user:password@host:port/vhost";
    let rest =
        url.strip_prefix("amqp://").or_else(|| url.strip_prefix("amqps://")).ok_or_else(|| wrong(form))?;
    // The parser would take the rest of such a password for the virtual host.
    if rest.split_once('/').is_some_and(|(_, path)| path.contains('@')) {
        return Err(wrong("user and password must be percent-encoded: write / as %2F"));
    }
    // The parser's error may contain the URL and its password.
    let mut uri: AMQPUri = url.parse().map_err(|_| wrong(form))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    if host.is_empty() || host.starts_with(':') {
        return Err(wrong("the URL has no host"));
    }
    // The parser does not recognise an IPv6 address as a host and silently uses localhost.
    if let Some((address, _)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        uri.authority.host = address.to_owned();
    }
    if uri.authority.port == 0 {
        return Err(wrong("port 0 is not valid"));
    }
    // By RabbitMQ's rules `amqp://host/` means an empty virtual host, which is never intended.
    if uri.vhost.is_empty() {
        uri.vhost = queue::VHOST.to_owned();
    }
    Ok(uri)
}

/// A validated broker address. `Display` and `Debug` print scheme, user, host and port only: a virtual host may be the rest of
/// a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(crate) uri: AMQPUri,
    pub(crate) authorities: Option<String>,
}

impl Address {
    /// The user and the password.
    #[must_use]
    pub fn credentials(&self) -> (&str, &str) {
        let user = &self.uri.authority.userinfo;
        (&user.username, &user.password)
    }
}

impl FromStr for Address {
    type Err = SettingsError;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        BrokerArgs { amqp_url: Some(Secret(url.to_owned())), ..BrokerArgs::default() }.address()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { scheme, authority, .. } = &self.uri;
        let user = &authority.userinfo.username;
        let (host, port) = (&authority.host, authority.port);
        if host.contains(':') {
            write!(f, "{scheme}://{user}@[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{user}@{host}:{port}")
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// Name and type of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Queue")]
pub struct QueueArgs {
    /// Queue of the jobs
    #[arg(long, env = variables::QUEUE, value_name = "QUEUE", default_value = queue::ORDERS, value_parser = queue_name)]
    pub queue: String,
    /// Type of the queue: classic or quorum
    #[arg(long, env = variables::QUEUE_TYPE, value_name = "QUEUE_TYPE", default_value = "classic")]
    pub queue_type: queue::QueueType,
}

impl Default for QueueArgs {
    fn default() -> Self {
        Self { queue: queue::ORDERS.to_owned(), queue_type: queue::QueueType::default() }
    }
}

/// AMQP limits names to 255 bytes and reserves the prefix `amq.`. The dead-letter queue needs 5 bytes for `.dead`.
fn queue_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 250 {
        Err("a queue name has 1 to 250 bytes".to_owned())
    } else if text.starts_with("amq.") {
        Err("names with the prefix amq. are reserved for the broker".to_owned())
    } else if text.chars().any(char::is_control) {
        Err("a queue name has no control characters".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

/// Parses a duration in jiff's format, which includes that of Go and Kubernetes: `5s`, `250ms`, `1m30s`, `0`.
///
/// # Errors
/// A sentence with the valid form, for a text that is not a duration from 0 to 24 hours.
pub fn duration(text: &str) -> Result<Duration, String> {
    let invalid = || format!("{text:?} is not a duration such as 5s, 250ms or 1m30s, at most 24h");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let duration: SignedDuration = text.parse().map_err(|_| invalid())?;
    Duration::try_from(duration).ok().filter(|duration| *duration <= MAX_DURATION).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> BrokerArgs {
        BrokerArgs { amqp_url: Some(Secret(text.to_owned())), ..BrokerArgs::default() }
    }

    #[test]
    fn addresses_do_not_show_passwords() {
        let parts = BrokerArgs {
            amqp_host: Some("rabbitmq".to_owned()),
            amqp_port: Some("5673".to_owned()),
            amqp_user: Some(Secret("me".to_owned())),
            amqp_password: Some(Secret("s3cret".to_owned())),
            amqp_vhost: Some("demo".to_owned()),
            ..BrokerArgs::default()
        };
        let cases = [
            (BrokerArgs::default(), "amqp://guest@localhost:5672", "guest", "/"),
            (parts, "amqp://me@rabbitmq:5673", "s3cret", "demo"),
            (url("amqp://u:p%2Fw@h:1/v%20w"), "amqp://u@h:1", "p/w", "v w"),
            (url("amqp://127.0.0.1"), "amqp://guest@127.0.0.1:5672", "guest", "/"),
            (url("amqp://127.0.0.1/"), "amqp://guest@127.0.0.1:5672", "guest", "/"),
            (url("amqp://a:b@[::1]:5/%2F"), "amqp://a@[::1]:5", "b", "/"),
        ];
        for (args, expected, password, vhost) in cases {
            let address = args.address().unwrap();
            assert_eq!(address.to_string(), expected);
            assert_eq!(address.uri.authority.userinfo.password, password);
            assert_eq!(address.uri.vhost, vhost);
            assert!(!format!("{args:?} {address:?}").contains("s3cret"));
            assert_eq!(address.uri.query.frame_max, Some(FRAME_MAX));
        }
    }

    #[test]
    fn what_is_wrong_names_the_variable_and_hides_secrets() {
        let host = BrokerArgs { amqp_host: Some("a b".to_owned()), ..BrokerArgs::default() };
        let port = |text: &str| BrokerArgs { amqp_port: Some(text.to_owned()), ..BrokerArgs::default() };
        let cases = [
            (url("http://u:s3cret@h"), "AMQP_URL"),
            (url("amqp://u:s3cret@"), "AMQP_URL"),
            (url("amqp://:s3cret@h:70000"), "AMQP_URL"),
            (url("amqp://u:s3cret@h:port"), "AMQP_URL"),
            (url("amqp://u:s3cret@h:0"), "AMQP_URL"),
            (
                url("amqp://u:12/s3cret@h:1/"),
                "AMQP_URL: user and password must be percent-encoded: write / as %2F",
            ),
            (url("amqp://us@er/x:p:a/s3cret#zz@h:1/"), "AMQP_URL: user and password must be percent-encoded"),
            (url("amqp://u:a/b/s3cret@h"), "AMQP_URL: user and password must be percent-encoded"),
            (url("amqp://u:a?s3cret@h:1/"), "AMQP_URL"),
            (url("amqp://u:a#s3cret@h:1/"), "AMQP_URL"),
            (url("u:s3cret@h:1/"), "AMQP_URL"),
            (host, "AMQP_HOST"),
            (port("0"), "AMQP_PORT"),
            (port("x"), "AMQP_PORT"),
            (port("65536"), "AMQP_PORT"),
            (
                BrokerArgs {
                    amqp_password: Some(Secret("s3cret".to_owned())),
                    amqp_password_file: Some("/x".into()),
                    ..BrokerArgs::default()
                },
                "AMQP_PASSWORD and AMQP_PASSWORD_FILE",
            ),
            (
                BrokerArgs { amqp_user_file: Some("/does/not/exist".into()), ..BrokerArgs::default() },
                "AMQP_USER_FILE: cannot read /does/not/exist",
            ),
            (
                BrokerArgs { amqp_ca_file: Some("/does/not/exist".into()), ..BrokerArgs::default() },
                "AMQP_CA_FILE: cannot read",
            ),
        ];
        for (args, expected) in cases {
            let message = args.address().unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message:?} should begin with {expected:?}");
            assert!(!message.contains("s3cret"), "{message:?}");
        }
    }

    #[test]
    fn secrets_are_read_from_files_without_newline() {
        let path = std::env::temp_dir().join(format!("podkit-secret-{}", std::process::id()));
        std::fs::write(&path, "pass word\n").unwrap();
        let args = BrokerArgs { amqp_password_file: Some(path.clone()), ..BrokerArgs::default() };
        let address = args.address().unwrap();
        std::fs::write(&path, "\n").unwrap();
        let empty = args.address().unwrap_err().to_string();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(address.uri.authority.userinfo.password, "pass word");
        assert!(empty.ends_with("the file is empty"), "{empty}");
    }

    #[test]
    fn durations() {
        for (text, expected) in
            [("5s", 5000), ("0", 0), ("0s", 0), ("250ms", 250), ("1m30s", 90_000), ("1.5s", 1500)]
        {
            assert_eq!(duration(text).unwrap(), Duration::from_millis(expected), "{text}");
        }
        for text in ["", "5", "s", "-1s", "1d", "1e9s", "..s", "25h", "9999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn queue_names() {
        assert!(queue_name("Orders").is_ok());
        for bad in ["", "amq.x", "a\nb", &"x".repeat(251)] {
            assert!(queue_name(bad).is_err(), "{bad:?}");
        }
    }
}
