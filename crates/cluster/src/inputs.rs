//! Everything that one sync of an HPA needs, read once: the HPA, the scale, the pods, the metrics and the server's release.

use std::time::Duration;

use hpa::{Pod, Reading, Scale, Time};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Event as ApiEvent, Pod as ApiPod};
use kube::Api;
use kube::api::ListParams;
use observed::{ClusterEvent, Hpa, Role, convert};

use crate::connect::{Cluster, ConnectError};
use crate::errors::Failure;
use crate::metrics::{Question, Reader};
use crate::scale::Target;

/// Limit of one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Pods in one page: the answer for a page is in memory as a whole.
const PAGE: u32 = 250;

/// The inputs of a sync.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The HPA.
    pub hpa: Hpa,
    /// The scale of its target, or the reason why it cannot be read.
    pub scale: Result<Scale, String>,
    /// The pods that the selector of the scale matches.
    pub pods: Vec<Pod>,
    /// Names of the pods that another workload owns.
    pub foreign: Vec<String>,
    /// The answers of the metrics APIs, one for each metric.
    pub readings: Vec<Reading>,
    /// The server's version.
    pub version: Option<String>,
    /// The time of this machine.
    pub now: Time,
}

/// Names of the HPAs of a namespace.
///
/// # Errors
/// If they cannot be listed.
pub async fn names(cluster: &Cluster, namespace: &str) -> Result<Vec<String>, ConnectError> {
    let rows: Vec<Name> = crate::fleet::list(cluster, Some(namespace), "").await?;
    Ok(rows.into_iter().map(|name| name.0).collect())
}

#[derive(Debug, Clone)]
struct Name(String);

impl From<HorizontalPodAutoscaler> for Name {
    fn from(object: HorizontalPodAutoscaler) -> Self {
        Self(object.metadata.name.unwrap_or_default())
    }
}

/// Reads the inputs of HPA `name`.
///
/// # Errors
/// If the HPA cannot be read, or its pods cannot. A scale or a metric that cannot be read is an input, as it is for the
/// controller.
pub async fn read(cluster: &Cluster, namespace: &str, name: &str) -> Result<Inputs, ConnectError> {
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(cluster.client.clone(), namespace);
    let what = format!("HPA {name} of namespace {namespace}");
    let (object, version) =
        tokio::join!(within(cluster, &what, api.get(name)), cluster.client.apiserver_version());
    let hpa = convert::hpa::convert(&object?);
    let target = hpa.spec.as_ref().map(|spec| spec.scale_target_ref.clone()).unwrap_or_default();
    let text = |failure: Failure| match failure {
        Failure::Lost(text) | Failure::Unavailable(text) => text,
    };
    let scale = match Target::find(&cluster.client, namespace, &target).await {
        Ok(found) => match found.scale().await {
            Ok(Some(scale)) => Ok(scale),
            Ok(None) => Err(format!("{} {} does not exist", target.kind, target.name)),
            Err(failure) => Err(text(failure)),
        },
        Err(failure) => Err(text(failure)),
    };
    let selector = scale.as_ref().map_or("", |scale| scale.selector.as_str());
    let (mut pods, mut foreign) = (Vec::new(), Vec::new());
    if !selector.is_empty() {
        let place = (target.kind.as_str(), target.name.as_str());
        (pods, foreign) = pods_of(cluster, namespace, selector, place).await?;
    }
    let readings = match &hpa.spec {
        Some(spec) => {
            let mut reader = Reader::new(cluster.client.clone(), namespace);
            let answers = reader.read(Question { spec, selector, except: None }).await;
            let reading = |answer: Option<observed::MetricAnswer>| {
                answer.map_or_else(|| Reading::Failed("not read".to_owned()), |answer| answer.reading)
            };
            answers.into_iter().map(reading).collect()
        }
        None => Vec::new(),
    };
    let version = version.ok().map(|info| text::clean::text(&info.git_version));
    let now = Time(jiff::Timestamp::now().as_millisecond());
    Ok(Inputs { hpa, scale, pods, foreign, readings, version, now })
}

/// The Events about an HPA that the API server still has, one page of them.
///
/// # Errors
/// Fails if they cannot be listed.
pub async fn events(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
) -> Result<Vec<ClusterEvent>, ConnectError> {
    let api: Api<ApiEvent> = Api::namespaced(cluster.client.clone(), namespace);
    let what = format!("the Events of HPA {name} in namespace {namespace}");
    let about = format!("involvedObject.kind=HorizontalPodAutoscaler,involvedObject.name={name}");
    let params = ListParams::default().fields(&about).limit(PAGE);
    let page = within(cluster, &what, api.list(&params)).await?;
    Ok(page.items.iter().map(|object| convert::event::convert(object, true)).collect())
}

/// The pods that a selector matches, and the names of those that do not belong to the target.
async fn pods_of(
    cluster: &Cluster,
    namespace: &str,
    selector: &str,
    target: (&str, &str),
) -> Result<(Vec<Pod>, Vec<String>), ConnectError> {
    let api: Api<ApiPod> = Api::namespaced(cluster.client.clone(), namespace);
    let what = format!("the pods of namespace {namespace}");
    let mut params = ListParams::default().labels(selector).limit(PAGE);
    let (mut pods, mut foreign) = (Vec::new(), Vec::new());
    loop {
        let page = within(cluster, &what, api.list(&params)).await?;
        for object in &page.items {
            let pod = convert::pod::convert(object, Role::Worker);
            if !pod.may_belong_to(target) {
                foreign.push(pod.name.clone());
            }
            pods.push(std::sync::Arc::unwrap_or_clone(pod.calculated));
        }
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            return Ok((pods, foreign));
        }
    }
}

async fn within<T>(
    cluster: &Cluster,
    what: &str,
    asked: impl Future<Output = kube::Result<T>>,
) -> Result<T, ConnectError> {
    match tokio::time::timeout(REQUEST_TIMEOUT, asked).await {
        Err(_late) => Err(ConnectError::late(cluster, REQUEST_TIMEOUT)),
        Ok(answer) => answer.map_err(|error| ConnectError::of_read(cluster, what, &error)),
    }
}
