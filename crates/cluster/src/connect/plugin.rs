//! Credential plugins (`users[].user.exec`).
//!
//! Source: client-go, plugin/pkg/client/auth/exec. A plugin runs once a process, until its credentials expire or a server rejects
//! them. It may ask the user while the terminal is free. Its arguments and its environment may be secret and are never printed.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::process::Stdio;

use jiff::Timestamp;
use kube::config::ExecConfig;
pub(super) use kube::config::ExecInteractiveMode as Asks;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::Mutex;

/// Longest standard error of a plugin in a message, in bytes.
const MAX_STDERR: usize = 1_000;

/// Shortest argument or variable that is taken for a secret.
const MIN_SECRET: usize = 8;

/// The credentials of this process, by plugin. The lock is held while a plugin runs, so that it asks once.
static KNOWN: Mutex<BTreeMap<String, Credentials>> = Mutex::const_new(BTreeMap::new());

/// The state of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Terminal {
    /// A plugin may ask the user.
    Free,
    /// The dashboard draws on it.
    Taken,
}

/// A credential plugin.
#[derive(Clone)]
pub(super) struct Plugin {
    exec: ExecConfig,
    command: String,
    cluster: Option<Value>,
}

/// The credentials that a plugin prints.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Credentials {
    pub(super) token: Option<String>,
    pub(super) client_certificate_data: Option<String>,
    pub(super) client_key_data: Option<String>,
    pub(super) expiration_timestamp: Option<Timestamp>,
}

impl Credentials {
    /// The PEM texts of the client certificate and its key.
    pub(super) fn certificate(&self) -> Option<(&[u8], &[u8])> {
        Some((
            self.client_certificate_data.as_deref()?.as_bytes(),
            self.client_key_data.as_deref()?.as_bytes(),
        ))
    }

    fn is_valid(&self) -> bool {
        self.expiration_timestamp.is_none_or(|expires| expires > Timestamp::now())
    }
}

#[derive(Deserialize)]
struct ExecCredential {
    status: Option<Credentials>,
}

/// The failure of a plugin.
#[derive(Debug)]
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
    /// For a plugin without a command.
    pub(super) fn new(exec: ExecConfig, cluster: Option<Value>) -> Result<Self, (String, &'static str)> {
        let command = exec.command.clone().filter(|command| !command.is_empty());
        let Some(command) = command else {
            return Err(("exec.command is empty".to_owned(), "set it to the credential plugin"));
        };
        Ok(Self { exec, command, cluster })
    }

    /// The plugin's `interactiveMode`; client-go has the same default.
    pub(super) fn asks(&self) -> Asks {
        self.exec.interactive_mode.clone().unwrap_or(Asks::IfAvailable)
    }

    /// The credentials: those of an earlier run in this process while they are valid, else those of a new run.
    pub(super) async fn credentials(&self, terminal: Terminal) -> Result<Credentials, PluginError> {
        let mut known = KNOWN.lock().await;
        match known.get(&self.key()) {
            Some(credentials) if credentials.is_valid() => Ok(credentials.clone()),
            _ => self.run_into(&mut known, terminal).await,
        }
    }

    /// The credentials of a new run, while the terminal may be in use.
    pub(super) async fn renew(&self) -> Result<Credentials, PluginError> {
        self.run_into(&mut *KNOWN.lock().await, Terminal::Taken).await
    }

    /// Forgets the credentials, which a server rejected.
    pub(super) async fn forget(&self) {
        KNOWN.lock().await.remove(&self.key());
    }

    /// Everything that the credentials depend on.
    fn key(&self) -> String {
        json!([self.exec, self.cluster]).to_string()
    }

    async fn run_into(
        &self,
        known: &mut BTreeMap<String, Credentials>,
        terminal: Terminal,
    ) -> Result<Credentials, PluginError> {
        let credentials = self.run(terminal).await?;
        known.insert(self.key(), credentials.clone());
        Ok(credentials)
    }

    /// Runs the plugin. Dropping the future ends it.
    async fn run(&self, terminal: Terminal) -> Result<Credentials, PluginError> {
        let Self { exec, command, cluster } = self;
        let name = format!("credential plugin {command}");
        let mode = self.asks();
        let asks = terminal == Terminal::Free && mode != Asks::Never && std::io::stdin().is_terminal();
        if !asks && mode == Asks::Always {
            return Err(PluginError {
                cause: format!("{name} needs a terminal to ask for a login (interactiveMode: Always)"),
                fix: "start surge again on a terminal, or use a plugin without questions".to_owned(),
            });
        }
        let info = json!({
            "kind": "ExecCredential",
            "apiVersion": exec.api_version,
            "spec": {"interactive": asks, "cluster": cluster},
        });
        let mut process = Command::new(command);
        process.args(exec.args.iter().flatten());
        for variable in exec.env.iter().flatten() {
            if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
                process.env(name, value);
            }
        }
        process.env("KUBERNETES_EXEC_INFO", info.to_string()).kill_on_drop(true).stdout(Stdio::piped());
        // A plugin that asks writes its questions to standard error.
        match asks {
            true => process.stdin(Stdio::inherit()).stderr(Stdio::inherit()),
            false => process.stdin(Stdio::null()).stderr(Stdio::piped()),
        };
        let output = async { process.spawn()?.wait_with_output().await };
        let output = output.await.map_err(|error| {
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
            let message = if asks { "its message is above".to_owned() } else { self.message(&output.stderr) };
            return Err(PluginError {
                cause: format!("{name} failed ({}): {message}", output.status),
                fix: "log in again with that program".to_owned(),
            });
        }
        let parsed: Result<ExecCredential, _> = serde_json::from_slice(&output.stdout);
        parsed.ok().and_then(|credential| credential.status).ok_or_else(|| PluginError {
            cause: format!("{name} printed no ExecCredential with a status"),
            fix: "check the user's exec.args and exec.apiVersion".to_owned(),
        })
    }

    /// The end of the plugin's standard error, without its arguments and its environment.
    fn message(&self, stderr: &[u8]) -> String {
        let mut message = String::from_utf8_lossy(stderr).into_owned();
        let variables = self.exec.env.iter().flatten().filter_map(|variable| variable.get("value"));
        let arguments = self.exec.args.iter().flatten();
        let values = arguments.map(|argument| match argument.split_once('=') {
            Some((flag, value)) if flag.starts_with('-') => value,
            _ => argument,
        });
        for secret in variables.map(String::as_str).chain(values).filter(|text| text.len() >= MIN_SECRET) {
            message = message.replace(secret, "…");
        }
        let start = message.len().saturating_sub(MAX_STDERR);
        let start = (start..message.len()).find(|start| message.is_char_boundary(*start)).unwrap_or(start);
        match message.get(start..).unwrap_or_default().trim() {
            "" => "no message".to_owned(),
            end => end.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hide_arguments_and_variables() {
        let exec = json!({
            "command": "login", "args": ["get-it", "--token=correct-horse", "battery-staple"],
            "env": [{"name": "LOGIN", "value": "hunter2-hunter2"}],
        });
        let plugin = Plugin::new(serde_json::from_value(exec).unwrap(), None).unwrap();
        let message = plugin.message(b"get-it: correct-horse, battery-staple, hunter2-hunter2\n");
        assert_eq!(message, "get-it: …, …, …");
        assert_eq!(plugin.message(b" \n"), "no message");
        assert!(plugin.message("é".repeat(2_000).as_bytes()).len() <= MAX_STDERR);
    }
}
