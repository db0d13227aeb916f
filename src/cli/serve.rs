//! `localecs serve`: reads the settings, chooses the runtime, listens, and stops cleanly.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::size::ByteSize;
use super::{RuntimeChoice, ServeArgs};
use crate::app::{App, EngineChoice, Parts};
use crate::config::Config;
use crate::http;
use crate::identity::credentials::Credentials;
use crate::ids::IdSource;
use crate::inside::ContainerEndpoint;
use crate::logstore::{self, LogStore};
use crate::runtime::ContainerRuntime;
use crate::runtime::docker::{ConnectOptions, DockerRuntime, FoundEngine};
use crate::runtime::simulated::SimulatedRuntime;
use crate::s3::{S3Endpoint, S3Source};
use crate::services::ecs::network::Cidr;
use crate::services::ecs::resources::container_instance::addresses::InstanceAddresses;
use crate::services::ecs::virtual_instances;
use crate::services::ecs::virtual_instances::file::{Done, File};
use crate::store::Store;
use crate::time::Clock;

/// How long stopping all tasks may take: longer than the longest stopTimeout (120 s).
const STOP_PATIENCE: Duration = Duration::from_secs(150);

pub(super) async fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let config = config(&args)?;
    let file = args.config.as_deref().map(virtual_instances::file::read).transpose()?;
    let listener = TcpListener::bind((args.host, args.port)).await.with_context(|| {
        format!(
            "can't listen on {}:{}: stop what listens there, or choose another port with --port or LOCALECS_PORT",
            args.host, args.port
        )
    })?;
    let address = listener.local_addr()?;
    let (clock, ids) = (Clock::system(), IdSource::random());
    // The engine is looked for while the store is read: both take milliseconds, or longer.
    let looking = tokio::spawn(find(args.runtime));
    let max_logs = args.logs_max_size.map(|ByteSize(bytes)| bytes);
    let (store, logs) = if args.ephemeral {
        let max_logs = max_logs.unwrap_or(logstore::DEFAULT_MAX_BYTES_IN_MEMORY);
        (Store::in_memory(&ids), LogStore::in_memory(clock.clone(), max_logs)?)
    } else {
        let (folder, ids, clock) = (super::data_dir(args.data_dir.clone()), ids.clone(), clock.clone());
        let opening = move || {
            // The store first: it holds the folder against other processes.
            let store = Store::open(&folder, &ids)?;
            let logs = LogStore::open(&folder, clock, max_logs.unwrap_or(logstore::DEFAULT_MAX_BYTES))?;
            anyhow::Ok((store, logs))
        };
        tokio::task::spawn_blocking(opening).await??
    };
    let (runtime, engine) = match looking.await?? {
        Found::Engine(found) => {
            let runtime: Arc<dyn ContainerRuntime> = Arc::new(DockerRuntime::of(*found, store.id()));
            (runtime, EngineChoice { runtime: "docker", reason: None })
        }
        Found::Nothing { reason } => {
            let runtime: Arc<dyn ContainerRuntime> =
                Arc::new(SimulatedRuntime::new(store.id(), clock.clone(), ids.clone()));
            (runtime, EngineChoice { runtime: "simulated", reason })
        }
    };
    let app = App::start(Parts { store, logs, clock, ids, config, runtime, engine }).await;
    if let Some(file) = &file {
        bring_about(&app, file).await?;
    }
    let api = app.http();
    app.open_inside(api.clone(), address.port());
    announce(address, &app);
    let stop = stop_signal()?;
    let events = app.events.clone();
    let stop = async move {
        stop.await;
        // Whoever follows the events would keep the server from ending.
        events.close();
    };
    http::serve(listener, api, stop).await;
    app.shared.exec.close_all().await;
    if args.stop_tasks_on_exit || args.ephemeral {
        tracing::info!("stopping all tasks");
        app.scheduler.halt();
        app.daemons.halt();
        // Who asks again does not want to wait for programs that are slow to stop.
        let again = stop_signal()?;
        let stopping = tokio::time::timeout(STOP_PATIENCE, app.agent.stop_all("LocalECS is stopping"));
        tokio::select! {
            stopped = stopping => match stopped {
                Ok(stopped) => stopped?,
                Err(_) => {
                    bail!("some tasks could not be stopped within {STOP_PATIENCE:?}; their containers may still run")
                }
            },
            () = again => bail!("asked to stop twice: containers of tasks may still run"),
        }
        if args.ephemeral {
            // Nobody will know its shared volumes any more.
            app.agent.purge().await?;
        }
    }
    app.inside.leave().await;
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The container instances of the configuration file.
async fn bring_about(app: &App, file: &File) -> anyhow::Result<()> {
    let shared = &app.shared;
    let work = shared.store.transact(|tx| virtual_instances::file::bring_about(tx, shared, file));
    let Done { kept, made, terminated } = work.await.context("--config")?;
    tracing::info!(kept, made, terminated, "container instances of the configuration file");
    Ok(())
}

