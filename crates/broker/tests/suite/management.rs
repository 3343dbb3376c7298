//! The management API beyond reading queues: declarations, messages, exchanges, bindings, clients, the node.

use lapin::types::FieldTable;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::wait;

use super::BrokerUnderTest;
use super::client::*;

/// Sends a request. Returns the status and the body; a body that is no JSON is null.
async fn call(broker: &BrokerUnderTest, method: Method, path: &str, body: Value) -> (u16, Value) {
    let url = format!("http://{}/api{path}", broker.management);
    let request = reqwest::Client::new().request(method, url).basic_auth("guest", Some("guest"));
    let request = if body.is_null() { request } else { request.json(&body) };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
}

async fn read(broker: &BrokerUnderTest, path: &str) -> Value {
    let (status, body) = call(broker, Method::GET, path, Value::Null).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn refusal(broker: &BrokerUnderTest, method: Method, path: &str, body: Value) -> (u16, String) {
    let (status, body) = call(broker, method, path, body).await;
    (status, body["reason"].as_str().map_or_else(|| body["reason"].to_string(), str::to_owned))
}

pub(crate) async fn queues_are_declared_and_deleted(broker: &BrokerUnderTest) {
    let path = "/queues/%2F/managed_queue";
    let durable = || json!({"durable": true, "arguments": {"x-max-length": 5}});
    assert_eq!(call(broker, Method::PUT, path, durable()).await, (201, Value::Null));
    assert_eq!(call(broker, Method::PUT, path, durable()).await, (204, Value::Null));
    // A client's declaration with a number of another width is equivalent.
    let table = arguments(&[("x-max-length", int(5))]);
    let (_connection, channel) = with_queue(broker, "managed_queue", table).await;
    for (method, path, body, status, reason) in [
        (
            Method::PUT,
            path,
            json!({"durable": false}),
            400,
            "inequivalent arg 'durable' for queue 'managed_queue' in vhost '/': received 'false' but current is 'true'",
        ),
        (Method::PUT, path, json!({"auto_delete": "yes"}), 400, r#"["not_boolean","yes"]"#),
        (Method::PUT, "/queues/nope/managed", json!({}), 404, "vhost_not_found"),
        (Method::PUT, "/queues/%2F/amq.managed", json!({}), 401, "Access refused."),
        (Method::DELETE, "/queues/%2F/managed_nope", Value::Null, 404, "Not Found"),
        (Method::DELETE, "/queues/%2F/managed_nope/contents", Value::Null, 404, "Not Found"),
    ] {
        let expected = (status, reason.to_owned());
        assert_eq!(refusal(broker, method, path, body).await, expected, "{path}");
    }
    publish_numbers(&channel, "managed_queue", 0..2).await;
    let contents = format!("{path}/contents");
    assert_eq!(call(broker, Method::DELETE, &contents, Value::Null).await.0, 204);
    let emptied = async || super::client::get(&channel, "managed_queue").await.is_none().then_some(());
    wait::until("an empty queue", emptied).await;
    assert_eq!(call(broker, Method::DELETE, path, Value::Null).await.0, 204);
    assert_eq!(call(broker, Method::GET, path, Value::Null).await.0, 404);
}

pub(crate) async fn lists_have_pages(broker: &BrokerUnderTest) {
    for number in 0..3 {
        let path = format!("/queues/%2F/managed_list_{number}");
        assert_eq!(call(broker, Method::PUT, &path, json!({"auto_delete": true})).await.0, 201);
    }
    let path = "/queues/%2F?page=2&page_size=2&name=MANAGED_list_[0-9]&use_regex=true&columns=name&sort=name";
    let page = wait::until("the second page", async || {
        let (status, page) = call(broker, Method::GET, path, Value::Null).await;
        (status == 200).then_some(page)
    })
    .await;
    assert_eq!(page["items"], json!([{"name": "managed_list_2"}]));
    for (field, expected) in
        [("filtered_count", 3), ("item_count", 1), ("page", 2), ("page_count", 2), ("page_size", 2)]
    {
        assert_eq!(page[field], expected, "{field}");
    }
    let (status, body) = call(broker, Method::GET, "/queues/%2F?page=0", Value::Null).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_pagination_parameters")));
    for number in 0..3 {
        let path = format!("/queues/%2F/managed_list_{number}?if-unused=true&if-empty=true");
        assert_eq!(call(broker, Method::DELETE, &path, Value::Null).await.0, 204);
    }
}

pub(crate) async fn messages_are_published_and_read(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "managed_messages", FieldTable::default()).await;
    let publish = "/exchanges/%2F/amq.default/publish";
    let message = |key: &str, payload: &str, encoding: &str, properties: Value| json!({"properties": properties, "routing_key": key, "payload": payload, "payload_encoding": encoding});
    let properties = json!({"delivery_mode": 2, "headers": {"a": 1, "b": "x"}, "content_type": "text/plain"});
    for (body, routed) in [
        (message("managed_messages", "hello", "string", json!({})), true),
        (message("managed_messages", "/////w==", "base64", properties.clone()), true),
        (message("managed_nowhere", "hello", "string", json!({})), false),
    ] {
        assert_eq!(call(broker, Method::POST, publish, body).await, (200, json!({"routed": routed})));
    }
    for (path, body, status, reason) in [
        (
            publish,
            json!({"routing_key": "managed_messages"}),
            400,
            "[{key_missing,properties},\n {key_missing,payload},\n {key_missing,payload_encoding}]",
        ),
        (publish, message("q", "x", "zip", json!({})), 400, r#"["unsupported_encoding","zip"]"#),
        (
            publish,
            message("q", "x", "string", json!({"user_id": "nope"})),
            400,
            "406 PRECONDITION_FAILED - user_id property set to 'nope' but authenticated user was 'guest'",
        ),
        (
            "/queues/%2F/managed_messages/get",
            json!({"count": 1, "encoding": "auto"}),
            400,
            "[{key_missing,ackmode}]",
        ),
    ] {
        assert_eq!(refusal(broker, Method::POST, path, body).await, (status, reason.to_owned()), "{path}");
    }
    // RabbitMQ 3 and 4 give the reason in other words.
    let body = json!({"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"});
    assert_eq!(call(broker, Method::POST, "/queues/%2F/managed_nope/get", body).await.0, 404);
    let get = "/queues/%2F/managed_messages/get";
    let all = |mode: &str| json!({"count": 5, "ackmode": mode, "encoding": "auto"});
    let (_, first) = call(broker, Method::POST, get, all("ack_requeue_true")).await;
    let text = json!({
        "payload_bytes": 5, "redelivered": false, "exchange": "", "routing_key": "managed_messages", "message_count": 1,
        "properties": [], "payload": "hello", "payload_encoding": "string",
    });
    let binary = json!({
        "payload_bytes": 4, "redelivered": false, "exchange": "", "routing_key": "managed_messages", "message_count": 0,
        "properties": properties, "payload": "/////w==", "payload_encoding": "base64",
    });
    assert_eq!(first, json!([text, binary]));
    let short = json!({"count": 1, "ackmode": "reject_requeue_true", "encoding": "base64", "truncate": 3});
    let (_, second) = call(broker, Method::POST, get, short).await;
    assert_eq!(second[0]["payload"], "aGVs");
    assert_eq!(second[0]["redelivered"], true);
    let (_, third) = call(broker, Method::POST, get, all("ack_requeue_false")).await;
    assert_eq!(third.as_array().unwrap().len(), 2, "{third}");
    assert!(super::client::get(&channel, "managed_messages").await.is_none());
}

pub(crate) async fn read_messages_may_become_dead_letters(broker: &BrokerUnderTest) {
    let (_one, _) = with_queue(broker, "managed_dead", FieldTable::default()).await;
    let table = arguments(&[
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text("managed_dead")),
    ]);
    let (_two, channel) = with_queue(broker, "managed_rejecting", table).await;
    publish_numbers(&channel, "managed_rejecting", 0..1).await;
    let reject = json!({"count": 1, "ackmode": "reject_requeue_false", "encoding": "auto"});
    let get = "/queues/%2F/managed_rejecting/get";
    assert_eq!(call(broker, Method::POST, get, reject).await.1.as_array().unwrap().len(), 1);
    wait::until("the dead letter", async || super::client::get(&channel, "managed_dead").await).await;
}

pub(crate) async fn exchanges_and_bindings_are_managed(broker: &BrokerUnderTest) {
    let (_connection, channel) = with_queue(broker, "managed_bound", FieldTable::default()).await;
    let exchange = "/exchanges/%2F/managed_exchange";
    assert_eq!(call(broker, Method::PUT, exchange, json!({"type": "topic"})).await.0, 201);
    assert_eq!(call(broker, Method::PUT, exchange, json!({"type": "topic"})).await.0, 204);
    let reason = "inequivalent arg 'type' for exchange 'managed_exchange' in vhost '/': received 'fanout' but current is 'topic'";
    let other = refusal(broker, Method::PUT, exchange, json!({"type": "fanout"})).await;
    assert_eq!(other, (400, reason.to_owned()));
    let unknown = refusal(broker, Method::PUT, "/exchanges/%2F/managed_x", json!({"type": "foo"})).await;
    assert_eq!(unknown, (400, "invalid exchange type 'foo'".to_owned()));
    let found = read(broker, exchange).await;
    assert_eq!((&found["type"], &found["durable"]), (&json!("topic"), &json!(false)));
    let names = read(broker, "/exchanges/%2F?columns=name").await;
    for name in ["", "amq.direct", "managed_exchange"] {
        assert!(names.as_array().unwrap().contains(&json!({"name": name})), "{name}: {names}");
    }

    let between = "/bindings/%2F/e/managed_exchange/q/managed_bound";
    for key in ["a.*", "a.*", "b/c"] {
        assert_eq!(call(broker, Method::POST, between, json!({"routing_key": key})).await.0, 201, "{key}");
    }
    let bindings = read(broker, between).await;
    let keys = |bindings: &Value, field: &str| -> Vec<String> {
        let mut keys: Vec<String> =
            bindings.as_array().unwrap().iter().map(|one| one[field].as_str().unwrap().to_owned()).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&bindings, "routing_key"), ["a.*", "b/c"]);
    let of_queue = read(broker, "/queues/%2F/managed_bound/bindings").await;
    assert_eq!(keys(&of_queue, "source"), ["", "managed_exchange", "managed_exchange"]);
    let of_exchange = read(broker, &format!("{exchange}/bindings/source")).await;
    assert_eq!(of_exchange.as_array().unwrap().len(), 2);
    let message =
        json!({"properties": {}, "routing_key": "a.b", "payload": "x", "payload_encoding": "string"});
    let routed = call(broker, Method::POST, &format!("{exchange}/publish"), message).await;
    assert_eq!(routed, (200, json!({"routed": true})));
    wait::until("the message", async || super::client::get(&channel, "managed_bound").await).await;

    let first = bindings.as_array().unwrap().iter().find(|one| one["routing_key"] == "b/c").unwrap();
    // The key is encoded once more as a part of the path.
    let key = first["properties_key"].as_str().unwrap().replace('%', "%25");
    let one = format!("{between}/{key}");
    assert_eq!(read(broker, &one).await["routing_key"], "b/c");
    assert_eq!(call(broker, Method::DELETE, &one, Value::Null).await.0, 204);
    assert_eq!(call(broker, Method::DELETE, &one, Value::Null).await.0, 404);
    for (method, path, body, status, reason) in [
        (
            Method::POST,
            "/bindings/%2F/e/managed_nope/q/managed_bound",
            json!({}),
            404,
            "no exchange 'managed_nope' in vhost '/'",
        ),
        (Method::DELETE, "/exchanges/%2F/amq.direct", Value::Null, 401, "Access refused."),
        (Method::DELETE, "/exchanges/%2F/managed_nope", Value::Null, 404, "Not Found"),
    ] {
        assert_eq!(refusal(broker, method, path, body).await, (status, reason.to_owned()), "{path}");
    }
    assert_eq!(call(broker, Method::DELETE, exchange, Value::Null).await.0, 204);
}

