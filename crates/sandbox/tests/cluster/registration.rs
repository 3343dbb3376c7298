//! Registers the recorder as the external metrics API of a real cluster during a test, and restores the registration.

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
/// Annotation with the replaced registration, for the run after one that was killed.
const REPLACED_ANNOTATION: &str = "surge-twins/replaced";
const SERVICE: &str = "recorder";

/// The address of the recorder's listener.
pub(crate) struct ListenAddress {
    /// The address, as the API server sees it.
    pub(crate) address: IpAddr,
    /// The network namespace of the address, if it is not this process' own.
    pub(crate) network: Option<PathBuf>,
}

impl ListenAddress {
    /// Listens on a free port.
    fn listen(&self) -> TcpListener {
        let Self { address, network } = self;
        let bind = || std::net::TcpListener::bind((*address, 0));
        let listener = match network {
            None => bind().unwrap_or_else(|error| panic!("listening on {address}: {error}")),
            // A socket stays in the namespace of its creation, and a thread can enter a namespace alone.
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

/// A listener that completes the TLS handshake.
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

/// Runs `test` while `router` is the cluster's external metrics API, with a Service in `namespace`. Restores the
/// registration and deletes the namespace, also when the test panics.
pub(crate) async fn with_recorder<T>(
    client: &Client,
    namespace: &str,
    address: &ListenAddress,
    router: Router,
    test: impl Future<Output = T>,
) -> T {
    use futures::FutureExt as _;
    let services: Api<APIService> = Api::all(client.clone());
    let before = registration(&services).await;
    let whole = async {
        let (port, authority) = serve(address, namespace, router);
        create_service(client, namespace, address.address, port).await;
        register(&services, namespace, &authority, before.as_ref()).await;
        test.await
    };
    let outcome = std::panic::AssertUnwindSafe(whole).catch_unwind().await;
    restore(&services, before).await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    namespaces.delete(namespace, &DeleteParams::default()).await.unwrap();
    match outcome {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Creates the namespace, after deleting that of an earlier run.
pub(crate) async fn make_namespace(client: &Client, name: &str) {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    wait::until_within(2 * wait::DEADLINE, "the namespace of an earlier run to be deleted", || async {
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

/// Serves the router over TLS. Returns the port and the certificate as PEM.
fn serve(address: &ListenAddress, namespace: &str, router: Router) -> (u16, String) {
    let certified = rcgen::generate_simple_self_signed([format!("{SERVICE}.{namespace}.svc")]).unwrap();
    let key = PrivateKeyDer::Pkcs8(certified.signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let listener = address.listen();
    let port = listener.local_addr().unwrap().port();
    let listener = TlsListener { listener, acceptor: TlsAcceptor::from(Arc::new(config)) };
    tokio::spawn(axum::serve(listener, router).into_future());
    (port, certified.cert.pem())
}

/// Creates the recorder's Service.
async fn create_service(client: &Client, namespace: &str, address: IpAddr, port: u16) {
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

/// The registration to restore, if there is one.
async fn registration(services: &Api<APIService>) -> Option<Value> {
    let found = services.get_opt(API_SERVICE).await.unwrap()?;
    let replaced = found.metadata.annotations.as_ref().and_then(|all| all.get(REPLACED_ANNOTATION).cloned());
    match replaced {
        Some(replaced) => serde_json::from_str(&replaced).unwrap(),
        None => Some(json!({
            "labels": found.metadata.labels, "annotations": found.metadata.annotations, "spec": found.spec,
        })),
    }
}

async fn register(services: &Api<APIService>, namespace: &str, authority: &str, before: Option<&Value>) {
    let object = json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": API_SERVICE, "annotations": {(REPLACED_ANNOTATION): json!(before).to_string()}},
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

async fn restore(services: &Api<APIService>, before: Option<Value>) {
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

/// Creates the object or replaces the existing one.
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
