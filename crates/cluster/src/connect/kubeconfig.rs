//! The kubeconfig: found, merged, checked, and reduced to one context. Follows client-go (`tools/clientcmd`).

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use kube::Config;
use kube::config::{AuthInfo, Cluster, ExecAuthCluster, Kubeconfig, KubeconfigError, NamedContext};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::identity::Identity;
use super::plugin::Plugin;
use super::{ConnectError, ConnectFlags, proxy};

/// A context with all of its parts.
pub(super) struct Selected {
    /// Name of the context.
    pub(super) context: String,
    /// The configuration, without the parts below.
    pub(super) config: Config,
    /// The user's credential plugin.
    pub(super) plugin: Option<Plugin>,
    /// The user's token file, if it has no token.
    pub(super) token_file: Option<PathBuf>,
    /// The user's client certificate.
    pub(super) identity: Option<Identity>,
}

impl Selected {
    /// A context whose user needs nothing more than `config`.
    fn of(context: &str, config: Config) -> Self {
        Self { context: context.to_owned(), config, plugin: None, token_file: None, identity: None }
    }
}

/// Reads the kubeconfig and selects the context.
///
/// # Errors
/// [`ConnectError`] names the field and the fix.
pub(super) fn select(flags: &ConnectFlags) -> Result<Selected, ConnectError> {
    let found = read(flags)?;
    if found.is_empty() {
        // A pod has no kubeconfig; its service account is the user.
        if let (None, Ok(config)) = (&flags.context, Config::incluster_env()) {
            return Ok(Selected::of("in-cluster", config));
        }
        return Err(ConnectError::no_kubeconfig(default_paths().first().map(PathBuf::as_path)));
    }
    reduce(&merge(found)?, flags)
}

/// A context of a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextInfo {
    /// Its name.
    pub name: String,
    /// URL of its API server, without credentials; empty if the kubeconfig has none.
    pub server: String,
}

/// The contexts of the kubeconfig, in its order.
///
/// # Errors
/// [`ConnectError`] names the file and the fix.
pub fn contexts(flags: &ConnectFlags) -> Result<Vec<ContextInfo>, ConnectError> {
    let merged = merge(read(flags)?)?;
    let server = |cluster: &str| {
        let found = merged.clusters.iter().find(|named| named.name == cluster)?;
        let url: Uri = found.cluster.as_ref()?.server.as_deref()?.parse().ok()?;
        Some(proxy::redacted(&url))
    };
    let info = |named: &NamedContext| ContextInfo {
        name: named.name.clone(),
        server: named.context.as_ref().and_then(|context| server(&context.cluster)).unwrap_or_default(),
    };
    Ok(merged.contexts.iter().map(info).collect())
}

/// Reads the file of `--kubeconfig`, or the default ones that exist.
fn read(flags: &ConnectFlags) -> Result<Vec<Kubeconfig>, ConnectError> {
    match &flags.kubeconfig {
        Some(path) => Ok(vec![read_file(path)?.ok_or_else(|| ConnectError::no_kubeconfig(Some(path)))?]),
        None => read_list(&default_paths()),
    }
}

fn merge(found: Vec<Kubeconfig>) -> Result<Kubeconfig, ConnectError> {
    let mut merged = Kubeconfig::default();
    for mut next in found {
        // The first file with a context that is not empty decides.
        next.current_context = next.current_context.filter(|name| !name.is_empty());
        merged = merged.merge(next).map_err(|error| invalid(None, &error))?;
    }
    Ok(merged)
}

/// The files of `$KUBECONFIG`, else `~/.kube/config`.
fn default_paths() -> Vec<PathBuf> {
    let list = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let paths: Vec<PathBuf> =
        std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect();
    if paths.is_empty() {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
        return home.map(|home| Path::new(&home).join(".kube/config")).into_iter().collect();
    }
    paths
}

/// Reads the files of a list; missing ones are skipped.
fn read_list(paths: &[PathBuf]) -> Result<Vec<Kubeconfig>, ConnectError> {
    paths.iter().filter_map(|path| read_file(path).transpose()).collect()
}

/// Reads a file; `None` if it does not exist.
fn read_file(path: &Path) -> Result<Option<Kubeconfig>, ConnectError> {
    match Kubeconfig::read_from(path) {
        Ok(kubeconfig) => Ok(Some(kubeconfig)),
        Err(KubeconfigError::ReadConfig(error, _)) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(KubeconfigError::ReadConfig(error, path)) => {
            Err(ConnectError::unreadable_kubeconfig(&path, &error))
        }
        Err(error) => Err(invalid(Some(path), &error)),
    }
}

