//! The launcher with an installed RabbitMQ.

use testkit::rabbitmq::RabbitMq;

#[test]
#[ignore = "needs RabbitMQ: /usr/lib/rabbitmq/bin/rabbitmq-server"]
fn a_node_starts_and_leaves_no_process() {
    let mut node = RabbitMq::start().unwrap();
    let pid = node.pid().unwrap();
    assert!(std::path::Path::new(&format!("/proc/{pid}")).exists());
    node.set_policy("limit", "^q$", &serde_json::json!({"max-length": 10})).unwrap();
    assert!(node.ctl(&["list_policies"]).unwrap().contains("max-length"));
    node.clear_policy("limit").unwrap();
    node.stop_app().unwrap();
    node.start_app().unwrap();
    node.freeze();
    node.thaw();
    node.stop().unwrap();
    node.launch().unwrap();
    let pid = node.pid().unwrap();
    let address = node.amqp();
    drop(node);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert!(std::net::TcpStream::connect(address).is_err());
}
