//! Serves a broker on 127.0.0.1 until it is interrupted, and prints its addresses on one line.
//!
//! Arguments: the ports for AMQP, management and metrics; default: free ports.

use std::io::Write;

use broker::{Config, Listeners};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut ports = std::env::args().skip(1).map(|port| port.parse().unwrap_or(0_u16)).chain([0; 3]);
    let mut bind = || TcpListener::bind(("127.0.0.1", ports.next().unwrap_or(0)));
    let (amqp, management, metrics) = (bind().await?, bind().await?, bind().await?);
    let mut out = std::io::stdout();
    writeln!(out, "{} {} {}", amqp.local_addr()?, management.local_addr()?, metrics.local_addr()?)?;
    out.flush()?;
    let listeners = Listeners { amqp, management: Some(management), metrics: Some(metrics) };
    broker::run(Config::default(), listeners, CancellationToken::new()).await;
    Ok(())
}
