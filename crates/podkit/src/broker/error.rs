//! Errors of the connection to the broker, as texts for people.

use std::time::Duration;

use lapin::ErrorKind;

/// Reason why a session could not be opened. The texts never contain a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The socket, TLS or the broker reported an error.
    #[error("cannot connect to {address}: {}", error_text(source))]
    Refused {
        /// Address of the broker, without the password.
        address: String,
        /// Error from lapin.
        source: lapin::Error,
    },
    /// The broker did not answer in time.
    #[error("cannot connect to {address}: no answer within {after:?}")]
    TimedOut {
        /// Address of the broker, without the password.
        address: String,
        /// Time limit.
        after: Duration,
    },
}

/// Formats an error of lapin: the broker's reply code and text, with a hint what to check.
#[must_use]
pub fn error_text(error: &lapin::Error) -> String {
    let ErrorKind::ProtocolError(reply) = error.kind() else {
        return match error.kind() {
            ErrorKind::IOError(error) => error.to_string(),
            ErrorKind::MissingHeartbeatError => "missed heartbeats from the broker".to_owned(),
            _ => error.to_string(),
        };
    };
    let text = reply.get_message().as_str();
    let hint = match reply.get_id() {
        403 => " (check AMQP_USER and AMQP_PASSWORD, and the user's permissions)",
        406 if text.contains("inequivalent arg") => {
            " (a queue with this name exists with other arguments: delete it, or set QUEUE or QUEUE_TYPE)"
        }
        406 if text.contains("delivery acknowledgement") => {
            " (a job takes longer than the broker's consumer_timeout allows)"
        }
        530 => " (check AMQP_VHOST)",
        _ => "",
    };
    format!("broker error {} {text}{hint}", reply.get_id())
}
