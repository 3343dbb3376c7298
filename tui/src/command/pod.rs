//! `surge pod NAME`: the programs of the sandbox's pods. They are those of the real images, linked into one executable. They
//! take the listeners that they inherit instead of binding their own.

use std::ffi::OsString;
use std::net::TcpListener;
use std::os::fd::{BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::process::ExitCode;

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use tokio_util::sync::CancellationToken;

use cluster::connect;
use cluster::connect::ConnectFlags;

/// First inherited descriptor, by the convention of systemd's socket activation.
const FIRST: RawFd = 3;

/// Name of a port without a name, by the same convention.
const UNNAMED: &str = "unknown";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Program
    name: Name,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    Producer,
    Worker,
    CpuBurner,
    Rabbitmq,
    Prometheus,
}

pub(super) fn main(arguments: Args) -> ExitCode {
    let mut listeners = match Listeners::inherit() {
        Ok(listeners) => listeners,
        Err(sentence) => {
            super::complain(&sentence);
            return ExitCode::FAILURE;
        }
    };
    let named = |name: &str| std::iter::once(OsString::from(name)).chain(arguments.arguments);
    match arguments.name {
        Name::Producer => producer::main_with(named(producer::NAME), listeners.take(&["http"])),
        Name::Worker => worker::main_with(named(worker::NAME), listeners.take(&["metrics"])),
        Name::CpuBurner => cpu_burner::main_with(named(cpu_burner::NAME), listeners.take(&["http"])),
        Name::Rabbitmq => run::<Rabbitmq>(named("rabbitmq"), listeners),
        Name::Prometheus => run::<Prometheus>(named("prometheus"), listeners),
    }
}

/// A server without a program of its own: its command line, and how it runs.
trait Server: Parser {
    /// Serves until `shutdown` is cancelled.
    async fn run(self, listeners: Listeners, shutdown: CancellationToken) -> Result<(), String>;
}

/// Starts log, runtime and signal handlers around a server. The first signal ends it, a second one at once.
fn run<S: Server>(arguments: impl Iterator<Item = OsString>, listeners: Listeners) -> ExitCode {
    let settings = match S::try_parse_from(arguments) {
        Ok(settings) => settings,
        Err(error) => return super::report(&error),
    };
    super::log::to_standard_error();
    let Some(runtime) = super::runtime() else { return ExitCode::FAILURE };
    let result = runtime.block_on(async {
        let shutdown = CancellationToken::new();
        let signals = super::signals::cancel_on_signal(&shutdown).map_err(|error| error.to_string())?;
        let result = settings.run(listeners, shutdown).await;
        signals.abort();
        result
    });
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            super::complain(&sentence);
            ExitCode::FAILURE
        }
    }
}

/// The broker, in the place of RabbitMQ; it reads the variables of RabbitMQ's image.
#[derive(Debug, Parser)]
struct Rabbitmq {
    /// User that may log in
    #[arg(long, env = "RABBITMQ_DEFAULT_USER", default_value = "guest")]
    user: String,
    /// Its password
    #[arg(long, env = "RABBITMQ_DEFAULT_PASS", default_value = "guest", hide_env_values = true)]
    password: String,
    /// Address of AMQP when no listener is inherited
    #[arg(long, default_value = "127.0.0.1:5672")]
    listen: SocketAddr,
}

impl Server for Rabbitmq {
    async fn run(self, mut listeners: Listeners, shutdown: CancellationToken) -> Result<(), String> {
        let config =
            broker::Config { users: [(self.user, self.password)].into(), ..broker::Config::default() };
        let inherited = |listener: Option<TcpListener>| listener.map(from_std).transpose();
        let management = inherited(listeners.take(&["management"]))?;
        let metrics = inherited(listeners.take(&["metrics"]))?;
        let amqp = bind(listeners.take(&["amqp"]), self.listen).await?;
        broker::run(config, broker::Listeners { amqp, management, metrics }, shutdown).await;
        Ok(())
    }
}

