//! Credential plugins (`users[].user.exec`).
//!
//! Source: client-go, plugin/pkg/client/auth/exec. The plugin runs once a connection, without a terminal; its arguments and its
//! environment may be secret and are never printed.

use std::process::Stdio;

use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

/// Longest standard error of a plugin in a message, in bytes.
const MAX_STDERR: usize = 1_000;

/// A credential plugin.
#[derive(Clone)]
pub(super) struct Plugin {
    exec: ExecConfig,
    command: String,
    cluster: Option<Value>,
}

/// The credentials that a plugin prints.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Credentials {
    pub(super) token: Option<String>,
    pub(super) client_certificate_data: Option<String>,
    pub(super) client_key_data: Option<String>,
    pub(super) expiration_timestamp: Option<Timestamp>,
}

#[derive(Deserialize)]
struct ExecCredential {
    status: Option<Credentials>,
}

/// The failure of a plugin.
pub(super) struct PluginError {
    /// The cause.
    pub(super) cause: String,
    /// The fix.
    pub(super) fix: String,
}

impl Plugin {
    /// A plugin; `cluster` is the cluster info that it wants.
    ///
    /// # Errors
    /// For a plugin without a command, and for one that needs a terminal.
    pub(super) fn new(exec: ExecConfig, cluster: Option<Value>) -> Result<Self, (String, &'static str)> {
        let command = exec.command.clone().filter(|command| !command.is_empty());
        let Some(command) = command else {
            return Err(("exec.command is empty".to_owned(), "set it to the credential plugin"));
        };
        if exec.interactive_mode == Some(ExecInteractiveMode::Always) {
            let cause = format!("credential plugin {command} needs a terminal (interactiveMode: Always)");
            return Err((cause, "log in with kubectl first, or use a plugin without questions"));
        }
        Ok(Self { exec, command, cluster })
    }

    /// Runs the plugin. Dropping the future ends it.
    pub(super) async fn run(&self) -> Result<Credentials, PluginError> {
        let Self { exec, command, cluster } = self;
        let name = format!("credential plugin {command}");
        let info = json!({
            "kind": "ExecCredential",
            "apiVersion": exec.api_version,
            "spec": {"interactive": false, "cluster": cluster},
        });
        let mut process = Command::new(command);
        process.args(exec.args.iter().flatten());
        for variable in exec.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                process.env(name, value);
            }
        }
        process.env("KUBERNETES_EXEC_INFO", info.to_string()).stdin(Stdio::null()).kill_on_drop(true);
        let output = process.output().await.map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                let hint = exec.install_hint.as_deref().map(str::trim).filter(|hint| !hint.is_empty());
                let fix = hint.map_or_else(|| format!("install {command}"), str::to_owned);
                return PluginError { cause: format!("{name} is not installed"), fix };
            }
            PluginError {
                cause: format!("{name} does not start: {error}"),
                fix: "check the user's exec.command".to_owned(),
            }
        })?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let start = stderr.len().saturating_sub(MAX_STDERR);
            let stderr = stderr.get(start..).unwrap_or_default().trim();
            let stderr = if stderr.is_empty() { "no message" } else { stderr };
            return Err(PluginError {
                cause: format!("{name} failed ({}): {stderr}", output.status),
                fix: "log in again with that program".to_owned(),
            });
        }
        let parsed: Result<ExecCredential, _> = serde_json::from_slice(&output.stdout);
        parsed.ok().and_then(|credential| credential.status).ok_or_else(|| PluginError {
            cause: format!("{name} printed no ExecCredential with a status"),
            fix: "check the user's exec.args and exec.apiVersion".to_owned(),
        })
    }
}
