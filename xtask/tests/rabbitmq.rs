//! A real RabbitMQ loads the chart's configuration and definitions, also after a restart.

mod common;

use std::process::Command;

use common::{find, manifests, objects, path};
use contract::names;
use contract::queue::{self, QueueType};
use serde_json::{Value, json};
use testkit::rabbitmq::{RabbitMq, Settings};

#[test]
#[ignore = "needs Debian's rabbitmq-server"]
fn definitions_create_the_user_and_the_queues() {
    let script =
        Command::new("sh").arg(path("manifests/secrets.sh")).env("PASSWORD", "geheim-1").output().unwrap();
    let made = objects(&String::from_utf8(script.stdout).unwrap());
    let definitions = &find(&made, "Secret", "rabbitmq-definitions")["stringData"]["definitions.json"];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("definitions.json");
    std::fs::write(&file, definitions.as_str().unwrap()).unwrap();
    let all = manifests("plugin");
    let configuration = find(&all, "ConfigMap", names::RABBITMQ)["data"]["10-surge.conf"].as_str().unwrap();
    let mounted = "/etc/rabbitmq/definitions/definitions.json";
    assert!(configuration.contains(mounted));
    let configuration = configuration.replace(mounted, file.to_str().unwrap());
    let mut broker = RabbitMq::start_with(&Settings { configuration, ..Settings::default() }).unwrap();
    // The second time, they already exist.
    for _time in 0..2 {
        let list = |command: &str, columns: &[&str]| -> Value {
            let text = broker.ctl(&[&[command], columns, &["--formatter", "json"]].concat()).unwrap();
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
        };
        assert_eq!(list("list_users", &[]), json!([{"user": "surge", "tags": ["monitoring"]}]));
        assert_eq!(
            list("list_permissions", &[]),
            json!([{"user": "surge", "configure": ".*", "write": ".*", "read": ".*"}])
        );
        let mut queues = list("list_queues", &["name", "durable", "auto_delete", "arguments"]);
        queues.as_array_mut().unwrap().sort_by_key(|queue| queue["name"].to_string().len());
        let expected = |name: &str, arguments: Vec<(&str, String)>| {
            let mut arguments: Vec<Value> =
                arguments.into_iter().map(|(name, value)| json!([name, "longstr", value])).collect();
            arguments.sort_by_key(Value::to_string);
            json!({"name": name, "durable": true, "auto_delete": false, "arguments": arguments})
        };
        for queue in queues.as_array_mut().unwrap() {
            if let Some(arguments) = queue["arguments"].as_array_mut() {
                arguments.sort_by_key(Value::to_string);
            }
        }
        assert_eq!(
            queues,
            json!([
                expected(queue::ORDERS, queue::arguments(queue::ORDERS, QueueType::Classic)),
                expected(queue::ORDERS_DEAD, queue::dead_letter_arguments()),
            ])
        );
        broker.ctl(&["authenticate_user", "surge", "geheim-1"]).unwrap();
        assert!(broker.ctl(&["authenticate_user", "surge", "another"]).is_err());
        broker.stop().unwrap();
        broker.launch().unwrap();
    }
}
