//! Errors for unknown, forbidden and unsupported requests.

use amq_protocol::protocol::{AMQPClass, basic, channel};
use lapin::BasicProperties;
use lapin::ExchangeKind;
use lapin::options::*;
use lapin::types::FieldTable;

use super::BrokerUnderTest;
use super::client::*;
use super::raw::{Raw, any_frame};

pub(crate) async fn unknown_exchanges_are_errors(broker: &BrokerUnderTest) {
    let connection = connect(broker).await;
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let confirm = channel
        .basic_publish(
            "nope".into(),
            "q".into(),
            BasicPublishOptions::default(),
            b"",
            BasicProperties::default(),
        )
        .await
        .unwrap();
    let words = "NOT_FOUND - no exchange 'nope' in vhost '/'".to_owned();
    assert_eq!(reply(soon(confirm).await), (404, words.clone()));
    let channel = connection.create_channel().await.unwrap();
    let options = ExchangeDeclareOptions { passive: true, ..Default::default() };
    let declared =
        channel.exchange_declare("nope".into(), ExchangeKind::Direct, options, FieldTable::default()).await;
    assert_eq!(reply(declared), (404, words));
    let channel = connection.create_channel().await.unwrap();
    channel
        .exchange_declare("amq.direct".into(), ExchangeKind::Direct, options, FieldTable::default())
        .await
        .unwrap();
    channel.exchange_delete("nope".into(), ExchangeDeleteOptions::default()).await.unwrap();
}

pub(crate) async fn the_default_exchange_is_protected(broker: &BrokerUnderTest) {
    let (connection, channel) = with_queue(broker, "errors_default", FieldTable::default()).await;
    let words = "ACCESS_REFUSED - operation not permitted on the default exchange".to_owned();
    let bound = channel
        .queue_bind(
            "errors_default".into(),
            "".into(),
            "k".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await;
    assert_eq!(reply(bound), (403, words.clone()));
    let channel = connection.create_channel().await.unwrap();
    assert_eq!(
        reply(channel.exchange_delete("".into(), ExchangeDeleteOptions::default()).await),
        (403, words)
    );
}

pub(crate) async fn unsupported_methods_are_rejected(broker: &BrokerUnderTest) {
    let immediate = basic::Publish { routing_key: "q".into(), immediate: true, ..Default::default() };
    let recover = basic::Recover { requeue: false };
    let flow = channel::Flow { active: false };
    for (method, words) in [
        (AMQPClass::Basic(basic::AMQPMethod::Publish(immediate)), "immediate=true"),
        (AMQPClass::Basic(basic::AMQPMethod::Recover(recover)), "requeue=false"),
        (AMQPClass::Channel(channel::AMQPMethod::Flow(flow)), "active=false"),
    ] {
        let mut raw = Raw::open(broker.amqp).await;
        let publishes = words == "immediate=true";
        raw.send(1, method).await;
        if publishes {
            raw.frame(&Raw::header(1, 0, BasicProperties::default())).await;
        }
        assert_eq!(raw.connection_closed().await, (540, format!("NOT_IMPLEMENTED - {words}")));
    }
    // A prefetch in bytes, which the client library does not support.
    let mut raw = Raw::open(broker.amqp).await;
    raw.bytes(&any_frame(1, 1, &[0, 60, 0, 10, 0, 0, 0, 5, 0, 1, 0])).await;
    assert_eq!(raw.connection_closed().await, (540, "NOT_IMPLEMENTED - prefetch_size!=0 (5)".to_owned()));
}

pub(crate) async fn invalid_properties_are_rejected(broker: &BrokerUnderTest) {
    let (connection, _channel) = with_queue(broker, "errors_properties", FieldTable::default()).await;
    for (properties, code, words) in [
        (
            BasicProperties::default().with_user_id("bob".into()),
            406,
            "PRECONDITION_FAILED - user_id property set to 'bob' but authenticated user was 'guest'",
        ),
        (
            BasicProperties::default().with_expiration("soon".into()),
            406,
            "PRECONDITION_FAILED - invalid expiration 'soon': no_integer",
        ),
    ] {
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let confirm = channel
            .basic_publish(
                "".into(),
                "errors_properties".into(),
                BasicPublishOptions::default(),
                b"",
                properties,
            )
            .await
            .unwrap();
        assert_eq!(reply(soon(confirm).await), (code, words.to_owned()));
    }
}

pub(crate) async fn operators_close_connections_with_a_reason(broker: &BrokerUnderTest) {
    let (_connection, channel) = super::client::channel(broker).await;
    let operator = &broker.operator;
    operator.disconnect_all("maintenance");
    testkit::wait::until("the connection to close", || async {
        let asked = channel.basic_get("q".into(), BasicGetOptions::default()).await;
        match asked {
            Err(error) if format!("{error:?}").contains("404") => None,
            Err(_) => Some(()),
            Ok(_) => None,
        }
    })
    .await;
}