/// The error of a kubeconfig that cannot be parsed. Only the first line of the cause is printed, without quoted values: a YAML
/// error quotes the file, which may contain secrets.
fn invalid(path: Option<&Path>, error: &KubeconfigError) -> ConnectError {
    let cause = error.to_string();
    let line = cause.lines().next().unwrap_or_default();
    let parts: Vec<&str> = line.split('"').step_by(2).collect();
    ConnectError::invalid_kubeconfig(path, &parts.join("\"…\""))
}

/// Reduces a kubeconfig to the selected context.
fn reduce(kubeconfig: &Kubeconfig, flags: &ConnectFlags) -> Result<Selected, ConnectError> {
    let wanted = flags.context.as_ref().or(kubeconfig.current_context.as_ref()).map_or("", String::as_str);
    let found = kubeconfig.contexts.iter().find(|named| named.name == wanted && !wanted.is_empty());
    let Some(context) = found.and_then(|named| named.context.clone()) else {
        let known: Vec<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
        return Err(ConnectError::no_context(wanted, &known));
    };
    let field = |cause: String, fix: &str| ConnectError::invalid_field(wanted, &cause, fix);
    let clusters = &kubeconfig.clusters;
    let cluster = clusters.iter().find(|named| named.name == context.cluster);
    let Some(cluster) = cluster.and_then(|named| named.cluster.clone()) else {
        return Err(field(format!("cluster {} is missing", context.cluster), "fix the context's cluster"));
    };
    let user = match context.user.as_deref().filter(|user| !user.is_empty()) {
        None => AuthInfo::default(),
        Some(name) => {
            let user = kubeconfig.auth_infos.iter().find(|named| named.name == name);
            let Some(user) = user else {
                return Err(field(format!("user {name} is missing"), "fix the context's user"));
            };
            user.auth_info.clone().unwrap_or_default()
        }
    };
    let mut selected = configure(wanted, &cluster, user).map_err(|(cause, fix)| field(cause, fix))?;
    if let Some(namespace) = context.namespace {
        selected.config.default_namespace = namespace;
    }
    Ok(selected)
}

/// A cause and its fix.
pub(super) type FieldError = (String, &'static str);

fn configure(context: &str, cluster: &Cluster, mut user: AuthInfo) -> Result<Selected, FieldError> {
    let is_insecure = cluster.insecure_skip_tls_verify.unwrap_or(false);
    let ca =
        pem("certificate-authority", &cluster.certificate_authority, &cluster.certificate_authority_data)?;
    if is_insecure && ca.is_some() {
        let cause = "certificate-authority and insecure-skip-tls-verify exclude each other";
        return Err((cause.to_owned(), "remove one of them"));
    }
    let server = server(cluster.server.as_deref().unwrap_or_default(), is_insecure || ca.is_some())?;
    let (server, login) = proxy::without_login(server);
    let mut config = Config::new(server);
    config.root_cert = ca.map(|pem| certificates(&pem)).transpose()?;
    config.accept_invalid_certs = is_insecure;
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.proxy_url = match cluster.proxy_url.as_deref().filter(|url| !url.is_empty()) {
        Some(url) => {
            Some(proxy::parse(url).map_err(|cause| (format!("proxy-url {cause}"), "fix proxy-url"))?)
        }
        None => proxy::from_environment(&config.cluster_url),
    };
    // client-go sends no credentials without TLS.
    if config.cluster_url.scheme_str() == Some("http") {
        return Ok(Selected::of(context, config));
    }
    let identity = identity(&mut user)?;
    if let Some(login) = login {
        add_login(&mut user, &login);
    }
    // Secrets are only readable in their serialized form.
    let secrets = serde_json::to_value(&user).unwrap_or_default();
    if let Some(token) = secrets["token"].as_str()
        && !token.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(("token has invalid characters".to_owned(), "check it for spaces and line breaks"));
    }
    let has_token = secrets["token"].as_str().is_some_and(|token| !token.is_empty());
    let token_file = user.token_file.take().filter(|path| !has_token && !path.is_empty()).map(PathBuf::from);
    let plugin = match user.exec.take() {
        Some(exec) if !has_token && token_file.is_none() => {
            let info = if exec.provide_cluster_info {
                let info = ExecAuthCluster::try_from(cluster);
                info.ok().and_then(|info| serde_json::to_value(info).ok())
            } else {
                None
            };
            Some(Plugin::new(exec, info)?)
        }
        _ => None,
    };
    config.auth_info = user;
    Ok(Selected { context: context.to_owned(), config, plugin, token_file, identity })
}

