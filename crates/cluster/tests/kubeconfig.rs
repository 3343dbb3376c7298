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
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A value that must not appear in any error.
const SECRET: &str = "correct-horse";

/// The only token that the server accepts.
const TOKEN: &str = "good-token";

/// The response to the request for the HPA.
fn response(request: &str) -> String {
    let accepted = format!("authorization: bearer {TOKEN}\r\n");
    let path = "/apis/autoscaling/v2/namespaces/n/horizontalpodautoscalers/h ";
    let is_known =
        ["", "/k8s/clusters/c-1"].iter().any(|prefix| request.starts_with(&format!("GET {prefix}{path}")));
    let (status, body) = if !is_known {
        ("500 Internal Server Error", json!({"status": "Failure", "code": 500, "message": "another path"}))
    } else if request.to_lowercase().contains(&accepted) {
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
    serve_at("127.0.0.1:0", tls).await
}

async fn serve_at(address: &str, tls: Option<TlsAcceptor>) -> SocketAddr {
    let listener = TcpListener::bind(address).await.unwrap();
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

/// The kind of a proxy.
#[derive(Clone)]
enum Proxy {
    /// CONNECT over TCP.
    Http,
    /// CONNECT over TLS.
    Https(TlsAcceptor),
    /// SOCKS 5 without a login.
    Socks,
    /// SOCKS 5 that wants the login `u:p@ss`.
    SocksWithLogin,
}

/// A proxy that connects each request to `server`, for any host. An HTTP proxy wants the login `u:p@ss`.
async fn proxy(kind: Proxy, server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kind = kind.clone();
            tokio::spawn(async move {
                match kind {
                    Proxy::Http => http_proxy(stream, server).await,
                    Proxy::Https(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            http_proxy(stream, server).await;
                        }
                    }
                    Proxy::Socks => socks_proxy(stream, server, false).await,
                    Proxy::SocksWithLogin => socks_proxy(stream, server, true).await,
                }
            });
        }
    });
    address
}

async fn http_proxy(mut stream: impl AsyncRead + AsyncWrite + Unpin, server: SocketAddr) {
    let mut request = [0; 4096];
    let read = stream.read(&mut request).await.unwrap_or_default();
    let request = String::from_utf8_lossy(&request[..read]).to_lowercase();
    let login = format!("proxy-authorization: basic {}\r\n", STANDARD.encode("u:p@ss").to_lowercase());
    if !request.starts_with("connect ") || !request.contains(&login) {
        let _sent = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
        return;
    }
    let _sent = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    let mut upstream = TcpStream::connect(server).await.unwrap();
    let _ended = tokio::io::copy_bidirectional(&mut stream, &mut upstream).await;
}

/// SOCKS 5 by RFC 1928, with a login by RFC 1929.
async fn socks_proxy(mut stream: TcpStream, server: SocketAddr, wants_login: bool) {
    let mut message = [0; 512];
    let read = stream.read(&mut message).await.unwrap_or_default();
    let method = if wants_login { 2 } else { 0 };
    if !message[..read].iter().skip(2).any(|offered| *offered == method) {
        let _refused = stream.write_all(&[5, 0xff]).await;
        return;
    }
    let _chosen = stream.write_all(&[5, method]).await;
    if wants_login {
        let read = stream.read(&mut message).await.unwrap_or_default();
        let is_right = &message[..read] == b"\x01\x01u\x04p@ss";
        let _answered = stream.write_all(&[1, u8::from(!is_right)]).await;
        if !is_right {
            return;
        }
    }
    let _request = stream.read(&mut message).await;
    let _granted = stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0]).await;
    let mut upstream = TcpStream::connect(server).await.unwrap();
    let _ended = tokio::io::copy_bidirectional(&mut stream, &mut upstream).await;
}

struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for `name` with its key.
    fn issue(&self, name: &str, is_expired: bool) -> (Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if is_expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    /// The port of a server with a certificate for `name`.
    async fn server(&self, name: &str, is_expired: bool) -> u16 {
        let (certificate, key) = self.issue(name, is_expired);
        serve(Some(acceptor(&certificate, &key, None))).await.port()
    }
}

/// A server's certificate, and the client certificates of which it wants one.
fn acceptor(certificate: &Certificate, key: &KeyPair, clients: Option<RootCertStore>) -> TlsAcceptor {
    let config = match clients {
        None => ServerConfig::builder().with_no_client_auth(),
        Some(clients) => ServerConfig::builder()
            .with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(clients)).build().unwrap()),
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap()))
}

/// A client certificate with its key, as text.
fn client(kind: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys").join(format!("client-{kind}.pem"));
    std::fs::read_to_string(path).unwrap()
}

