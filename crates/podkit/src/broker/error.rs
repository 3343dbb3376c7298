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
    // The broker quotes the virtual host, which may be the rest of a password.
    let text = if reply.get_id() == 530 { without_quotes(text) } else { text.to_owned() };
    format!("broker error {} {text}{hint}", reply.get_id())
}

/// A text with an ellipsis in place of each quoted part.
fn without_quotes(text: &str) -> String {
    text.split('\'').step_by(2).collect::<Vec<_>>().join("'…'")
}

#[cfg(test)]
mod tests {
    #[test]
    fn quoted_parts_are_left_out() {
        let text = "NOT_ALLOWED - access to vhost 's3cret' refused for user 'me'";
        assert_eq!(super::without_quotes(text), "NOT_ALLOWED - access to vhost '…' refused for user '…'");
    }
}
