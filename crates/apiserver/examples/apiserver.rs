//! The API server by itself, for tests with a real kubectl. `cargo run -p apiserver --example apiserver -- FILE` writes its
//! kubeconfig to FILE and serves until Ctrl-C. Nothing runs the pods.

use apiserver::{ApiServer, Config, Serve, Tls, kubeconfig};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("missing argument: the path for the kubeconfig")?;
    let tls = Tls::generate(&["127.0.0.1", "localhost"])?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://{}", listener.local_addr()?);
    let token = uuid::Uuid::new_v4().to_string();
    std::fs::write(&file, kubeconfig("apiserver", &url, tls.ca_pem(), &token, "default"))?;
    println!("export KUBECONFIG={file}");
    let server = ApiServer::new(Config::default());
    apiserver::run(server, Serve { tls, token }, listener, CancellationToken::new()).await;
    Ok(())
}