/// A user with a client certificate and a token.
fn certified(pem: &str) -> Value {
    let data = STANDARD.encode(pem);
    json!({"client-certificate-data": data, "client-key-data": data, "token": TOKEN})
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

/// Checks clusters with a user whose token is valid.
async fn check_clusters(cases: impl IntoIterator<Item = (&'static str, Value, &'static [&'static str])>) {
    let user = json!({"token": TOKEN});
    let with_user = |(name, cluster, expected)| (name, cluster, user.clone(), expected);
    check(cases.into_iter().map(with_user).collect()).await;
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
            &["credential plugin sh needs a terminal", "interactiveMode: Always"],
        ),
        (
            "missing plugin",
            exec("", &json!({"command": "cloud-login-missing", "installHint": "install cloud-tools"})),
            &["credential plugin cloud-login-missing is not installed; install cloud-tools"],
        ),
        (
            "failing plugin that prints its secrets",
            exec("echo $0 $LOGIN_SECRET >&2; exit 3", &none),
            &["credential plugin sh failed (exit status: 3): … …"],
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
    check_clusters(clusters).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_server_certificate_needs_no_ca() {
    let ca = Ca::new();
    let (leaf, key) = ca.issue("localhost", false);
    let port = serve(Some(acceptor(&leaf, &key, None))).await.port();
    // A server whose own certificate is a CA's, as `openssl req -x509` makes it.
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own_key = KeyPair::generate().unwrap();
    let own = params.self_signed(&own_key).unwrap();
    let own_port = serve(Some(acceptor(&own, &own_key, None))).await.port();
    let (expired, expired_key) = ca.issue("localhost", true);
    let expired_port = serve(Some(acceptor(&expired, &expired_key, None))).await.port();
    let cluster = |host: &str, port: u16, trusted: &Certificate| json!({"server": format!("https://{host}:{port}"), "certificate-authority-data": STANDARD.encode(trusted.pem())});
    let clusters = [
        ("leaf", cluster("localhost", port, &leaf), &[][..]),
        ("self-signed CA", cluster("localhost", own_port, &own), &[]),
        (
            "leaf for another name",
            cluster("127.0.0.1", port, &leaf),
            &["for another name", "tls-server-name"],
        ),
        ("expired leaf", cluster("localhost", expired_port, &expired), &["has expired", "clock"]),
        ("other leaf", cluster("localhost", port, &own), &["not from a trusted CA", "certificate-authority"]),
    ];
    check_clusters(clusters).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn client_certificates_of_all_kinds_work() {
    let (certificate, key) = Ca::new().issue("localhost", false);
    let mut clients = RootCertStore::empty();
    for kind in ["rsa", "p256", "p384", "ed25519", "p521"] {
        clients.add(CertificateDer::from_pem_slice(client(kind).as_bytes()).unwrap()).unwrap();
    }
    let server = insecure(serve(Some(acceptor(&certificate, &key, Some(clients)))).await.port());
    let (old, old_key) = Ca::new().issue("me", true);
    let old = format!("{}{}", old.pem(), old_key.serialize_pem());
    let mixed = json!({
        "client-certificate-data": STANDARD.encode(client("p256")), "client-key-data": STANDARD.encode(client("rsa")),
    });
    let open = insecure(Ca::new().server("localhost", false).await);
    let expired = with(&certified(&old), &json!({"token": ""}));
    let rejects = &["rejects the user's client-certificate: it expired at 2021-01-01", "renew"][..];
    check(vec![
        ("RSA", server.clone(), certified(&client("rsa")), &[]),
        ("P-256", server.clone(), certified(&client("p256")), &[]),
        ("P-384", server.clone(), certified(&client("p384")), &[]),
        ("Ed25519", server.clone(), certified(&client("ed25519")), &[]),
        ("none", server.clone(), json!({"token": TOKEN}), &["client-certificate"]),
        ("of an unknown CA", server.clone(), certified(&old), rejects),
        ("expired", open, expired, rejects),
        ("with another key", server, mixed, &["client-key does not belong to client-certificate"]),
    ])
    .await;
}

/// kubectl knows P-521, so this one is not compared with it.
#[tokio::test]
async fn a_key_on_p521_is_named() {
    let error = connect(&insecure(1), &certified(&client("p521"))).await.unwrap_err();
    assert!(error.contains("client-key is on the curve P-521") && error.contains("use P-256"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_client_certificate_is_used() {
    let (certificate, key) = Ca::new().issue("localhost", false);
    let mut clients = RootCertStore::empty();
    clients.add(CertificateDer::from_pem_slice(client("rsa").as_bytes()).unwrap()).unwrap();
    let server = insecure(serve(Some(acceptor(&certificate, &key, Some(clients)))).await.port());
    let folder = tempfile::tempdir().unwrap();
    let read = async |user: &Value| {
        let path = kubeconfig(folder.path(), &server, user);
        load(&ConnectFlags { kubeconfig: Some(path), context: None }).await.unwrap()
    };
    let probe = async |cluster| probe(cluster, "n", "h", Duration::from_secs(10)).await;

    // Files that are replaced.
    let file = folder.path().join("me.pem");
    std::fs::write(&file, client("p256")).unwrap();
    let cluster = read(&json!({"client-certificate": file, "client-key": file, "token": TOKEN})).await;
    assert!(probe(&cluster).await.is_err());
    std::fs::write(&file, client("rsa")).unwrap();
    assert_eq!(probe(&cluster).await, Ok(()));

    // A plugin whose first credentials are about to expire.
    let credential = |pem: &str, expires: &str| {
        json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {
            "token": TOKEN, "clientCertificateData": pem, "clientKeyData": pem, "expirationTimestamp": expires,
        }})
    };
    let soon = jiff::Timestamp::now() + Duration::from_secs(61);
    std::fs::write(folder.path().join("1"), credential(&client("p256"), &soon.to_string()).to_string())
        .unwrap();
    std::fs::write(folder.path().join("2"), credential(&client("rsa"), "2100-01-01T00:00:00Z").to_string())
        .unwrap();
    let script = "if mkdir ran 2>/dev/null; then cat 1; else cat 2; fi";
    let script = format!("cd {}; {script}", folder.path().display());
    let cluster = read(&json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script], "interactiveMode": "Never",
    }}))
    .await;
    assert!(probe(&cluster).await.is_err());
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while probe(&cluster).await.is_err() {
        assert!(std::time::Instant::now() < deadline, "the plugin's second certificate is not used");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_runs_once_until_its_credentials_are_rejected() {
    let server = insecure(Ca::new().server("localhost", false).await);
    let folder = tempfile::tempdir().unwrap();
    let credential = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": {"token": "stale-token"}});
    let (answer, runs) = (folder.path().join("answer"), folder.path().join("runs"));
    std::fs::write(&answer, credential.to_string()).unwrap();
    let script = format!("echo >> {}; cat {}", runs.display(), answer.display());
    let user = json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "args": ["-c", script], "interactiveMode": "Never",
    }});
    let flags = ConnectFlags { kubeconfig: Some(kubeconfig(folder.path(), &server, &user)), context: None };
    let count = || std::fs::read_to_string(&runs).unwrap().len();
    let (one, two) = tokio::join!(load(&flags), load(&flags));
    assert_eq!(count(), 1, "two clients of one process");
    let _other = two.unwrap();
    let cluster = one.unwrap();
    std::fs::write(&answer, credential.to_string().replace("stale-token", TOKEN)).unwrap();
    assert!(probe(&cluster, "n", "h", Duration::from_secs(10)).await.is_err());
    // The rejected client has its plugin run again, and a new client does so, too.
    let cluster = load(&flags).await.unwrap();
    assert_eq!(probe(&cluster, "n", "h", Duration::from_secs(10)).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_reached_over_ipv6_and_below_a_path() {
    let ca = Ca::new();
    let (certificate, key) = ca.issue("::1", false);
    let six = serve_at("[::1]:0", Some(acceptor(&certificate, &key, None))).await.port();
    let four = ca.server("localhost", false).await;
    let ca = json!({"certificate-authority-data": STANDARD.encode(ca.0.pem())});
    let url = |url: String| with(&ca, &json!({"server": url}));
    check_clusters([
        ("IPv6", url(format!("https://[::1]:{six}")), &[][..]),
        (
            "IPv6, no listener",
            url("https://[::1]:1".to_owned()),
            &["(https://[::1]:1/)", "Connection refused"],
        ),
        ("path", url(format!("https://localhost:{four}/k8s/clusters/c-1")), &[]),
        ("path with slash", url(format!("https://localhost:{four}/k8s/clusters/c-1/")), &[]),
        ("another path", url(format!("https://localhost:{four}/elsewhere")), &["check the cluster"]),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_is_never_skipped() {
    let ca = Ca::new();
    let (certificate, key) = ca.issue("localhost", false);
    let tls = acceptor(&certificate, &key, None);
    let server = serve(Some(tls.clone())).await;
    let [http, https, socks] = [Proxy::Http, Proxy::Https(tls), Proxy::Socks].map(|kind| proxy(kind, server));
    let (http, https, socks) = (http.await, https.await, socks.await);
    let login = proxy(Proxy::SocksWithLogin, server).await;
    // Nothing listens at the server's own address.
    let via = |proxy: &str| with(&insecure(1), &json!({"proxy-url": proxy}));
    let dead = format!("http://u:{SECRET}@127.0.0.1:9");
    check_clusters([
        ("http", via(&format!("http://u:p%40ss@{http}")), &[][..]),
        ("https", via(&format!("https://u:p%40ss@{https}")), &[]),
        ("socks5", via(&format!("socks5://{socks}")), &[]),
        ("socks5, login", via(&format!("socks5://u:p%40ss@{login}")), &[]),
        (
            "socks5, wrong login",
            via(&format!("socks5://u:{SECRET}@{login}")),
            &["through proxy socks5://", "proxy-url"],
        ),
        ("socks5, no login", via(&format!("socks5://{login}")), &["through proxy socks5://", "proxy-url"]),
        ("http, wrong login", via(&format!("http://u:{SECRET}@{http}")), &["proxy", "proxy-url"]),
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
    ])
    .await;
}

#[tokio::test]
async fn missing_parts_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let flags = ConnectFlags { kubeconfig: Some(path.clone()), context: None };
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
        (
            "/users/0/user",
            json!({"client-certificate-data": "aGVsbG8=", "client-key-data": "aGVsbG8="}),
            "client-certificate has no PEM certificate",
        ),
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
