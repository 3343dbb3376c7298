//! The real ports behind the ports that pods declare.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpStream;
use tokio::sync::watch;

/// Maps a pod's UID and declared port to a port of 127.0.0.1; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Ports {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    map: Mutex<HashMap<String, HashMap<u16, u16>>>,
    changed: watch::Sender<()>,
}

impl Ports {
    /// Adds a pod's declared port, which listens at `real`.
    pub(crate) fn open(&self, uid: &str, declared: u16, real: u16) {
        self.lock().entry(uid.to_owned()).or_default().insert(declared, real);
        self.shared.changed.send_replace(());
    }

    /// Removes a pod's declared port.
    pub(crate) fn close(&self, uid: &str, declared: u16) {
        let mut map = self.lock();
        if let Some(ports) = map.get_mut(uid) {
            ports.remove(&declared);
            if ports.is_empty() {
                map.remove(uid);
            }
        }
    }

    /// The real port, if the declared port is open.
    pub(crate) fn real(&self, uid: &str, declared: u16) -> Option<u16> {
        self.lock().get(uid)?.get(&declared).copied()
    }

    /// Notifies of newly opened ports.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.shared.changed.subscribe()
    }

    /// Connects to the pod's declared port.
    ///
    /// # Errors
    /// Returns `ConnectionRefused` when the port is not open.
    pub(crate) async fn connect(&self, uid: &str, declared: u16) -> io::Result<TcpStream> {
        let real = self.real(uid, declared).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::ConnectionRefused,
                format!("no container of the pod listens on port {declared}"),
            )
        })?;
        let stream = TcpStream::connect(("127.0.0.1", real)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<u16, u16>>> {
        self.shared.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_declared_port_connects_while_it_is_open() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ports = Ports::default();
        ports.open("uid", 80, listener.local_addr().unwrap().port());
        ports.connect("uid", 80).await.unwrap();
        for (uid, port) in [("uid", 81), ("other", 80)] {
            let error = ports.connect(uid, port).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        }
        ports.close("uid", 80);
        assert_eq!(ports.real("uid", 80), None);
    }
}
