//! kubectl on the same pods at the same time: port-forward, logs and exec see what the dashboard sees.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::on_cluster::handles;
use crate::scenarios::site::Site;

/// kubectl in the demo's namespace.
fn kubectl(site: &Site, arguments: &[&str]) -> Command {
    let mut command = Command::new(handles::kubectl());
    command.arg("--kubeconfig").arg(&site.kubeconfig).args(["-n", &site.namespace]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A kubectl that runs until the value is dropped, and its output lines.
struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let (lines, written) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        Self { child, lines: written }
    }

    fn wait_for(&self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(120));
            let line = line.unwrap_or_else(|_| panic!("kubectl did not write {text:?} within two minutes"));
            if line.contains(text) {
                return line;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

#[test]
#[ignore = "needs a cluster and kubectl"]
fn kubectl_and_the_dashboard_agree() {
    let site = handles::demo();
    let mut dashboard = site.dashboard(&[]);
    dashboard.wait_until_live();

    // Its own tunnel to the producer, in addition to ours.
    let forward = Running::start(kubectl(&site, &["port-forward", "service/producer", ":3000"]));
    let line = forward.wait_for("Forwarding from 127.0.0.1:");
    let port: u16 = line.split("127.0.0.1:").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    let logs = Running::start(kubectl(&site, &["logs", "-f", "deployment/worker", "--since=1s"]));

    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(stream, "POST /generate?burst=of-kubectl HTTP/1.1\r\nHost: producer\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("\"confirmed\":1"), "{answer}");
    let id = answer.split("\"ids\":[\"").nth(1).unwrap().split('"').next().unwrap();
    logs.wait_for(id);

    dashboard.fire("4", 100);
    // Both ask the broker: while jobs run, its own tool and the screen must come to agree.
    site.wait("rabbitmqctl and the screen to agree on a queue that is not empty", || {
        let exec = ["exec", "rabbitmq-0", "--", "rabbitmqctl", "--quiet", "list_queues", "name", "messages"];
        let before = dashboard.screen().depth()?;
        let output = kubectl(&site, &exec).output().unwrap();
        let after = dashboard.screen().depth()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line =
            text.lines().find(|line| line.split_whitespace().next() == Some(contract::queue::ORDERS))?;
        let messages: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        // The queue only drains in that time.
        ((after..=before).contains(&messages) && messages > 0).then_some(())
    });
    drop((forward, logs));
    dashboard.wait_for("100 done");
    dashboard.quit();
    site.wait_for_rest();
}