pub(crate) async fn clients_are_listed_and_closed(broker: &BrokerUnderTest) {
    let (connection, channel) = with_queue(broker, "managed_clients", FieldTable::default()).await;
    let _consumer = consume(&channel, "managed_clients").await;
    let consumer = wait::until("the consumer", async || {
        let consumers = read(broker, "/consumers/%2F").await;
        let consumers = consumers.as_array()?;
        consumers.iter().find(|one| one["queue"]["name"] == "managed_clients").cloned()
    })
    .await;
    assert_eq!((&consumer["ack_required"], &consumer["active"]), (&json!(true), &json!(true)));
    let name = consumer["channel_details"]["connection_name"].as_str().unwrap().to_owned();
    let find = |list: &Value, field: &str| -> Option<Value> {
        list.as_array()?.iter().find(|one| one[field] == *name).cloned()
    };
    let listed = wait::until("the connection", async || {
        let found = find(&read(broker, "/connections").await, "name")?;
        (found["channels"].as_u64() >= Some(1)).then_some(found)
    })
    .await;
    assert_eq!((&listed["user"], &listed["vhost"]), (&json!("guest"), &json!("/")));
    assert!(name.starts_with(&format!("127.0.0.1:{} -> ", listed["peer_port"])), "{listed}");
    let channels = read(broker, "/channels").await;
    let of_connection =
        channels.as_array().unwrap().iter().filter(|one| one["connection_details"]["name"] == *name);
    assert!(of_connection.clone().count() >= 1, "{channels}");
    assert!(of_connection.clone().any(|one| one["consumer_count"] == 1), "{channels}");

    let path = format!("/connections/{}", name.replace(' ', "%20").replace('>', "%3E"));
    assert_eq!(call(broker, Method::DELETE, &path, Value::Null).await.0, 204);
    wait::until("the close", async || (!connection.status().connected()).then_some(())).await;
    assert_eq!(call(broker, Method::DELETE, "/connections/managed_nope", Value::Null).await.0, 404);
}

