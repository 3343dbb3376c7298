//! From flags and kubeconfig to a client, and the first question to a cluster; what goes wrong is said in sentences.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::Namespace;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Api, Client, Config};

use crate::errors;
use text::clean;

/// How long the connection to an API server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request may be in writing.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// Which cluster was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectFlags {
    /// `--kubeconfig`; without it `$KUBECONFIG`, else `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`; without it the kubeconfig's current one.
    pub context: Option<String>,
}

/// A cluster that a kubeconfig leads to, whether it can be reached or not.
#[derive(Clone)]
pub struct Cluster {
    /// The client.
    pub client: Client,
    /// Name of the context.
    pub context: String,
    /// Where the API server is.
    pub server: String,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("context", &self.context).field("server", &self.server).finish()
    }
}

/// Something that stands between here and the demo: what was tried and what came back, why in few words, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ConnectError {
    /// A sentence: what was tried, on what, and what came back.
    pub what: String,
    /// A few words for a title line.
    pub short: String,
    /// What to do about it.
    pub advice: String,
}

impl ConnectError {
    fn new(what: impl Into<String>, short: impl Into<String>, advice: impl Into<String>) -> Self {
        let (what, short, advice): (String, String, String) = (what.into(), short.into(), advice.into());
        Self { what: clean::text(&what), short: clean::text(&short), advice: clean::text(&advice) }
    }
}

/// Reads the kubeconfig and makes a client. Nothing is asked yet.
///
/// # Errors
/// An [`ConnectError`] when the kubeconfig is missing or broken, or has no such context.
pub async fn load(flags: &ConnectFlags) -> Result<Cluster, ConnectError> {
    let kubeconfig = read(flags)?;
    let context = context(&kubeconfig, flags)?;
    let options = KubeConfigOptions { context: Some(context.clone()), ..KubeConfigOptions::default() };
    let unusable = |error: &dyn std::fmt::Display| {
        ConnectError::new(
            format!("context {context} of the kubeconfig cannot be used: {error}"),
            format!("context {context} cannot be used"),
            "look at the context's cluster and user with: kubectl config view",
        )
    };
    let mut config =
        Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| unusable(&error))?;
    // A refusal must be seen at once, and every wait has an end of its own.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.write_timeout = Some(WRITE_TIMEOUT);
    if is_loopback(config.cluster_url.host().unwrap_or_default()) {
        config.proxy_url = None;
    }
    let server = config.cluster_url.to_string();
    let client = Client::try_from(config).map_err(|error| unusable(&errors::kube(&error)))?;
    Ok(Cluster { client, context, server })
}

/// This machine is never behind a proxy.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn read(flags: &ConnectFlags) -> Result<Kubeconfig, ConnectError> {
    let read = match &flags.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    read.map_err(|error| match error {
        KubeconfigError::ReadConfig(error, path) if error.kind() == std::io::ErrorKind::NotFound => {
            ConnectError::new(
                format!("there is no kubeconfig at {}", path.display()),
                "no kubeconfig found",
                "name yours with --kubeconfig FILE, or set KUBECONFIG",
            )
        }
        KubeconfigError::ReadConfig(error, path) => ConnectError::new(
            format!("reading the kubeconfig {} failed: {error}", path.display()),
            "the kubeconfig cannot be read",
            "make it readable for you, or name another one with --kubeconfig FILE",
        ),
        KubeconfigError::FindPath => ConnectError::new(
            "there is no kubeconfig: neither KUBECONFIG nor HOME is set",
            "no kubeconfig found",
            "name yours with --kubeconfig FILE, or set KUBECONFIG",
        ),
        error => {
            let which =
                flags.kubeconfig.as_ref().map_or_else(String::new, |path| format!(" {}", path.display()));
            ConnectError::new(
                format!("the kubeconfig{which} is broken: {}", first_line(&error.to_string())),
                "the kubeconfig is broken",
                "mend it, or name another one with --kubeconfig FILE",
            )
        }
    })
}

/// YAML errors draw the place in the text over several lines; the first says it.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}