/// The scraper, in the place of the Prometheus that the operator would run.
#[derive(Debug, Parser)]
struct Prometheus {
    /// Address to serve on when no listener is inherited
    #[arg(long, default_value = "127.0.0.1:9090")]
    listen: SocketAddr,
    /// Time between two scrapes where the ServiceMonitor gives none
    #[arg(long, value_parser = super::duration::parse)]
    scrape_interval: Option<Duration>,
}

impl Server for Prometheus {
    async fn run(self, mut listeners: Listeners, shutdown: CancellationToken) -> Result<(), String> {
        // The kubeconfig in the environment replaces the service account's token.
        let cluster = connect::load(&ConnectFlags::default()).await.map_err(|obstacle| obstacle.what)?;
        let listener = bind(listeners.take(&["web", "http-web", "http"]), self.listen).await?;
        let mut config = scraper::Config::default();
        if let Some(interval) = self.scrape_interval {
            config.scrape_interval = interval;
            config.scrape_timeout = config.scrape_timeout.min(interval);
        }
        scraper::run(config, cluster.client, listener, shutdown)
            .await
            .map_err(|error| format!("serving failed: {error}"))
    }
}

async fn bind(
    inherited: Option<TcpListener>,
    address: SocketAddr,
) -> Result<tokio::net::TcpListener, String> {
    match inherited {
        Some(listener) => from_std(listener),
        None => tokio::net::TcpListener::bind(address)
            .await
            .map_err(|error| format!("listening on {address} failed: {error}")),
    }
}

fn from_std(listener: TcpListener) -> Result<tokio::net::TcpListener, String> {
    let failed = |error: std::io::Error| format!("an inherited listener cannot be used: {error}");
    listener.set_nonblocking(true).map_err(failed)?;
    tokio::net::TcpListener::from_std(listener).map_err(failed)
}

/// Listeners handed down by the kubelet, by the names of the container's ports.
#[derive(Debug, Default)]
struct Listeners(Vec<(String, TcpListener)>);

impl Listeners {
    /// Takes over the listeners that `LISTEN_FDS` and `LISTEN_FDNAMES` announce. Without these variables the programs bind their
    /// own.
    fn inherit() -> Result<Self, String> {
        let Ok(count) = std::env::var("LISTEN_FDS") else {
            return Ok(Self::default());
        };
        let count: RawFd = count.parse().map_err(|_| format!("LISTEN_FDS={count} is not a number"))?;
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut listeners = Vec::new();
        for descriptor in FIRST..FIRST.saturating_add(count) {
            let name = names.next().filter(|name| !name.is_empty()).unwrap_or(UNNAMED).to_owned();
            let listener = take_over(descriptor)
                .map_err(|error| format!("descriptor {descriptor} ({name}) is not a listener: {error}"))?;
            listeners.push((name, listener));
        }
        Ok(Self(listeners))
    }

    /// The listener with one of these names, else one whose port has no name.
    fn take(&mut self, names: &[&str]) -> Option<TcpListener> {
        let position = |wanted: &dyn Fn(&str) -> bool| self.0.iter().position(|(name, _)| wanted(name));
        let index = position(&|name| names.contains(&name)).or_else(|| position(&|name| name == UNNAMED))?;
        Some(self.0.remove(index).1)
    }
}

#[expect(
    unsafe_code,
    reason = "an inherited descriptor is known by its number alone, for which only the parent can vouch"
)]
fn take_over(descriptor: RawFd) -> std::io::Result<TcpListener> {
    // SAFETY: nothing in this process has opened or closed a descriptor yet; one that is not open fails here.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    rustix::io::fcntl_setfd(borrowed, rustix::io::FdFlags::CLOEXEC)?;
    // SAFETY: it is open, the parent passed it for this use, and each number is taken once.
    let listener = TcpListener::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
    listener.local_addr()?;
    Ok(listener)
}
