//! The handshake, from the protocol header to `connection.open-ok`.

use std::io;
use std::sync::Arc;

use amq_protocol::protocol::{AMQPClass, connection};
use amq_protocol::types::{AMQPValue, FieldTable, LongString, parsing::parse_field_table};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use super::link::Link;
use crate::config::Limits;
use crate::error::{AmqpError, ReplyCode};
use crate::shared::{Mode, Shared};
use crate::state::connection::{Capabilities, Client};
use crate::state::frames::connection_close;
use crate::state::ids::ConnectionId;
use crate::wire::bytes::Cursor;
use crate::wire::frame::{Frame, Method};
use crate::wire::table;

const HEADER: &[u8; 8] = b"AMQP\x00\x00\x09\x01";
/// Maximum frame size before the negotiation.
const FRAME_MAX_BEFORE_TUNE: u32 = 8192;
/// Smallest frame size that a client may choose.
const FRAME_MIN: u32 = 4096;

/// A connection that has completed the handshake.
pub(super) struct OpenConnection {
    pub(super) id: ConnectionId,
    pub(super) wake: Arc<Notify>,
    pub(super) frame_max: u32,
    /// Seconds between heartbeats; 0 is none.
    pub(super) heartbeat: u16,
}

/// Reason why a handshake failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("the client does not speak AMQP 0-9-1")]
    Protocol,
    #[error("rejected the client: {0}")]
    Rejected(String),
}

pub(super) async fn run(
    shared: &Arc<Shared>,
    link: &mut Link,
    address: &str,
    frame_max: u32,
) -> Result<OpenConnection, HandshakeError> {
    let mut header = [0; 8];
    link.stream.read_exact(&mut header).await?;
    if &header != HEADER {
        // The specification requires the supported protocol header as the answer.
        link.stream.write_all(HEADER).await?;
        let _ = link.stream.shutdown().await;
        return Err(HandshakeError::Protocol);
    }
    let mut capabilities = Capabilities::default();
    match steps(shared, link, address, frame_max, &mut capabilities).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(error)) => {
            // A client without this capability interprets a closed socket as a refused login.
            let login = error.code == ReplyCode::AccessRefused;
            if !login || capabilities.authentication_failure_close {
                link.sending.method(0, connection_close(&error));
                // Wait for the next frame; the caller has a timeout.
                let _ = link.next_frame(frame_max).await;
            }
            Err(HandshakeError::Rejected(error.text))
        }
        Err(error) => Err(error.into()),
    }
}

