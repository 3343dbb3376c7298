//! AMQP errors: a reply code, RabbitMQ's text, and the scope (channel or connection).

/// Class and method number, as in the fields of `channel.close` and `connection.close`.
pub(crate) type MethodId = (u16, u16);

/// Scope of an error: it closes the channel or the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Channel,
    Connection,
}

/// Reply codes of this broker (AMQP 0-9-1, section 1.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyCode {
    AccessRefused,
    NotFound,
    ResourceLocked,
    PreconditionFailed,
    ConnectionForced,
    FrameError,
    SyntaxError,
    CommandInvalid,
    ChannelError,
    UnexpectedFrame,
    ResourceError,
    NotAllowed,
    NotImplemented,
}

impl ReplyCode {
    pub(crate) fn number(self) -> u16 {
        match self {
            Self::AccessRefused => 403,
            Self::NotFound => 404,
            Self::ResourceLocked => 405,
            Self::PreconditionFailed => 406,
            Self::ConnectionForced => 320,
            Self::FrameError => 501,
            Self::SyntaxError => 502,
            Self::CommandInvalid => 503,
            Self::ChannelError => 504,
            Self::UnexpectedFrame => 505,
            Self::ResourceError => 506,
            Self::NotAllowed => 530,
            Self::NotImplemented => 540,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::AccessRefused => "ACCESS_REFUSED",
            Self::NotFound => "NOT_FOUND",
            Self::ResourceLocked => "RESOURCE_LOCKED",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::ConnectionForced => "CONNECTION_FORCED",
            Self::FrameError => "FRAME_ERROR",
            Self::SyntaxError => "SYNTAX_ERROR",
            Self::CommandInvalid => "COMMAND_INVALID",
            Self::ChannelError => "CHANNEL_ERROR",
            Self::UnexpectedFrame => "UNEXPECTED_FRAME",
            Self::ResourceError => "RESOURCE_ERROR",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::NotImplemented => "NOT_IMPLEMENTED",
        }
    }

    /// Returns the scope by the specification: soft errors close the channel, hard errors the connection.
    pub(crate) fn scope(self) -> Scope {
        match self {
            Self::AccessRefused | Self::NotFound | Self::ResourceLocked | Self::PreconditionFailed => {
                Scope::Channel
            }
            _ => Scope::Connection,
        }
    }
}

/// An error for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AmqpError {
    pub(crate) code: ReplyCode,
    pub(crate) scope: Scope,
    pub(crate) text: String,
    /// Method that caused the error; (0, 0) if none did.
    pub(crate) method: MethodId,
}

impl AmqpError {
    pub(crate) fn new(code: ReplyCode, text: impl AsRef<str>) -> Self {
        let text = format!("{} - {}", code.name(), text.as_ref());
        Self { code, scope: code.scope(), text: truncate(text), method: (0, 0) }
    }

    pub(crate) fn at(mut self, method: MethodId) -> Self {
        self.method = method;
        self
    }

    /// Extends a soft error to the connection, for example for a refused login.
    pub(crate) fn fatal(mut self) -> Self {
        self.scope = Scope::Connection;
        self
    }
}

/// Truncates a text to a short string of 255 bytes. Reply texts contain names from clients.
pub(crate) fn truncate(mut text: String) -> String {
    const MAX: usize = 255;
    if text.len() > MAX {
        let mut end = MAX;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let error = AmqpError::new(ReplyCode::NotFound, "ü".repeat(300));
        assert!(error.text.len() <= 255);
        assert!(error.text.starts_with("NOT_FOUND - ü"));
    }
}
