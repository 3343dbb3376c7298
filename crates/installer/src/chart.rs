//! Our own chart, which travels inside the executable: written to a folder, rendered by helm, and marked as ours.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use include_dir::{Dir, include_dir};
use serde_json::{Value, json};

use super::failure::Failure;
use super::helm::Helm;
use super::object;
use super::owner;
use super::request::{Place, Request};
use super::secret::Credentials;

/// Name of our chart.
pub const NAME: &str = "autoscaling-demo";

static CHART: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../charts/autoscaling-demo");
static VALUES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../charts/values");

/// The versions of the charts that others made.
pub const VERSIONS: &str = include_str!("../../../charts/upstream/versions.yaml");

/// How long helm may take to render the chart.
const RENDERING: Duration = Duration::from_secs(60);

/// API groups that a cluster has when the profile's stack is on it, whether or not it is there yet.
const APIS: [&str; 3] = ["monitoring.coreos.com/v1", "keda.sh/v1alpha1", "apiregistration.k8s.io/v1"];

/// A file of `charts/values/`, for a chart that others made.
///
/// # Errors
/// When there is no such file, or it is not YAML.
pub fn values(file: &str) -> Result<Value, Failure> {
    let text = VALUES
        .get_file(file)
        .and_then(include_dir::File::contents_utf8)
        .ok_or_else(|| Failure::step(format!("charts/values/{file} is not in this executable"), ""))?;
    serde_saphyr::from_str(text)
        .map_err(|error| Failure::step(format!("charts/values/{file} cannot be read: {error}"), ""))
}

/// What `values.schema.json` of our chart says; `null` if it cannot be read, which a test excludes.
#[must_use]
pub fn schema() -> Value {
    let text = CHART.get_file("values.schema.json").and_then(include_dir::File::contents_utf8);
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}

/// The values that `up` itself gives to the chart, before those that were asked for.
#[must_use]
pub fn own_values(request: &Request, credentials: &Credentials) -> Value {
    let mut values = json!({
        "managedBy": owner::SURGE,
        "metrics": {"source": request.profile.name()},
        "rabbitmq": {"auth": {"username": credentials.username, "password": credentials.password}},
    });
    for image in &request.images {
        values["images"][image.name.name()] = image.reference.clone().into();
    }
    values
}

/// The chart's objects, complete, ours and in the order of applying.
///
/// # Errors
/// When the chart refuses the values, or helm fails.
pub async fn render(
    helm: &Helm,
    request: &Request,
    credentials: &Credentials,
    kubernetes: &str,
) -> Result<Vec<Value>, Failure> {
    let folder = tempfile::tempdir().map_err(|error| {
        Failure::step(format!("making a folder for the chart failed: {error}"), "look at TMPDIR")
    })?;
    let written = write(folder.path(), request, credentials);
    let (chart, values) = written.map_err(|error| {
        Failure::step(format!("writing the chart to a folder failed: {error}"), "look at TMPDIR")
    })?;
    let said = helm.run(&arguments(request, &chart, &values, kubernetes), RENDERING).await?;
    let mut objects = object::parse(&said)
        .map_err(|error| Failure::step(format!("what helm made of the chart cannot be read: {error}"), ""))?;
    for object in &mut objects {
        prepare(object, request);
    }
    object::sort(&mut objects);
    Ok(objects)
}

/// Chart and values on disk. The values hold the password: the file is the user's alone, and helm's arguments do not show it.
fn write(folder: &Path, request: &Request, credentials: &Credentials) -> std::io::Result<(String, String)> {
    let elsewhere = request.charts.iter().rfind(|at| at.chart == NAME).map(|at| match &at.place {
        Place::Path(path) => path.to_string_lossy().into_owned(),
        Place::Url(url) | Place::Repository(url) => url.clone(),
    });
    let chart = match elsewhere {
        Some(chart) => chart,
        None => {
            let chart = folder.join(NAME);
            std::fs::create_dir(&chart)?;
            CHART.extract(&chart)?;
            chart.to_string_lossy().into_owned()
        }
    };
    let values = folder.join("values.json");
    private(&values, &own_values(request, credentials))?;
    Ok((chart, values.to_string_lossy().into_owned()))
}

/// Writes values to a file that only the user may read.
///
/// # Errors
/// When it cannot be written.
pub fn private(path: &Path, values: &Value) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(values.to_string().as_bytes())
}

fn arguments(request: &Request, chart: &str, values: &str, kubernetes: &str) -> Vec<String> {
    let mut words = vec!["template", NAME, chart, "--namespace", &request.namespace, "--no-hooks"];
    words.extend(["--kube-version", kubernetes]);
    for api in APIS {
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
    object::complete(object, &request.namespace);
    owner::mark(object, &request.namespace, request.profile.name());
    encode(object);
    // What helm keeps is not what we keep, and a later `down` would be told otherwise.
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.remove("helm.sh/resource-policy");
        if annotations.is_empty()
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.remove("annotations");
        }
    }
}

/// Puts a Secret's `stringData` where it is stored, so that what is applied can be compared with what is there.
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

    fn request() -> Request {
        Request {
            flags: cluster::connect::ConnectFlags::default(),
            namespace: "demo".into(),
            profile: Profile::Keda,
            values: vec!["mine.yaml".into()],
            set: vec!["hpa.maxReplicas=4".into()],
            stack: Stack::Skip,
            charts: Vec::new(),
            images: vec!["worker=h/w:1".parse().unwrap()],
            archives: None,
            timeout: Duration::from_secs(1),
            again: Vec::new(),
        }
    }

    fn credentials() -> Credentials {
        Credentials { username: "u".into(), password: "hidden".into() }
    }

    #[test]
    fn the_password_is_in_the_values_and_not_in_the_arguments() {
        let folder = tempfile::tempdir().unwrap();
        let (chart, values) = write(folder.path(), &request(), &credentials()).unwrap();
        let words = arguments(&request(), &chart, &values, "v1.34.4");
        assert!(!words.join(" ").contains("hidden"));
        // Later values win: what was asked for comes after our own.
        assert_eq!(words[words.len() - 4..], ["--values", "mine.yaml", "--set", "hpa.maxReplicas=4"]);
        let written: Value = serde_json::from_str(&std::fs::read_to_string(&values).unwrap()).unwrap();
        assert_eq!(written["rabbitmq"]["auth"]["password"], "hidden");
        assert_eq!(written["metrics"]["source"], "keda");
        assert_eq!(written["images"], json!({"worker": "h/w:1"}));
        assert!(Path::new(&chart).join("Chart.yaml").is_file());
    }

    #[test]
    fn the_executable_has_the_whole_chart() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/autoscaling-demo")];
        let root = folders[0].clone();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let file = CHART.get_file(path.strip_prefix(&root).unwrap());
                let same = file.is_some_and(|file| file.contents() == std::fs::read(&path).unwrap());
                assert!(
                    same,
                    "{} is not in the executable as it is there; touch tui/src/install/chart.rs",
                    path.display()
                );
            }
        }
    }

    #[test]
    fn secrets_are_stored_as_data() {
        let mut object = json!({"kind": "Secret", "metadata": {"name": "a", "annotations": {"helm.sh/resource-policy": "keep"}},
                                "stringData": {"password": "hidden"}});
        prepare(&mut object, &request());
        assert_eq!(object["data"]["password"], "aGlkZGVu");
        assert!(object.get("stringData").is_none() && object["metadata"].get("annotations").is_none());
    }
}
