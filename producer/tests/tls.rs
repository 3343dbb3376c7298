//! AMQP over TLS with RabbitMQ: `cargo test -p producer --features tls --test tls -- --ignored`.

#![cfg(feature = "tls")]

use testkit::{
    programs::{Program, RabbitMqBroker, client, send},
    rabbitmq::Settings,
};

/// PEM files of a CA and a server certificate for 127.0.0.1.
struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    fn make() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut authority = rcgen::CertificateParams::new(Vec::new()).expect("no names to be wrong");
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "CA of the test");
        let authority_key = rcgen::KeyPair::generate().expect("a key");
        let authority_cert = authority.self_signed(&authority_key).expect("a certificate");
        let issuer = rcgen::Issuer::new(authority, authority_key);
        let server = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
        let server_key = rcgen::KeyPair::generate().expect("a key");
        let server_cert = server.signed_by(&server_key, &issuer).expect("a certificate");
        for (name, text) in [
            ("ca.pem", authority_cert.pem()),
            ("cert.pem", server_cert.pem()),
            ("key.pem", server_key.serialize_pem()),
        ] {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's rabbitmq-server"]
async fn amqps_needs_the_right_ca() {
    let certificates = Certificates::make();
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let configuration = format!(
        "listeners.ssl.1 = 127.0.0.1:{port}\nssl_options.cacertfile = {}\nssl_options.certfile = {}\nssl_options.keyfile = {}\n",
        certificates.path("ca.pem"),
        certificates.path("cert.pem"),
        certificates.path("key.pem"),
    );
    let settings = Settings { configuration, ..Settings::default() };
    let _broker = tokio::task::block_in_place(|| RabbitMqBroker::start_with(&settings));
    let url = format!("amqps://guest:guest@127.0.0.1:{port}/%2F");
    let binary = env!("CARGO_BIN_EXE_producer");
    let http = client();

    let ca = certificates.path("ca.pem");
    let producer = Program::start(binary, &[("AMQP_URL", &url), ("AMQP_CA_FILE", &ca), ("QUEUE", "tls")]);
    producer.wait_for_readyz(&http, 200).await;
    let (status, _, body) = send(&http, reqwest::Method::POST, &producer.url("/generate?count=100")).await;
    assert_eq!((status, &body["confirmed"]), (202, &100.into()), "{body}");

    // The system's CAs did not sign the broker's certificate.
    let untrusting = Program::start(binary, &[("AMQP_URL", &url), ("QUEUE", "tls")]);
    untrusting.wait_for_log("certificate").await;
    let answer = untrusting.wait_for_readyz(&http, 503).await;
    assert!(answer.to_lowercase().contains("certificate") || answer.contains("UnknownIssuer"), "{answer}");
}