async fn steps(
    shared: &Arc<Shared>,
    link: &mut Link,
    address: &str,
    frame_max: u32,
    capabilities: &mut Capabilities,
) -> io::Result<Result<OpenConnection, AmqpError>> {
    link.sending.method(0, start());
    let start_ok = match expect(link, FRAME_MAX_BEFORE_TUNE, (10, 11)).await? {
        Ok(connection::AMQPMethod::StartOk(start_ok)) => start_ok,
        Ok(_) => return Ok(Err(unexpected((10, 11)))),
        Err(error) => return Ok(Err(error)),
    };
    *capabilities = capabilities_of(&start_ok.client_properties);
    let user = match login(shared, &start_ok) {
        Ok(user) => user,
        Err(error) => return Ok(Err(error.fatal().at((10, 11)))),
    };
    let limits = shared.lock().config.limits.clone();
    link.sending.method(
        0,
        AMQPClass::Connection(connection::AMQPMethod::Tune(connection::Tune {
            channel_max: limits.channel_max,
            frame_max: limits.frame_max,
            heartbeat: limits.heartbeat,
        })),
    );
    let tuned = match expect(link, FRAME_MAX_BEFORE_TUNE, (10, 31)).await? {
        Ok(connection::AMQPMethod::TuneOk(tuned)) => tuned,
        Ok(_) => return Ok(Err(unexpected((10, 31)))),
        Err(error) => return Ok(Err(error)),
    };
    if let Err(error) = check_tuned(&tuned, &limits) {
        return Ok(Err(error.at((10, 31))));
    }
    let frame_max = tuned.frame_max.min(frame_max);
    let open = match expect(link, frame_max, (10, 40)).await? {
        Ok(connection::AMQPMethod::Open(open)) => open,
        Ok(_) => return Ok(Err(unexpected((10, 40)))),
        Err(error) => return Ok(Err(error)),
    };
    let name = open.virtual_host.as_str();
    let mut state = shared.lock();
    let Some(vhost) = state.vhost(name) else {
        return Ok(
            Err(AmqpError::new(ReplyCode::NotAllowed, format!("vhost {name} not found")).at((10, 40))),
        );
    };
    if shared.mode() == Mode::Stopped {
        return Ok(Err(AmqpError::new(ReplyCode::ConnectionForced, "broker is stopping").at((10, 40))));
    }
    tracing::info!(
        "connection ({address}): user '{user}' authenticated and granted access to vhost '{name}'"
    );
    let client = Client {
        address: address.to_owned(),
        user,
        name: connection_name(&start_ok.client_properties),
        vhost,
        frame_max,
        channel_max: tuned.channel_max,
        capabilities: *capabilities,
    };
    let wake = Arc::new(Notify::new());
    Ok(state.connect(client, wake.clone()).map(|id| {
        if let Some(connection) = state.connections.get_mut(&id) {
            connection.send(0, AMQPClass::Connection(connection::AMQPMethod::OpenOk(connection::OpenOk {})));
        }
        OpenConnection { id, wake, frame_max, heartbeat: tuned.heartbeat }
    }))
}

fn unexpected(expected: (u16, u16)) -> AmqpError {
    AmqpError::new(ReplyCode::CommandInvalid, format!("expected method {}.{}", expected.0, expected.1))
}

/// Returns the next method of class connection; skips heartbeats.
async fn expect(
    link: &mut Link,
    frame_max: u32,
    expected: (u16, u16),
) -> io::Result<Result<connection::AMQPMethod, AmqpError>> {
    loop {
        match link.next_frame(frame_max).await? {
            Ok(Frame::Heartbeat) => {}
            Ok(Frame::Method { channel: 0, method: Method::Other(method) }) => match *method {
                AMQPClass::Connection(method) => return Ok(Ok(method)),
                _ => return Ok(Err(unexpected(expected))),
            },
            Ok(Frame::Method { .. }) => {
                return Ok(Err(AmqpError::new(ReplyCode::ChannelError, "the connection is not open yet")));
            }
            Ok(_) => {
                return Ok(Err(AmqpError::new(
                    ReplyCode::UnexpectedFrame,
                    "content before the connection is open",
                )));
            }
            Err(error) => return Ok(Err(error)),
        }
    }
}