fn context(kubeconfig: &Kubeconfig, flags: &ConnectFlags) -> Result<String, ConnectError> {
    let wanted =
        flags.context.as_ref().or(kubeconfig.current_context.as_ref()).filter(|name| !name.is_empty());
    let known: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
    let advice = if known.is_empty() {
        "it has no contexts at all; name another file with --kubeconfig FILE".to_owned()
    } else {
        format!("it has: {}", known.join(", "))
    };
    match wanted {
        Some(wanted) if known.contains(&wanted.as_str()) => Ok(wanted.clone()),
        Some(wanted) => Err(ConnectError::new(
            format!("the kubeconfig has no context {wanted}"),
            format!("no context {wanted}"),
            advice,
        )),
        None => Err(ConnectError::new(
            "the kubeconfig has no current context",
            "no current context",
            format!("choose one with --context NAME; {advice}"),
        )),
    }
}

/// Whether the demo is there: its HPA is what everything else is read from.
///
/// # Errors
/// An [`ConnectError`] that tells what is missing: the server, rights, the namespace or the HPA.
pub async fn probe(
    cluster: &Cluster,
    namespace: &str,
    hpa: &str,
    within: Duration,
) -> Result<(), ConnectError> {
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(cluster.client.clone(), namespace);
    let context = &cluster.context;
    let error = match tokio::time::timeout(within, api.get(hpa)).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => error,
        Err(_late) => {
            return Err(unreachable(cluster, &format!("no answer within {within:?}")));
        }
    };
    if errors::is_missing(&error) {
        return Err(absent(cluster, namespace, hpa, within).await);
    }
    if errors::is_unauthenticated(&error) {
        return Err(ConnectError::new(
            format!(
                "the API server of context {context} does not accept the credentials of the kubeconfig: {}",
                errors::kube(&error)
            ),
            format!("the credentials of context {context} are not accepted"),
            "log in again, since tokens end; or choose another user with --context NAME",
        ));
    }
    if errors::is_forbidden(&error) {
        let said = errors::kube(&error);
        return Err(ConnectError::new(
            format!("context {context} may not read HPA {hpa} in namespace {namespace}: {said}"),
            format!("not allowed to read the demo in context {context}"),
            "ask for the right to get and watch it, or choose another user with --context NAME",
        ));
    }
    if errors::is_unreachable(&error) {
        return Err(unreachable(cluster, &errors::kube(&error)));
    }
    Err(ConnectError::new(
        format!("asking context {context} for HPA {hpa} failed: {}", errors::kube(&error)),
        format!("context {context} gives no answer of use"),
        "look at the cluster with: kubectl get hpa -A",
    ))
}

fn unreachable(cluster: &Cluster, cause: &str) -> ConnectError {
    let Cluster { context, server, .. } = cluster;
    ConnectError::new(
        format!("the API server of context {context} ({server}) cannot be reached: {cause}"),
        format!("context {context} cannot be reached"),
        "start it, or choose another one with --context NAME",
    )
}

/// Which of both is missing, namespace or HPA; where namespaces may not be read, the HPA is.
async fn absent(cluster: &Cluster, namespace: &str, hpa: &str, within: Duration) -> ConnectError {
    let context = &cluster.context;
    let namespaces: Api<Namespace> = Api::all(cluster.client.clone());
    let asked = tokio::time::timeout(within, namespaces.get(namespace)).await;
    if matches!(&asked, Ok(Err(error)) if errors::is_missing(error)) {
        return ConnectError::new(
            format!("context {context} has no namespace {namespace}"),
            format!("no demo found in context {context}"),
            "install the demo there, or name its namespace with --namespace NAME",
        );
    }
    ConnectError::new(
        format!("namespace {namespace} in context {context} has no HPA {hpa}"),
        format!("no demo found in context {context}"),
        "install the demo there, or name the HPA with --hpa NAME",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: u, user: {}}]
