//! A relay on loopback that counts what a dashboard reads from an API server and writes to it, TLS and all.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kube::config::Kubeconfig;

/// Bytes so far.
#[derive(Default)]
struct Counted {
    read: AtomicU64,
    written: AtomicU64,
}

/// A running relay.
pub(crate) struct Relay {
    counted: Arc<Counted>,
}

impl Relay {
    /// Starts one before the cluster of the current context of `kubeconfig`, and writes a kubeconfig that leads through it.
    pub(crate) fn start(kubeconfig: &Path, through: &Path) -> Self {
        let mut config = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
        let context = config.current_context.clone().expect("it has a current context");
        let named = config.contexts.iter().find(|named| named.name == context);
        let cluster =
            named.and_then(|named| named.context.as_ref()).expect("the context is there").cluster.clone();
        let named = config.clusters.iter_mut().find(|named| named.name == cluster);
        let cluster = named.and_then(|named| named.cluster.as_mut()).expect("the cluster is there");
        let server: http::Uri =
            cluster.server.as_deref().unwrap_or_default().parse().expect("its server is an address");
        let host = server.host().expect("its server has a host").to_owned();
        let upstream = (host.clone(), server.port_u16().unwrap_or(443));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        cluster.server = Some(format!("https://127.0.0.1:{port}"));
        // The certificate is still that of the other name.
        cluster.tls_server_name.get_or_insert(host);
        let written = serde_json::to_vec(&config).expect("a kubeconfig is data");
        std::fs::write(through, written).expect("a file in a folder of ours");
        let counted = Arc::new(Counted::default());
        let shared = Arc::clone(&counted);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect((upstream.0.as_str(), upstream.1)) else { continue };
                for stream in [&client, &server] {
                    stream.set_nodelay(true).expect("a socket takes its options");
                }
                let (from_client, to_server) = (client.try_clone(), server.try_clone());
                let (Ok(from_client), Ok(to_server)) = (from_client, to_server) else { continue };
                pass(from_client, to_server, Arc::clone(&shared), |counted| &counted.written);
                pass(server, client, Arc::clone(&shared), |counted| &counted.read);
            }
        });
        Self { counted }
    }

    /// Bytes that the server has sent.
    pub(crate) fn read(&self) -> u64 {
        self.counted.read.load(Ordering::Relaxed)
    }

    /// Bytes that the dashboard has sent.
    pub(crate) fn written(&self) -> u64 {
        self.counted.written.load(Ordering::Relaxed)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, counted: Arc<Counted>, which: fn(&Counted) -> &AtomicU64) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            which(&counted).fetch_add(count as u64, Ordering::Relaxed);
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        // One direction ended: the other side sees it, and its own end comes the other way.
        let _gone_already = to.shutdown(Shutdown::Write);
    });
}
