//! Kubeconfigs as data, against servers on loopback: what kubectl accepts works, and each error names the field and the fix.
//!
//! With `SURGE_KUBECTL=1` kubectl on `PATH` gets the same files, and must agree.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cluster::connect::{ConnectFlags, load, probe};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A value that must not appear in any error.
const SECRET: &str = "correct-horse";

/// The only token that the server accepts.
const TOKEN: &str = "good-token";

/// The response to the request for the HPA.
fn response(request: &str) -> String {
    let accepted = format!("authorization: bearer {TOKEN}\r\n");
    let (status, body) = if request.to_lowercase().contains(&accepted) {
        let spec = json!({"maxReplicas": 1, "scaleTargetRef": {"kind": "Deployment", "name": "w"}});
        ("200 OK", json!({"metadata": {"name": "h"}, "spec": spec, "status": {}}))
    } else {
        let status = json!({"status": "Failure", "code": 401, "message": "Unauthorized", "reason": "R"});
        ("401 Unauthorized", status)
    };
    let body = body.to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    // A TLS handshake gets the response of a plain HTTP server.
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.first() != Some(&0x16) {
        match stream.read(&mut buffer).await {
            Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    let _closed = stream.write_all(response(&String::from_utf8_lossy(&request)).as_bytes()).await;
    let _closed = stream.shutdown().await;
}

/// Serves HTTP, or HTTPS with a certificate.
async fn serve(tls: Option<TlsAcceptor>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                let Some(tls) = tls else { return answer(stream).await };
                if let Ok(stream) = tls.accept(stream).await {
                    answer(stream).await;
                }
            });
        }
    });
    address
}

/// An HTTP proxy that connects each CONNECT request to `server`, for any host.
async fn proxy(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _head = stream.read(&mut request).await;
                let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                let mut upstream = TcpStream::connect(server).await.unwrap();
                let _ended = tokio::io::copy_bidirectional(&mut stream, &mut upstream).await;
            });
        }
    });
    address
}

struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// The port of a server with a certificate for `name`.
    async fn server(&self, name: &str, is_expired: bool) -> u16 {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if is_expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let chain = vec![certificate.der().clone()];
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
        serve(Some(TlsAcceptor::from(Arc::new(config)))).await.port()
    }
}

/// Writes a kubeconfig with one context.
fn kubeconfig(folder: &Path, cluster: &Value, user: &Value) -> PathBuf {
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    });
    let path = folder.join("config");
    std::fs::write(&path, text.to_string()).unwrap();
    path
}

/// `Ok` if the HPA can be read; else cause and fix.
async fn connect(cluster: &Value, user: &Value) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let flags = ConnectFlags { kubeconfig: Some(kubeconfig(folder.path(), cluster, user)), context: None };
    let result = async {
        let cluster = load(&flags).await?;
        probe(&cluster, "n", "h", Duration::from_secs(10)).await
    };
    let text = result.await.map_err(|error| format!("{}; {}", error.what, error.advice));
    assert!(!format!("{text:?}").contains(SECRET), "{text:?}");
    text
}

/// True if kubectl can read the HPA with the same file.
async fn kubectl(cluster: &Value, user: &Value) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = "/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers/h";
    let mut command = tokio::process::Command::new("kubectl");
    command.arg("--kubeconfig").arg(kubeconfig(folder.path(), cluster, user)).args(["get", "--raw", path]);
    command.args(["--request-timeout", "10s"]).env("HOME", folder.path());
    command.output().await.unwrap().status.success()
}