fn start() -> AMQPClass {
    let mut capabilities = FieldTable::default();
    for (name, has) in [
        ("publisher_confirms", true),
        ("basic.nack", true),
        ("consumer_cancel_notify", true),
        ("connection.blocked", true),
        ("authentication_failure_close", true),
        ("per_consumer_qos", true),
        ("exchange_exchange_bindings", false),
        ("consumer_priorities", false),
        ("direct_reply_to", false),
    ] {
        capabilities.insert(name.into(), AMQPValue::Boolean(has));
    }
    let mut properties = FieldTable::default();
    properties.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
    for (name, value) in [
        ("product", env!("CARGO_PKG_NAME")),
        ("version", env!("CARGO_PKG_VERSION")),
        ("information", env!("CARGO_PKG_DESCRIPTION")),
    ] {
        properties.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    AMQPClass::Connection(connection::AMQPMethod::Start(connection::Start {
        version_major: 0,
        version_minor: 9,
        server_properties: properties,
        mechanisms: "PLAIN AMQPLAIN".into(),
        locales: "en_US".into(),
    }))
}

fn capabilities_of(properties: &FieldTable) -> Capabilities {
    let Some(AMQPValue::FieldTable(table)) = properties.inner().get("capabilities") else {
        return Capabilities::default();
    };
    let has = |name: &str| matches!(table.inner().get(name), Some(AMQPValue::Boolean(true)));
    Capabilities {
        consumer_cancel_notify: has("consumer_cancel_notify"),
        blocked: has("connection.blocked"),
        authentication_failure_close: has("authentication_failure_close"),
    }
}

fn connection_name(properties: &FieldTable) -> Option<String> {
    match properties.inner().get("connection_name") {
        Some(AMQPValue::LongString(name)) => Some(name.to_string()),
        _ => None,
    }
}

/// Checks the password and returns the user name.
fn login(shared: &Arc<Shared>, start_ok: &connection::StartOk) -> Result<String, AmqpError> {
    let mechanism = start_ok.mechanism.as_str();
    let credentials = match mechanism {
        "PLAIN" => plain(start_ok.response.as_bytes()),
        "AMQPLAIN" => amqplain(&start_ok.response),
        _ => {
            return Err(AmqpError::new(
                ReplyCode::CommandInvalid,
                format!("unknown authentication mechanism '{mechanism}'"),
            ));
        }
    };
    credentials.filter(|(user, password)| shared.lock().admits(user, password)).map(|(user, _)| user).ok_or_else(
        || {
            AmqpError::new(
                ReplyCode::AccessRefused,
                format!(
                    "Login was refused using authentication mechanism {mechanism}. For details see the broker logfile."
                ),
            )
        },
    )
}

/// Parses PLAIN: `authorization identity NUL user NUL password` (RFC 4616).
fn plain(response: &[u8]) -> Option<(String, Vec<u8>)> {
    let mut parts = response.splitn(3, |byte| *byte == 0).skip(1);
    let user = String::from_utf8(parts.next()?.to_vec()).ok()?;
    Some((user, parts.next()?.to_vec()))
}

/// Parses AMQPLAIN: a field table without its length, with the keys LOGIN and PASSWORD.
fn amqplain(response: &LongString) -> Option<(String, Vec<u8>)> {
    let length = u32::try_from(response.len()).ok()?;
    let bytes = [&length.to_be_bytes()[..], response.as_bytes()].concat();
    table::check(&mut Cursor::new(&bytes)).ok()?;
    let (_, table) = parse_field_table(&bytes[..]).ok()?;
    let text = |key: &str| match table.inner().get(key) {
        Some(AMQPValue::LongString(text)) => Some(text.as_bytes().to_vec()),
        _ => None,
    };
    Some((String::from_utf8(text("LOGIN")?).ok()?, text("PASSWORD")?))
}

fn check_tuned(tuned: &connection::TuneOk, limits: &Limits) -> Result<(), AmqpError> {
    let higher = |what: &str, chosen: u64, most: u64| {
        let chosen = if chosen == 0 { "no limit".to_owned() } else { chosen.to_string() };
        AmqpError::new(
            ReplyCode::NotAllowed,
            format!("negotiated {what} = {chosen} is higher than the maximum allowed value ({most})"),
        )
    };
    if tuned.frame_max != 0 && tuned.frame_max < FRAME_MIN {
        return Err(AmqpError::new(
            ReplyCode::NotAllowed,
            format!(
                "negotiated frame_max = {} is lower than the minimum allowed value ({FRAME_MIN})",
                tuned.frame_max
            ),
        ));
    }
    if tuned.frame_max == 0 || tuned.frame_max > limits.frame_max {
        return Err(higher("frame_max", tuned.frame_max.into(), limits.frame_max.into()));
    }
    if tuned.channel_max == 0 || tuned.channel_max > limits.channel_max {
        return Err(higher("channel_max", tuned.channel_max.into(), limits.channel_max.into()));
    }
    Ok(())
}