fn config(args: &ServeArgs) -> anyhow::Result<Config> {
    let credentials: Option<Credentials> = match (args.verify_signatures, &args.credentials) {
        (false, _) => None,
        (true, None) => bail!("--verify-signatures needs the keys to verify with: set LOCALECS_CREDENTIALS=ID:SECRET"),
        (true, Some(pairs)) => Some(pairs.parse()?),
    };
    if let Some(endpoint) = &args.upstream_endpoint {
        http::upstream::check(endpoint).context("--upstream-endpoint")?;
    }
    let lambda_endpoint = args.lambda_endpoint.as_deref().map(http::upstream::host_and_port).transpose();
    let lambda_endpoint = lambda_endpoint.context("--lambda-endpoint")?;
    args.vpc_cidr.parse::<Cidr>().with_context(|| format!("--vpc-cidr {:?}", args.vpc_cidr))?;
    Ok(Config {
        account: args.account,
        region: args.region(),
        stopped_task_retention: Duration::from_secs(args.stopped_task_retention),
        vpc_cidr: args.vpc_cidr.clone(),
        publish_address: args.publish_address,
        instance_addresses: instance_addresses(args)?,
        auto_instances: args.auto_instances,
        access_points: args.efs_access_points.clone(),
        image_pull_behavior: args.image_pull_behavior,
        ecr_mirror: args.ecr_mirror.clone().filter(|mirror| !mirror.is_empty()),
        allowed_hosts: args.allowed_hosts.clone(),
        allowed_origins: args.allowed_origins.clone(),
        s3: s3(args)?,
        verify_signatures: credentials,
        upstream_endpoint: args.upstream_endpoint.clone(),
        lambda_endpoint,
        strict_iam: args.strict_iam,
        task_endpoint: !args.no_task_endpoint,
        container_endpoint: container_endpoint(&args.container_endpoint_url)?,
        ..Config::default()
    })
}

fn s3(args: &ServeArgs) -> anyhow::Result<S3Source> {
    Ok(match (&args.s3_endpoint, &args.s3_folder) {
        (Some(endpoint), _) => {
            S3Source::Endpoint(S3Endpoint { credentials: args.s3_credentials.clone(), ..endpoint.clone() })
        }
        (None, _) if args.s3_credentials.is_some() => bail!("--s3-credentials are for --s3-endpoint, which is missing"),
        (None, Some(folder)) => {
            let folder = folder.canonicalize().with_context(|| format!("--s3-folder {}", folder.display()))?;
            S3Source::Folder(folder)
        }
        (None, None) => S3Source::Nowhere,
    })
}

/// What container instances get on Linux, where all of 127.0.0.0/8 is this machine.
const LOOPBACK_ADDRESSES: &str = "127.64.0.0/16";

fn instance_addresses(args: &ServeArgs) -> anyhow::Result<Option<InstanceAddresses>> {
    let range = match args.instance_addresses.as_str() {
        "off" => return Ok(None),
        "auto" if cfg!(target_os = "linux") && args.publish_address == Ipv4Addr::LOCALHOST => LOOPBACK_ADDRESSES,
        "auto" => return Ok(None),
        given => given,
    };
    Ok(Some(range.parse().with_context(|| format!("--instance-addresses {range:?}"))?))
}

fn container_endpoint(given: &str) -> anyhow::Result<ContainerEndpoint> {
    Ok(match given {
        "auto" => ContainerEndpoint::Own,
        "off" => ContainerEndpoint::Off,
        url if url.starts_with("http://") || url.starts_with("https://") => ContainerEndpoint::Url(url.to_owned()),
        other => bail!("--container-endpoint-url {other:?} is neither a URL nor `auto` or `off`"),
    })
}

/// What there is to run tasks on.
enum Found {
    Engine(Box<FoundEngine>),
    /// Tasks are simulated: because that was asked for, or else for a reason.
    Nothing {
        reason: Option<String>,
    },
}

/// Looks for the engine, unless the user wants none.
async fn find(choice: RuntimeChoice) -> anyhow::Result<Found> {
    if choice == RuntimeChoice::Simulated {
        return Ok(Found::Nothing { reason: None });
    }
    match DockerRuntime::find(&ConnectOptions::from_env()).await {
        Ok(found) => Ok(Found::Engine(Box::new(found))),
        Err(error) if choice == RuntimeChoice::Docker => bail!(
            "{error}\nStart Docker (docker/ensure-engine installs and starts it on \
             Debian and Ubuntu), set DOCKER_HOST, or run `localecs doctor`."
        ),
        Err(error) => {
            tracing::warn!(
                "no container engine answers, so tasks are only simulated (no containers run); `localecs doctor` \
                 says how to mend that"
            );
            Ok(Found::Nothing { reason: Some(error.to_string()) })
        }
    }
}

/// One line that says where it is. On standard output, so that a script can wait for it and read the port.
fn announce(address: SocketAddr, app: &App) {
    println!("LocalECS {} listens on http://{address} ({} runtime)", env!("CARGO_PKG_VERSION"), app.engine.runtime);
}

/// Resolves at the first SIGTERM or Ctrl-C.
fn stop_signal() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
