//! Makes the recorder the external metrics API of a real cluster for the time of a test, and puts back what was there.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::serve::Listener;
use base64::Engine as _;
use k8s_openapi::api::core::v1::{Namespace, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Client};
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use testkit::wait;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

const API_SERVICE: &str = "v1beta1.external.metrics.k8s.io";
/// What stood there before, for a run that was killed before it could put it back.
const KEPT: &str = "surge-twins/replaced";
const SERVICE: &str = "recorder";

/// Where a listener of this machine is reached from the API server.
pub(crate) struct Place {
    /// The address, as the API server sees it.
    pub(crate) address: IpAddr,
    /// The network namespace that has this address, if it is not ours.
    pub(crate) network: Option<PathBuf>,
}

impl Place {
    /// Listens there, on a free port.
    fn listen(&self) -> TcpListener {
        let Self { address, network } = self;
        let bind = || std::net::TcpListener::bind((*address, 0));
        let listener = match network {
            None => bind().unwrap_or_else(|error| panic!("listening on {address}: {error}")),
            // A socket stays in the namespace in which it was made, and a thread may enter one for itself alone.
            Some(network) => std::thread::scope(|scope| {
                let entered = scope.spawn(|| {
                    enter(network);
                    bind().unwrap_or_else(|error| panic!("listening on {address}: {error}"))
                });
                entered.join().unwrap()
            }),
        };
        listener.set_nonblocking(true).unwrap();
        TcpListener::from_std(listener).unwrap()
    }
}

#[cfg(target_os = "linux")]
fn enter(network: &Path) {
    use std::os::fd::AsFd as _;
    let file =
        std::fs::File::open(network).unwrap_or_else(|error| panic!("opening {}: {error}", network.display()));
    let kind = Some(rustix::thread::LinkNameSpaceType::Network);
    rustix::thread::move_into_link_name_space(file.as_fd(), kind)
        .unwrap_or_else(|error| panic!("entering {}: {error}", network.display()));
}

#[cfg(not(target_os = "linux"))]
fn enter(network: &Path) {
    panic!("not run: {} cannot be entered, only Linux has network namespaces", network.display());
}

/// Connections whose TLS handshake is done.
struct TlsListener {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else { continue };
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// Runs `test` while `router` answers for external metrics on the cluster, from a namespace that exists for as long.
/// What was there before is put back in all cases, also when the test panics.
pub(crate) async fn with_recorder<T>(
    client: &Client,
    namespace: &str,
    place: &Place,
    router: Router,
    test: impl Future<Output = T>,
) -> T {
    use futures::FutureExt as _;
    let services: Api<APIService> = Api::all(client.clone());
    let before = before(&services).await;
    let whole = async {
        let (port, authority) = serve(place, namespace, router);
        announce(client, namespace, place.address, port).await;
        register(&services, namespace, &authority, before.as_ref()).await;
        test.await
    };
    let outcome = std::panic::AssertUnwindSafe(whole).catch_unwind().await;
    put_back(&services, before).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.delete(namespace, &DeleteParams::default()).await.unwrap();
    match outcome {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Makes the namespace, which must not exist.
pub(crate) async fn make_namespace(client: &Client, name: &str) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    wait::until_within(2 * wait::DEADLINE, "the namespace of an earlier run to go", || async {
        let found = namespaces.get_opt(name).await.unwrap();
        if let Some(found) = &found
            && found.metadata.deletion_timestamp.is_none()
        {
            namespaces.delete(name, &DeleteParams::default()).await.unwrap();
        }
        found.is_none().then_some(())
    })
    .await;
    let object = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
    namespaces.create(&PostParams::default(), &object).await.unwrap();
}

/// Serves the router over TLS; gives the port and the certificate to trust, as PEM.
fn serve(place: &Place, namespace: &str, router: Router) -> (u16, String) {
    let made = rcgen::generate_simple_self_signed([format!("{SERVICE}.{namespace}.svc")]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = place.listen();
    let port = listener.local_addr().unwrap().port();
    let listener = TlsListener { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
    tokio::spawn(axum::serve(listener, router).into_future());
    (port, made.cert.pem())
}

/// A Service that leads to the recorder.
async fn announce(client: &Client, namespace: &str, address: IpAddr, port: u16) {
    let service = json!({
        "metadata": {"name": SERVICE},
        "spec": {"ports": [{"name": "https", "port": 443, "targetPort": port}]},
    });
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    services.create(&PostParams::default(), &serde_json::from_value(service).unwrap()).await.unwrap();
    let slice = json!({
        "metadata": {"name": SERVICE, "labels": {"kubernetes.io/service-name": SERVICE}},
        "addressType": if address.is_ipv4() { "IPv4" } else { "IPv6" },
        "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}],
    });
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    slices.create(&PostParams::default(), &serde_json::from_value(slice).unwrap()).await.unwrap();
}

/// The registration that is to come back, if there is one.
async fn before(services: &Api<APIService>) -> Option<Value> {
    let found = services.get_opt(API_SERVICE).await.unwrap()?;
    let kept = found.metadata.annotations.as_ref().and_then(|all| all.get(KEPT).cloned());
    match kept {
        Some(kept) => serde_json::from_str(&kept).unwrap(),
        None => Some(json!({
            "labels": found.metadata.labels, "annotations": found.metadata.annotations, "spec": found.spec,
        })),
    }
}

async fn register(services: &Api<APIService>, namespace: &str, authority: &str, before: Option<&Value>) {
    let object = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": API_SERVICE, "annotations": {(KEPT): json!(before).to_string()}},
        "spec": {
            "group": "external.metrics.k8s.io", "version": "v1beta1",
            "groupPriorityMinimum": 100, "versionPriority": 100,
            "service": {"name": SERVICE, "namespace": namespace, "port": 443},
            "caBundle": base64::engine::general_purpose::STANDARD.encode(authority),
        },
    });
    replace(services, object).await;
    wait::until("the API server to reach the recorder", || async {
        let found = services.get(API_SERVICE).await.unwrap();
        let ours = found.spec?.service?.namespace.as_deref() == Some(namespace);
        let conditions = found.status?.conditions?;
        let available = conditions.iter().find(|one| one.type_ == "Available")?;
        (ours && available.status == "True").then_some(())
    })
    .await;
}

async fn put_back(services: &Api<APIService>, before: Option<Value>) {
    let Some(before) = before else {
        services.delete(API_SERVICE, &DeleteParams::default()).await.unwrap();
        return;
    };
    let object = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": API_SERVICE, "labels": before["labels"], "annotations": before["annotations"]},
        "spec": before["spec"],
    });
    replace(services, object).await;
}

/// Creates the object, or gives the one that is there its labels, annotations and specification.
async fn replace(services: &Api<APIService>, mut object: Value) {
    let found = services.get_opt(API_SERVICE).await.unwrap();
    let Some(found) = found else {
        services.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
        return;
    };
    object["metadata"]["resourceVersion"] = json!(found.metadata.resource_version);
    let whole: APIService = serde_json::from_value(object).unwrap();
    services.replace(API_SERVICE, &PostParams::default(), &whole).await.unwrap();
}
