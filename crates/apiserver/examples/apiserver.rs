//! The API server by itself, to try a real kubectl on: `cargo run -p apiserver --example apiserver -- FILE` writes the
//! kubeconfig to FILE and serves until Ctrl-C. Nothing runs pods.

use apiserver::{ApiServer, Config, Serve, Tls, kubeconfig};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("say where to write the kubeconfig")?;
    let tls = Tls::generate(&["127.0.0.1", "localhost"])?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://{}", listener.local_addr()?);
    let token = uuid::Uuid::new_v4().to_string();
    std::fs::write(&file, kubeconfig("apiserver", &url, tls.ca_pem(), &token, "default"))?;
    println!("export KUBECONFIG={file}");
    apiserver::run(
        ApiServer::new(Config::default()),
        Serve { tls, token },
        listener,
        CancellationToken::new(),
    )
    .await?;
    Ok(())
}
