//! Marked secrets go into every path, and nothing that comes out contains one.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use serde_json::json;
use testkit::pty::Pty;

use crate::install::stand_ins::{SMALL, StandIns, demo};
use crate::sandboxed::{SURGE, Said, Sandbox};

/// The marked secret. Its second half is searched, so that a cut one is found, too.
const SECRET: &str = "marked-s3cret";
const MARK: &str = "s3cret";

#[track_caller]
fn is_clean(what: &str, output: &str, secret: &str) {
    assert!(!output.contains(secret), "{what}: {output}");
}

/// Everything that a program writes until it ends, or until it has written `until`.
fn output(command: &mut Command, until: &str) -> String {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut child =
        command.stdin(Stdio::null()).stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    // The command keeps its copies of the pipe.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while !text.contains(until) {
        match reader.read(&mut buffer) {
            Ok(read @ 1..) => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
            _ => break,
        }
    }
    let _ended = child.kill();
    child.wait().unwrap();
    text
}

/// The program of [`a_panic_has_no_secret`].
#[test]
#[ignore = "it panics: another test runs it as a process"]
fn panicking_program() {
    tui::terminal::mask_panics();
    panic!("cannot reach amqp://guest:{SECRET}@broker:5672 with password={SECRET}");
}

#[test]
fn a_panic_has_no_secret() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "secrets::panicking_program", "--nocapture"])
        .env("RUST_BACKTRACE", "1");
    let output = output(&mut command, "\0");
    assert!(output.contains("cannot reach amqp://"), "{output}");
    is_clean("a panic", &output, MARK);
}

#[test]
fn programs_do_not_log_the_brokers_login() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, SECRET).unwrap();
    let file = file.to_str().unwrap();
    let url = |text: &str| text.replace("SECRET", SECRET);
    let settings: Vec<(&str, String)> = [
        "amqp://u:SECRET@127.0.0.1:1/",
        "amqp://u:a%2FSECRET@127.0.0.1:1/v",
        "amqp://u:12/SECRET@127.0.0.1:1/",
        "amqp://u:a/SECRET@127.0.0.1:1/",
        "amqp://us@er/x:p:a/SECRET#zz@127.0.0.1:1/",
        "amqp://u:a@SECRET@127.0.0.1:1/",
        "amqp://u:a:SECRET@127.0.0.1:1/",
        "amqp://u:a?SECRET@127.0.0.1:1/",
        "amqp://u:a#SECRET@127.0.0.1:1/",
        "amqp://u:[SECRET@127.0.0.1:1/",
        "amqp://u:SECRET@",
        "amqps://u:SECRET@127.0.0.1:1/",
        "http://u:SECRET@127.0.0.1:1/",
        "u:SECRET@127.0.0.1:1",
    ]
    .into_iter()
    .map(|text| ("AMQP_URL", url(text)))
    .chain([
        ("AMQP_PASSWORD", SECRET.to_owned()),
        ("AMQP_PASSWORD_FILE", file.to_owned()),
        ("AMQP_USER", SECRET.to_owned()),
        ("AMQP_URL_FILE", file.to_owned()),
    ])
    .collect();
    for program in ["worker", "producer"] {
        for (name, value) in &settings {
            for arguments in [&[][..], &["--help"], &["--no-such-flag"]] {
                let mut command = Command::new(SURGE);
                command.args(["pod", program]).args(arguments);
                command
                    .env(name, value)
                    .env("AMQP_PORT", "1")
                    .env("LISTEN", "127.0.0.1:0")
                    .env("RUST_LOG", "trace");
                let text = output(&mut command, "cannot connect");
                assert!(!text.is_empty());
                // A user is no secret.
                if *name != "AMQP_USER" {
                    is_clean(&format!("{program} {arguments:?} {name}={value}"), &text, MARK);
                }
            }
        }
    }
}

#[test]
fn commands_hide_the_logins_of_urls_and_passwords() {
    let sandbox = Sandbox::empty();
    let repository = format!("https://user:{SECRET}@127.0.0.1:1/charts");
    let set = format!("credentials.password={SECRET}");
    let refusal = format!("Error: looks like \"{repository}\" is not a valid chart repository");
    for (is_broken, more) in [(false, "--dry-run"), (true, "--dry-run"), (true, "--yes")] {
        let stand_ins = StandIns::new(SMALL);
        if is_broken {
            stand_ins.file("refusal", &refusal);
            stand_ins.program("helm", &format!("#!/bin/sh\ncase $1 in version) echo v3.14.0 ;; list) echo [] ;; *) echo '{refusal}' >&2; exit 1 ;; esac\n"));
        }
        let arguments = ["up", "--skip-stack", "--set", &set, "--timeout", "1s", more];
        let said = Said::by(&mut sandbox.surge(stand_ins.path(), &arguments));
        assert!(!is_broken || format!("{said:?}").contains("(hidden)"), "{said:?}");
        is_clean(&format!("{arguments:?}"), &format!("{}{}", said.out, said.err), MARK);
    }
}

