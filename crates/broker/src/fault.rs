//! AMQP's errors: a reply code, a text in RabbitMQ's words, and whether a channel or the connection ends with it.

/// A method's class and method number, as `channel.close` and `connection.close` name the culprit.
pub(crate) type MethodId = (u16, u16);

/// What ends because of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Channel,
    Connection,
}

/// The reply codes that this broker uses (AMQP 0-9-1, section 1.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
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

impl Code {
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

    /// The specification's division into soft errors, which close the channel, and hard ones.
    pub(crate) fn scope(self) -> Scope {
        match self {
            Self::AccessRefused | Self::NotFound | Self::ResourceLocked | Self::PreconditionFailed => {
                Scope::Channel
            }
            _ => Scope::Connection,
        }
    }
}

/// An error that a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) scope: Scope,
    pub(crate) text: String,
    /// Which method was at fault; (0, 0) when none was.
    pub(crate) method: MethodId,
}

impl Fault {
    pub(crate) fn new(code: Code, text: impl AsRef<str>) -> Self {
        let text = format!("{} - {}", code.name(), text.as_ref());
        Self { code, scope: code.scope(), text: short(text), method: (0, 0) }
    }

    pub(crate) fn at(mut self, method: MethodId) -> Self {
        self.method = method;
        self
    }

    /// A soft error that ends the connection all the same, such as a refused login.
    pub(crate) fn fatal(mut self) -> Self {
        self.scope = Scope::Connection;
        self
    }
}

/// Reply texts are short strings: 255 bytes at most. Names in them come from clients.
pub(crate) fn short(mut text: String) -> String {
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
        let fault = Fault::new(Code::NotFound, "ü".repeat(300));
        assert!(fault.text.len() <= 255);
        assert!(fault.text.starts_with("NOT_FOUND - ü"));
    }
}
