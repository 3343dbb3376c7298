//! The frame of a program, from arguments to exit code; `main` and `surge pod NAME` use it.

use std::{
    ffi::OsString,
    fmt::{Debug, Display},
    io::Write as _,
    net::SocketAddr,
    process::ExitCode,
};

use clap::{Args, Parser};
use contract::settings as variables;

use crate::{logging, logging::LogFormat, probe_client, shutdown::Shutdown};

/// Settings of the process.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Process")]
pub struct ProcessArgs {
    /// Format of the log on standard error
    #[arg(long, env = variables::LOG_FORMAT, value_name = "LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// Log filter: a level, or a level per module, such as warn,producer=debug [default: info]
    #[arg(long, env = "RUST_LOG", value_name = "RUST_LOG")]
    pub rust_log: Option<String>,
    /// Check the readiness of the program on LISTEN; exit with 0 or 1
    #[arg(long)]
    pub probe: bool,
}

/// The settings that starting a program needs.
pub trait Settings: Parser + Debug {
    /// Returns the address to listen on if there is no inherited listener.
    fn listen(&self) -> SocketAddr;
    /// Returns the settings of the process.
    fn process(&self) -> &ProcessArgs;
    /// Carries out a check instead of starting the program, if the arguments ask for one. Returns a sentence.
    fn check(&self) -> Option<Result<String, String>> {
        self.process().probe.then(|| probe_client::get_readiness(self.listen()))
    }
}

/// Exit code for invalid arguments, as clap uses it.
const USAGE: u8 = 2;

/// Exit code when standard output cannot be written: EX_IOERR of sysexits.h.
const WRITE_FAILED: u8 = 74;

/// Parses the arguments (the first is the program's name), starts the log, the runtime and the signal handlers, and runs
/// the program. With `listener`, the program serves on it instead of binding an address.
///
/// Exit codes: 0 after a clean end, including the first signal; 1 if the program or its check failed;
/// 2 for invalid arguments; 74 if the help cannot be written; 143 or 130 after a second signal.
///
/// One thread runs everything except lapin's thread for the broker's socket. A machine may run a hundred of these
/// processes, so they must be small.
pub fn main<S, E, R>(
    args: impl IntoIterator<Item = OsString>,
    listener: Option<std::net::TcpListener>,
    run: R,
) -> ExitCode
where
    S: Settings,
    E: Display,
    R: AsyncFnOnce(S, tokio::net::TcpListener, Shutdown) -> Result<(), E>,
{
    let settings = match S::try_parse_from(args) {
        Ok(settings) => settings,
        Err(error) => return report_usage(&error),
    };
    if let Some(result) = settings.check() {
        return report(result);
    }
    logging::start(settings.process().log_format, settings.process().rust_log.as_deref());
    tracing::debug!(?settings, "starting");
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start the runtime: {error}")),
    };
    let code = runtime.block_on(async {
        let shutdown = match Shutdown::on_signals() {
            Ok(shutdown) => shutdown,
            Err(error) => return failed(&format!("cannot handle signals: {error}")),
        };
        let listener = match bind(listener, settings.listen()) {
            Ok(listener) => listener,
            Err(message) => return failed(&message),
        };
        match run(settings, listener, shutdown).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error.to_string()),
        }
    });
    // Threads that resolve host names cannot be interrupted, so the runtime does not wait for them.
    runtime.shutdown_background();
    code
}

/// Prints the help, the version or an error of the arguments, and returns the exit code. A closed pipe is no failure.
fn report_usage(error: &clap::Error) -> ExitCode {
    let written = error.print().and_then(|()| std::io::stdout().flush());
    match written {
        Err(cause) if !error.use_stderr() && cause.kind() != std::io::ErrorKind::BrokenPipe => {
            let _closed = writeln!(std::io::stderr(), "writing to standard output failed: {cause}");
            ExitCode::from(WRITE_FAILED)
        }
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE)),
    }
}

fn report(result: Result<String, String>) -> ExitCode {
    let (answer, code) = match result {
        Ok(answer) => (answer, ExitCode::SUCCESS),
        Err(answer) => (answer, ExitCode::FAILURE),
    };
    // Standard output may be closed.
    let _ = writeln!(std::io::stdout(), "{}", answer.trim_end());
    code
}

fn failed(message: &str) -> ExitCode {
    tracing::error!("{message}");
    ExitCode::FAILURE
}

fn bind(
    inherited: Option<std::net::TcpListener>,
    address: SocketAddr,
) -> Result<tokio::net::TcpListener, String> {
    let refused =
        |error: std::io::Error| format!("{}: cannot listen on {address}: {error}", variables::LISTEN);
    let listener = match inherited {
        Some(listener) => listener,
        None => std::net::TcpListener::bind(address).map_err(refused)?,
    };
    listener.set_nonblocking(true).map_err(refused)?;
    tokio::net::TcpListener::from_std(listener).map_err(refused)
}