/// The URL of the API server. Like client-go it accepts `HOST:PORT`.
fn server(text: &str, has_tls: bool) -> Result<Uri, FieldError> {
    if text.is_empty() {
        return Err(("server is empty".to_owned(), "set the cluster's server"));
    }
    let url = match (text.contains("://"), has_tls) {
        (true, _) => text.to_owned(),
        (false, true) => format!("https://{text}"),
        (false, false) => format!("http://{text}"),
    };
    let invalid = || ("server is not a URL".to_owned(), "set it to https://HOST:PORT");
    let url: Uri = url.parse().map_err(|_invalid| invalid())?;
    let is_http = matches!(url.scheme_str(), Some("http" | "https"));
    if is_http && url.host().is_some_and(|host| !host.is_empty()) { Ok(url) } else { Err(invalid()) }
}

/// The PEM text of a field that is a file, or of its `-data` field, which has precedence.
fn pem(field: &str, file: &Option<String>, data: &Option<String>) -> Result<Option<Vec<u8>>, FieldError> {
    if let Some(data) = data.as_deref().filter(|data| !data.is_empty()) {
        let decoded = STANDARD.decode(data.trim());
        let cause = |_error| (format!("{field}-data is not base64"), "fix it, or use a file");
        return decoded.map(Some).map_err(cause);
    }
    let Some(path) = file.as_deref().filter(|path| !path.is_empty()) else { return Ok(None) };
    let cause = |error| (format!("{field} {path} is not readable: {error}"), "fix the path or the file");
    std::fs::read(path).map(Some).map_err(cause)
}

pub(super) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, FieldError> {
    let found: Result<Vec<CertificateDer<'_>>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found.into_iter().map(|der| der.to_vec()).collect()),
        _ => Err(("certificate-authority has no PEM certificate".to_owned(), "set it to the CA's PEM file")),
    }
}

/// Uses the login of the server's URL, unless the user has one, as Go's net/http does.
pub(super) fn add_login(user: &mut AuthInfo, login: &proxy::Login) {
    // A password can only be set by deserialization.
    let fields = serde_json::json!({"username": login.user, "password": login.password});
    if user.username.is_none()
        && let Ok(basic) = serde_json::from_value::<AuthInfo>(fields)
    {
        (user.username, user.password) = (basic.username, basic.password);
    }
}

/// Takes the client certificate and its key out of the user.
fn identity(user: &mut AuthInfo) -> Result<Option<Identity>, FieldError> {
    let secrets = serde_json::to_value(&*user).unwrap_or_default();
    let key_data = secrets["client-key-data"].as_str().filter(|data| !data.is_empty()).map(str::to_owned);
    let certificate_data = user.client_certificate_data.take().filter(|data| !data.is_empty());
    user.client_key_data = None;
    let (certificate_file, key_file) = (user.client_certificate.take(), user.client_key.take());
    let certificate = pem("client-certificate", &certificate_file, &certificate_data)?;
    let key = pem("client-key", &key_file, &key_data)?;
    let (certificate, key) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => return Err(("client-key is missing".to_owned(), "add it to the user")),
        (None, Some(_)) => return Err(("client-certificate is missing".to_owned(), "add it to the user")),
        (None, None) => return Ok(None),
    };
    let identity = Identity::from_pem(&certificate, &key)?;
    Ok(Some(match (certificate_file, key_file, certificate_data, key_data) {
        (Some(certificate), Some(key), None, None) => identity.read_from(certificate.into(), key.into()),
        _ => identity,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn missing_and_empty_files_of_a_list_are_skipped() {
        let folder = std::env::temp_dir().join(format!("surge-kubeconfig-{}", fastrand::u64(..)));
        std::fs::create_dir(&folder).unwrap();
        let paths = [
            folder.join("missing"),
            file(&folder, "empty", ""),
            file(&folder, "first", "{current-context: '', contexts: [{name: a, context: {cluster: c}}]}"),
            file(
                &folder,
                "second",
                "{current-context: a, clusters: [{name: c, cluster: {server: 'http://h:1'}}]}",
            ),
        ];
        let found = read_list(&paths).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(read_list(&paths[..1]).unwrap().len(), 0);
        let broken = file(&folder, "broken", "users: [{name: u, user: {token: [secret]}}]");
        let error = read_list(&[broken]).unwrap_err();
        assert!(error.what.contains("is invalid: ") && !error.what.contains("secret"), "{error:?}");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn servers_may_lack_the_scheme() {
        for (text, has_tls, expected) in [
            ("https://h:6443/path", false, Some("https://h:6443/path")),
            ("h:6443", true, Some("https://h:6443/")),
            ("h:8080", false, Some("http://h:8080/")),
            ("https://[::1]:6443", false, Some("https://[::1]:6443/")),
            ("ftp://h", false, None),
            ("", false, None),
            ("http://", false, None),
        ] {
            let found = server(text, has_tls).ok().map(|url| url.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
