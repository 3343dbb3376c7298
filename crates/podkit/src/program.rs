//! From arguments to exit code: what both `main`s and `surge pod NAME` do around a program.

use std::{
    ffi::OsString,
    fmt::{Debug, Display},
    io::Write as _,
    net::SocketAddr,
    process::ExitCode,
};

use clap::{Args, Parser};
use contract::settings as names_of;

use crate::{health, logging, logging::LogFormat, shutdown::Shutdown};

/// Settings of the process rather than of its work.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Process")]
pub struct ProcessArgs {
    /// Form of the log on standard error
    #[arg(long, env = names_of::LOG_FORMAT, value_name = "LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// What is logged: a level, or a level for each part, such as warn,producer=debug [default: info]
    #[arg(long, env = "RUST_LOG", value_name = "RUST_LOG")]
    pub rust_log: Option<String>,
    /// Ask the program that listens on LISTEN whether it is ready, and exit 0 or 1
    #[arg(long)]
    pub probe: bool,
}

/// A program's settings, as far as starting it needs them.
pub trait Settings: Parser + Debug {
    /// Address to listen on when no listener was inherited.
    fn listen(&self) -> SocketAddr;
    /// Log and the like.
    fn process(&self) -> &ProcessArgs;
}

/// Wrong usage, by the convention of clap and of `sysexits`' elders.
const USAGE: u8 = 2;

/// Reads the arguments (the first is the program's name), starts log, runtime and signal handlers, and runs the program.
///
/// With `listener` the program serves on it instead of binding its own. The exit code is 0 after a clean end, also by
/// the first signal; 1 when the program failed or the one that was probed is not ready; 2 for wrong arguments; 143 or 130 by a second signal.
///
/// One thread runs everything but the broker's socket, which has lapin's thread: a process that may stand a hundred
/// times on one machine must be small, and publishing from one thread keeps delivery tags in the order of the frames.
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
        Err(error) => {
            // A closed standard output is nobody's loss here.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(USAGE));
        }
    };
    if settings.process().probe {
        return probe(settings.listen());
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
    // Threads that resolve names cannot be interrupted, and nothing is owed to them.
    runtime.shutdown_background();
    code
}

fn probe(address: SocketAddr) -> ExitCode {
    let (said, code) = match health::ask(address) {
        Ok(said) => (said, ExitCode::SUCCESS),
        Err(said) => (said, ExitCode::FAILURE),
    };
    // A closed standard output is nobody's loss here.
    let _ = writeln!(std::io::stdout(), "{}", said.trim_end());
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
        |error: std::io::Error| format!("{}: cannot listen on {address}: {error}", names_of::LISTEN);
    let listener = match inherited {
        Some(listener) => listener,
        None => std::net::TcpListener::bind(address).map_err(refused)?,
    };
    listener.set_nonblocking(true).map_err(refused)?;
    tokio::net::TcpListener::from_std(listener).map_err(refused)
}