pub(crate) async fn the_node_is_described(broker: &BrokerUnderTest) {
    assert_eq!(read(broker, "/whoami").await["name"], "guest");
    let nodes = read(broker, "/nodes").await;
    assert_eq!((&nodes[0]["running"], &nodes[0]["mem_alarm"]), (&json!(true), &json!(false)));
    let node = nodes[0]["name"].as_str().unwrap();
    assert_eq!(read(broker, &format!("/nodes/{node}")).await["name"], node);
    assert_eq!(read(broker, "/vhosts/%2F").await["name"], "/");
    assert_eq!(read(broker, "/users/guest").await["name"], "guest");
    assert_eq!(read(broker, "/permissions").await[0]["configure"], ".*");
    assert!(read(broker, "/policies").await.is_array());
    for check in ["alarms", "local-alarms", "virtual-hosts", "node-is-quorum-critical"] {
        assert_eq!(read(broker, &format!("/health/checks/{check}")).await["status"], "ok", "{check}");
    }
    assert_eq!(read(broker, "/aliveness-test/%2F").await["status"], "ok");
    for path in ["/vhosts/nope", "/users/nope", "/nope", "/channels/nope"] {
        assert_eq!(
            refusal(broker, Method::GET, path, Value::Null).await,
            (404, "Not Found".to_owned()),
            "{path}"
        );
    }
}
