//! The Dockerfiles and compose.yaml agree with the images of `cargo xtask image` and with the contract.

use contract::{names, settings};

fn read(name: &str) -> String {
    let path = format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The instructions of a Dockerfile, with continued lines joined.
fn instructions(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let text = lines.join("\n").replace("\\\n", " ");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(words).filter(|line| !line.is_empty()).collect()
}

#[test]
fn images_contain_only_the_program_and_run_as_a_user() {
    for (program, port) in [(names::PRODUCER, names::PRODUCER_HTTP), (names::WORKER, names::WORKER_METRICS)] {
        let all = instructions(&read(&format!("{program}/Dockerfile")));
        let last = all.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
        let (build, image) = all.split_at(last);
        assert_eq!(image[0], "FROM scratch");
        for expected in [
            format!("COPY --from=build /{program} /{program}"),
            "USER 65532:65532".to_owned(),
            format!("EXPOSE {}", port.number),
            format!(r#"ENTRYPOINT ["/{program}"]"#),
        ] {
            assert!(image.contains(&expected), "{expected} is missing from {image:#?}");
        }
        assert!(!image.iter().any(|line| line.starts_with("RUN ")), "the image has no shell");
        let rust = format!("FROM rust:{}-", read("rust-toolchain.toml").split('"').nth(1).unwrap());
        let toolchain = build[0].trim_start_matches("FROM rust:").split('-').next().unwrap();
        assert!(rust.contains(toolchain), "{} and rust-toolchain.toml differ", build[0]);
        let run = build.iter().find(|line| line.starts_with("RUN ")).unwrap();
        for flag in ["--locked", "--profile image", "+crt-static", &format!("--features {program}/tls")] {
            assert!(run.contains(flag), "{flag} is missing from {run}");
        }
    }
}

#[test]
fn compose_starts_the_broker_first() {
    let compose: serde_json::Value = serde_saphyr::from_str(&read("compose.yaml")).unwrap();
    let services = compose["services"].as_object().unwrap();
    let manifest = read("manifests/overlays/plugin/rabbitmq.yaml");
    let broker = services[names::RABBITMQ]["image"].as_str().unwrap();
    assert!(manifest.contains(&format!("image: {broker}\n")), "{broker} is not the image in the manifests");
    for (program, image) in [(names::PRODUCER, names::PRODUCER_IMAGE), (names::WORKER, names::WORKER_IMAGE)] {
        let service = &services[program];
        assert_eq!(service["image"], format!("{image}:{}", env!("CARGO_PKG_VERSION")));
        assert_eq!(service["build"]["dockerfile"], format!("{program}/Dockerfile"));
        assert_eq!(
            service["healthcheck"]["test"],
            serde_json::json!(["CMD", format!("/{program}"), "--probe"])
        );
        assert_eq!(service["depends_on"][names::RABBITMQ]["condition"], "service_healthy");
        assert_eq!(service["environment"][settings::AMQP_HOST], names::RABBITMQ);
        for (program, rabbitmq) in [
            (settings::AMQP_USER, "RABBITMQ_DEFAULT_USER"),
            (settings::AMQP_PASSWORD, "RABBITMQ_DEFAULT_PASS"),
        ] {
            assert_eq!(service["environment"][program], services[names::RABBITMQ]["environment"][rabbitmq]);
        }
    }
    assert!(services[names::RABBITMQ]["healthcheck"]["test"].is_array());
    assert_eq!(services[names::PRODUCER]["ports"][0], "127.0.0.1:3000:3000");
}