/// Name, cluster, user, and parts of the expected error; without parts it works.
type Case = (&'static str, Value, Value, &'static [&'static str]);

async fn check(cases: Vec<Case>) {
    let with_kubectl = std::env::var_os("SURGE_KUBECTL").is_some();
    for (name, cluster, user, expected) in cases {
        // kubectl may ask a user; surge refuses the plugin.
        if with_kubectl && name != "plugin that asks" {
            let works = kubectl(&cluster, &user).await;
            assert_eq!(works, expected.is_empty(), "kubectl disagrees about: {name}");
        }
        match (&connect(&cluster, &user).await, expected) {
            (Ok(()), []) => {}
            (Err(text), [_, ..]) => {
                for part in expected {
                    assert!(text.contains(part), "{name}: {part:?} is not in {text:?}");
                }
            }
            (result, expected) => panic!("{name}: {result:?}, expected {expected:?}"),
        }
    }
}

/// A cluster of which the certificate is not verified.
fn insecure(port: u16) -> Value {
    json!({"server": format!("https://127.0.0.1:{port}"), "insecure-skip-tls-verify": true})
}

fn with(object: &Value, more: &Value) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object
}

#[tokio::test(flavor = "multi_thread")]
async fn users_authenticate_as_with_kubectl() {
    let cluster = insecure(Ca::new().server("localhost", false).await);
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    let exec = |script: &str, more: &Value| {
        let exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script, SECRET],
            "env": [{"name": "LOGIN_SECRET", "value": SECRET}], "interactiveMode": "Never",
        });
        json!({"exec": with(&exec, more)})
    };
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": TOKEN}});
    let print = format!("echo '{credential}'");
    let none = json!({});
    let users = [
        ("token", json!({"token": TOKEN}), &[][..]),
        ("wrong token", json!({"token": SECRET}), &["rejects the kubeconfig's credentials", "log in again"]),
        ("token with line break", json!({"token": format!("{SECRET}\n")}), &["token has invalid characters"]),
        ("token file with line break", json!({"tokenFile": token}), &[]),
        ("no token file", json!({"tokenFile": "/nowhere"}), &["tokenFile /nowhere is not readable"]),
        ("token before token file", json!({"token": TOKEN, "tokenFile": "/nowhere"}), &[]),
        ("plugin", exec(&print, &none), &[]),
        ("plugin, IfAvailable", exec(&print, &json!({"interactiveMode": "IfAvailable"})), &[]),
        (
            "plugin that asks",
            exec(&print, &json!({"interactiveMode": "Always"})),
            &["credential plugin sh needs a terminal", "interactiveMode"],
        ),
        (
            "missing plugin",
            exec("", &json!({"command": "cloud-login-missing", "installHint": "install cloud-tools"})),
            &["credential plugin cloud-login-missing is not installed; install cloud-tools"],
        ),
        (
            "failing plugin",
            exec("echo session expired >&2; exit 3", &none),
            &["credential plugin sh failed (exit status: 3): session expired", "log in again"],
        ),
        ("plugin with other output", exec(&format!("echo {SECRET}"), &none), &["printed no ExecCredential"]),
    ];
    check(users.into_iter().map(|(name, user, expected)| (name, cluster.clone(), user, expected)).collect())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_may_change() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "old").unwrap();
    let server = insecure(Ca::new().server("localhost", false).await);
    let path = kubeconfig(folder.path(), &server, &json!({"tokenFile": token}));
    let cluster = load(&ConnectFlags { kubeconfig: Some(path), context: None }).await.unwrap();
    let read = async || probe(&cluster, "n", "h", Duration::from_secs(10)).await;
    assert!(read().await.is_err());
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    assert_eq!(read().await, Ok(()));
    // Without the file the last token is used.
    std::fs::remove_file(&token).unwrap();
    assert_eq!(read().await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_verified_as_by_kubectl() {
    let ca = Ca::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, ca.0.pem()).unwrap();
    let trusted = json!({"certificate-authority": file});
    let data = json!({"certificate-authority-data": STANDARD.encode(ca.0.pem())});
    let unverified = json!({"insecure-skip-tls-verify": true});
    let localhost = |port: u16| json!({"server": format!("https://localhost:{port}")});
    let good = localhost(ca.server("localhost", false).await);
    let named = localhost(ca.server("api.example", false).await);
    let expired = localhost(ca.server("localhost", true).await);
    let http = serve(None).await.port();
    let plain = localhost(http);
    let clusters = [
        ("CA as file", with(&good, &trusted), &[][..]),
        ("CA as data", with(&good, &data), &[]),
        ("no CA", good.clone(), &["not from a trusted CA", "certificate-authority"]),
        ("insecure", with(&good, &unverified), &[]),
        (
            "insecure with CA",
            with(&with(&good, &unverified), &trusted),
            &["exclude each other", "remove one"],
        ),
        ("other name", with(&named, &trusted), &["for another name", "tls-server-name"]),
        ("tls-server-name", with(&with(&named, &trusted), &json!({"tls-server-name": "api.example"})), &[]),
        ("expired", with(&expired, &trusted), &["has expired", "clock"]),
        (
            "missing CA file",
            with(&good, &json!({"certificate-authority": "/nowhere"})),
            &["certificate-authority /nowhere is not readable"],
        ),
        (
            "CA without PEM",
            with(&good, &json!({"certificate-authority-data": "aGVsbG8="})),
            &["certificate-authority has no PEM certificate"],
        ),
        ("no TLS", with(&plain, &trusted), &["does not speak TLS", "scheme and port"]),
        (
            "no listener",
            json!({"server": "https://127.0.0.1:1"}),
            &["Connection refused", "start the cluster"],
        ),
        ("unknown host", json!({"server": "https://nowhere.invalid"}), &["check the host"]),
        ("no credentials without TLS", json!({"server": format!("http://127.0.0.1:{http}")}), &["(401)"]),
        ("no server", json!({}), &["server is empty"]),
        ("no URL", json!({"server": "ftp://h"}), &["server is not a URL"]),
        (
            "secret URL",
            json!({"server": format!("http://u:{SECRET}@127.0.0.1:1")}),
            &["(http://127.0.0.1:1/)"],
        ),
    ];
    let user = json!({"token": TOKEN});
    check(
        clusters
            .into_iter()
            .map(|(name, cluster, expected)| (name, cluster, user.clone(), expected))
            .collect(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_never_skipped() {
    let port = Ca::new().server("localhost", false).await;
    let proxy = proxy(SocketAddr::from(([127, 0, 0, 1], port))).await;
    let via = |proxy: &str| with(&insecure(port), &json!({"proxy-url": proxy}));
    let dead = format!("http://u:{SECRET}@127.0.0.1:9");
    let clusters = [
        ("reached", with(&insecure(1), &json!({"proxy-url": format!("http://{proxy}")})), &[][..]),
        (
            "no listener",
            via(&dead),
            &["through proxy http://127.0.0.1:9/", "Connection refused", "start the proxy, or fix proxy-url"],
        ),
        (
            "no socks listener",
            via("socks5://127.0.0.1:9"),
            &["through proxy socks5://127.0.0.1:9", "start the proxy"],
        ),
        ("unknown scheme", via("ftp://h:1"), &["proxy-url has ftp", "http, https and socks5"]),
        ("no URL", via(&format!("http://u:{SECRET}@ :1")), &["proxy-url is not a URL"]),
    ];
    let user = json!({"token": TOKEN});
    check(
        clusters
            .into_iter()
            .map(|(name, cluster, expected)| (name, cluster, user.clone(), expected))
            .collect(),
    )
    .await;
}

#[tokio::test]
async fn missing_parts_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let flags = ConnectFlags { kubeconfig: Some(path.clone()), context: None };
    let der = [0x30, 0x09, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];
    let key =
        format!("-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n", STANDARD.encode(der));
    let p521 = json!({"client-certificate-data": "aGVsbG8=", "client-key-data": STANDARD.encode(key)});
    let full = json!({
        "current-context": "x",
        "clusters": [{"name": "c", "cluster": {"server": "https://h"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}, {"name": "y"}],
    });
    for (pointer, value, expected) in [
        ("/clusters", json!([]), "cluster c is missing"),
        ("/users", json!([]), "user u is missing"),
        ("/current-context", json!("z"), "has no context z"),
        ("/current-context", json!(""), "has no current context"),
        ("/users/0/user", json!({"client-key-data": "aGVsbG8="}), "client-certificate is missing"),
        ("/users/0/user", json!({"client-certificate": "/nowhere"}), "client-certificate /nowhere is not"),
        ("/users/0/user", p521, "on the curve P-521"),
    ] {
        let mut config = full.clone();
        *config.pointer_mut(pointer).unwrap() = value;
        std::fs::write(&path, config.to_string()).unwrap();
        let error = load(&flags).await.unwrap_err();
        assert!(error.what.contains(expected) && !error.advice.is_empty(), "{error:?}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(load(&flags).await.unwrap_err().what.starts_with("there is no kubeconfig at "));
}