contexts: [{name: here, context: {cluster: c, user: u}}, {name: there, context: {cluster: c, user: u}}]
";

    async fn load_text(text: &str, context: Option<&str>) -> Result<Cluster, ConnectError> {
        let folder = std::env::temp_dir().join(format!("surge-kubeconfig-{}", fastrand::u64(..)));
        std::fs::write(&folder, text).unwrap();
        let flags = ConnectFlags { kubeconfig: Some(folder.clone()), context: context.map(str::to_owned) };
        let loaded = load(&flags).await;
        std::fs::remove_file(folder).unwrap();
        loaded
    }

    #[tokio::test]
    async fn contexts_are_chosen_by_flag_or_by_the_file() {
        assert_eq!(load_text(GOOD, None).await.unwrap().context, "here");
        assert_eq!(load_text(GOOD, Some("there")).await.unwrap().context, "there");
        let unknown = load_text(GOOD, Some("nowhere")).await.unwrap_err();
        assert_eq!(unknown.what, "the kubeconfig has no context nowhere");
        assert_eq!(unknown.advice, "it has: here, there");
        let none = load_text(&GOOD.replace("current-context: here", ""), None).await.unwrap_err();
        assert_eq!(none.what, "the kubeconfig has no current context");
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_kubeconfig_is_said() {
        let broken = load_text("clusters: [", None).await.unwrap_err();
        assert!(broken.what.contains("is broken: "), "{broken:?}");
        let flags = ConnectFlags { kubeconfig: Some("/nowhere/config".into()), context: None };
        let missing = load(&flags).await.unwrap_err();
        assert_eq!(missing.what, "there is no kubeconfig at /nowhere/config");
        let no_cluster = load_text(&GOOD.replace("clusters: [{name: c", "clusters: [{name: d"), None).await;
        assert!(no_cluster.unwrap_err().what.contains("context here of the kubeconfig cannot be used"));
    }

    #[tokio::test]
    async fn a_server_that_is_gone_is_named() {
        let cluster = load_text(GOOD, None).await.unwrap();
        let gone = probe(&cluster, "n", "h", Duration::from_secs(5)).await.unwrap_err();
        assert!(gone.what.contains("(http://127.0.0.1:1/) cannot be reached"), "{gone:?}");
        assert_eq!(gone.short, "context here cannot be reached");
    }

    /// A cluster that answers one path with an object and everything else as it is told to.
    fn playing(found: &'static str, otherwise: (u16, &'static str)) -> Cluster {
        let app = axum::Router::new().fallback(async move |uri: axum::http::Uri| {
            let (code, message) = if uri.path() == found { (200, "") } else { otherwise };
            let answer = serde_json::json!({
                "metadata": {"name": "it"},
                "spec": {"maxReplicas": 1, "scaleTargetRef": {"kind": "Deployment", "name": "w"}},
                "status": if code == 200 { serde_json::json!({}) } else { "Failure".into() },
                "code": code, "message": message, "reason": "Reason",
            });
            (axum::http::StatusCode::from_u16(code).unwrap(), axum::Json(answer))
        });
        Cluster { client: Client::new(app, "default"), context: "here".into(), server: "https://far".into() }
    }

    #[tokio::test]
    async fn what_is_missing_in_a_cluster_is_named() {
        const HPA: &str = "/apis/autoscaling/v2/namespaces/demo/horizontalpodautoscalers/scaler";
        const NAMESPACE: &str = "/api/v1/namespaces/demo";
        let asked = async |cluster| probe(&cluster, "demo", "scaler", Duration::from_secs(5)).await;

        assert_eq!(asked(playing(HPA, (500, "no"))).await, Ok(()));
        for (cluster, what, short) in [
            (
                playing(NAMESPACE, (404, "none")),
                "namespace demo in context here has no HPA scaler",
                "no demo found in context here",
            ),
            (
                playing("", (404, "none")),
                "context here has no namespace demo",
                "no demo found in context here",
            ),
            (
                playing("", (403, "User \"u\" cannot\u{1b} get it")),
                "context here may not read HPA scaler in namespace demo: User \"u\" cannot get it (403)",
                "not allowed to read the demo in context here",
            ),
            (
                playing("", (401, "Unauthorized")),
                "the API server of context here does not accept the credentials of the kubeconfig: Unauthorized (401)",
                "the credentials of context here are not accepted",
            ),
            (
                playing("", (500, "etcd is gone")),
                "asking context here for HPA scaler failed: etcd is gone (500)",
                "context here gives no answer of use",
            ),
        ] {
            let obstacle = asked(cluster).await.unwrap_err();
            assert_eq!((obstacle.what.as_str(), obstacle.short.as_str()), (what, short));
            assert!(!obstacle.advice.is_empty());
        }
    }

    #[test]
    fn loopback_is_known_in_all_spellings() {
        for (host, expected) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("[::1]", true),
            ("10.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }
}