/// A kubeconfig with secrets in every field that may have one, for a server that does not listen.
fn hostile(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("hostile");
    let script = format!("echo $0 $LOGIN_SECRET token={SECRET} >&2; exit 3");
    let exec = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script, SECRET],
        "env": [{"name": "LOGIN_SECRET", "value": SECRET}], "interactiveMode": "Never",
    });
    let cluster = |server: &str| {
        json!({"server": server, "insecure-skip-tls-verify": true,
        "proxy-url": format!("http://user:{SECRET}@127.0.0.1:1")})
    };
    let context = |name: &str, user: &str| json!({"name": name, "context": {"cluster": "c", "user": user}});
    let contexts = ["token", "exec", "basic", "broken"].map(|user| context(user, user));
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "token",
        "clusters": [{"name": "c", "cluster": cluster(&format!("https://user:{SECRET}@127.0.0.1:1"))}],
        "users": [
            {"name": "token", "user": {"token": SECRET}},
            {"name": "exec", "user": {"exec": exec}},
            {"name": "basic", "user": {"username": "u", "password": SECRET}},
            {"name": "broken", "user": {"client-key-data": SECRET, "client-certificate-data": SECRET}},
        ],
        "contexts": contexts,
    });
    std::fs::write(&path, config.to_string()).unwrap();
    path
}

#[test]
fn errors_and_traces_of_the_connection_have_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let config = hostile(folder.path());
    let config = config.to_str().unwrap();
    for context in ["token", "exec", "basic", "broken"] {
        for arguments in [
            &["doctor"][..],
            &["doctor", "-o", "json"],
            &["status"],
            &["status", "-o", "json"],
            &["up", "--dry-run"],
        ] {
            let mut command = Command::new(SURGE);
            command.args(arguments).args(["--kubeconfig", config, "--context", context]);
            command.env("RUST_LOG", "trace").env("PATH", "/usr/bin:/bin").env("HOME", folder.path());
            let text = output(&mut command, "\0");
            assert!(!text.is_empty());
            is_clean(&format!("{context} {arguments:?}"), &text, MARK);
        }
        let log = folder.path().join(context);
        let arguments = ["--kubeconfig", config, "--context", context, "--log", log.to_str().unwrap()];
        let mut pty = Pty::spawn(SURGE, &arguments, &[("RUST_LOG", "trace")], (200, 50)).unwrap();
        pty.wait_for("the obstacle", |screen| screen.contains("retry"));
        pty.send("q").unwrap();
        assert_eq!(pty.exit_code(), 0);
        is_clean(context, &String::from_utf8_lossy(&pty.bytes()), MARK);
        is_clean(context, &std::fs::read_to_string(&log).unwrap(), MARK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_working_chain_shows_neither_token_nor_password() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(&demo()));
    Said::by(&mut sandbox.surge(stand_ins.path(), &["up", "--skip-stack", "--yes", "--timeout", "120s"]))
        .fine();
    let config = std::fs::read_to_string(sandbox.kubeconfig()).unwrap();
    let token = config
        .lines()
        .find_map(|line| line.trim().strip_prefix("token:"))
        .unwrap()
        .trim()
        .trim_matches('"')
        .to_owned();
    let api: Api<Secret> = Api::namespaced(sandbox.client().await, "autoscaling-demo");
    let secret = api.get("rabbitmq").await.unwrap();
    let password = String::from_utf8(secret.data.unwrap()["password"].0.clone()).unwrap();
    // The word alone would be found in field names.
    assert_eq!(password, "secret");
    let login = format!("surge:{password}");
    let encoded = data_encoding(&login);

    let mut texts = Vec::new();
    for arguments in [
        &["doctor"][..],
        &["doctor", "-o", "json"],
        &["doctor", "--dry-run"],
        &["status"],
        &["status", "-o", "json"],
    ] {
        let mut command = sandbox.surge(stand_ins.path(), arguments);
        texts.push((arguments.join(" "), output(command.env("RUST_LOG", "trace"), "\0")));
    }
    let log = sandbox.path().join("log");
    let kubeconfig = sandbox.kubeconfig();
    let arguments = ["--kubeconfig", kubeconfig.to_str().unwrap(), "--log", log.to_str().unwrap()];
    let mut pty = Pty::spawn(SURGE, &arguments, &[("RUST_LOG", "trace")], (200, 50)).unwrap();
    pty.wait_for("the chain", |screen| screen.contains("1 desired"));
    pty.send("q").unwrap();
    pty.exit_code();
    texts.push(("screen".to_owned(), String::from_utf8_lossy(&pty.bytes()).into_owned()));
    texts.push(("log".to_owned(), std::fs::read_to_string(&log).unwrap()));
    for (what, text) in texts {
        assert!(!text.is_empty(), "{what}");
        for secret in
            [token.as_str(), login.as_str(), encoded.as_str(), "password: secret", "password\":\"secret"]
        {
            is_clean(&what, &text, secret);
        }
    }
}

/// A login as an HTTP header has it.
fn data_encoding(login: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(login)
}
