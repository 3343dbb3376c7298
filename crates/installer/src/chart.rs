//! The objects of our chart: rendered by helm from a temporary folder, and labelled as ours.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::bundled::{CHART, CHART_NAME};
use super::failure::Failure;
use super::helm::Helm;
use super::object;
use super::owner;
use super::request::{ChartSource, Request};
use super::secret::Credentials;

/// Time limit for rendering the chart.
const RENDER_TIMEOUT: Duration = Duration::from_secs(60);

/// API groups of the stack. Charts may ask for them before the stack is installed.
const STACK_APIS: [&str; 3] = ["monitoring.coreos.com/v1", "keda.sh/v1alpha1", "apiregistration.k8s.io/v1"];

/// The values that `surge up` passes to the chart; those of the request override them.
#[must_use]
pub fn own_values(request: &Request, credentials: &Credentials) -> Value {
    let mut values = json!({
        "managedBy": owner::SURGE,
        "namespace": {"create": true},
        // Helm runs the chart's test only for its own releases.
        "tests": {"enabled": false},
        "metrics": {"source": request.profile.name()},
        "rabbitmq": {"auth": {"username": credentials.username, "password": credentials.password}},
    });
    for image in &request.images {
        values["images"][image.name.name()] = image.reference.clone().into();
    }
    values
}

/// The chart's objects, with namespaces and labels, in the order of applying.
///
/// # Errors
/// If the chart rejects the values, or helm fails.
pub async fn render(
    helm: &Helm,
    request: &Request,
    credentials: &Credentials,
    kubernetes: &str,
) -> Result<Vec<Value>, Failure> {
    let folder = tempfile::tempdir().map_err(|error| {
        Failure::step(format!("creating a temporary folder failed: {error}"), "check TMPDIR")
    })?;
    let written = write(folder.path(), request, credentials);
    let (chart, values) = written.map_err(|error| {
        Failure::step(format!("writing the chart to a folder failed: {error}"), "check TMPDIR")
    })?;
    let rendered = helm.run(&arguments(request, &chart, &values, kubernetes), RENDER_TIMEOUT).await?;
    let mut objects = object::parse(&rendered)
        .map_err(|error| Failure::step(format!("the rendered chart is invalid: {error}"), ""))?;
    for object in &mut objects {
        prepare(object, request);
    }
    object::sort(&mut objects);
    Ok(objects)
}

/// Writes chart and values to disk, and returns their paths. The values contain the password, so it is not in helm's arguments.
fn write(folder: &Path, request: &Request, credentials: &Credentials) -> std::io::Result<(String, String)> {
    let given = request.charts.iter().rfind(|option| option.chart == CHART_NAME);
    let given = given.map(|option| match &option.source {
        ChartSource::Path(path) => path.to_string_lossy().into_owned(),
        ChartSource::Url(url) | ChartSource::Repository(url) => url.clone(),
    });
    let chart = match given {
        Some(chart) => chart,
        None => {
            let chart = folder.join(CHART_NAME);
            std::fs::create_dir(&chart)?;
            CHART.extract(&chart)?;
            chart.to_string_lossy().into_owned()
        }
    };
    let values = folder.join("values.json");
    write_private(&values, &own_values(request, credentials))?;
    Ok((chart, values.to_string_lossy().into_owned()))
}

/// Writes values to a file that only the user may read.
///
/// # Errors
/// If it cannot be written.
pub fn write_private(path: &Path, values: &Value) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(values.to_string().as_bytes())
}

fn arguments(request: &Request, chart: &str, values: &str, kubernetes: &str) -> Vec<String> {
    let mut words = vec!["template", CHART_NAME, chart, "--namespace", &request.namespace, "--no-hooks"];
    words.extend(["--kube-version", kubernetes]);
    for api in STACK_APIS {
        words.extend(["--api-versions", api]);
    }
    words.extend(["--values", values]);
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    for file in &request.values {
        words.extend(["--values".to_owned(), file.to_string_lossy().into_owned()]);
    }
    for set in &request.set {
        words.extend(["--set".to_owned(), set.clone()]);
    }
    words
}

fn prepare(object: &mut Value, request: &Request) {
    object::set_namespace(object, &request.namespace);
    owner::mark(object, &request.namespace, request.profile.name());
    encode(object);
    // `surge down` removes objects that helm would keep.
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove("helm.sh/resource-policy");
        if annotations.is_empty()
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.remove("annotations");
        }
    }
}

/// Moves a Secret's `stringData` to `data`, as the API server stores it, for comparisons.
fn encode(object: &mut Value) {
    if object["kind"] != "Secret" {
        return;
    }
    let Some(Value::Object(texts)) = object.as_object_mut().and_then(|object| object.remove("stringData"))
    else {
        return;
    };
    for (key, text) in texts {
        object["data"][key] = STANDARD.encode(text.as_str().unwrap_or_default()).into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Profile, Stack};
    use crate::stack_options::StackOptions;

    fn request() -> Request {
        Request {
            flags: cluster::connect::ConnectFlags::default(),
            namespace: "demo".into(),
            profile: Profile::Keda,
            values: vec!["mine.yaml".into()],
            set: vec!["hpa.maxReplicas=4".into()],
            stack: Stack::Skip,
            stack_options: StackOptions::default(),
            charts: Vec::new(),
            images: vec!["worker=h/w:1".parse().unwrap()],
            archives: None,
            timeout: Duration::from_secs(1),
            command_line: Vec::new(),
        }
    }

    fn credentials() -> Credentials {
        Credentials { username: "u".into(), password: "hidden".into() }
    }

    #[test]
    fn the_password_is_not_in_helms_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let (chart, values) = write(folder.path(), &request(), &credentials()).unwrap();
        let words = arguments(&request(), &chart, &values, "v1.34.4");
        assert!(!words.join(" ").contains("hidden"));
        // Later values override earlier ones.
        assert_eq!(words[words.len() - 4..], ["--values", "mine.yaml", "--set", "hpa.maxReplicas=4"]);
        let written: Value = serde_json::from_str(&std::fs::read_to_string(&values).unwrap()).unwrap();
        assert_eq!(written["rabbitmq"]["auth"]["password"], "hidden");
        assert_eq!(written["metrics"]["source"], "keda");
        assert_eq!(written["images"], json!({"worker": "h/w:1"}));
        assert!(Path::new(&chart).join("Chart.yaml").is_file());
    }

    #[test]
    fn string_data_becomes_data() {
        let mut object = json!({"kind": "Secret", "metadata": {"name": "a", "annotations": {"helm.sh/resource-policy": "keep"}},
                                "stringData": {"password": "hidden"}});
        prepare(&mut object, &request());
        assert_eq!(object["data"]["password"], "aGlkZGVu");
        assert!(object.get("stringData").is_none() && object["metadata"].get("annotations").is_none());
    }
}
