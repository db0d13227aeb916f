//! The command line: what can be asked, and in which words it is explained.

mod client;
mod doctor;
mod env;
mod instances;
mod logs;
mod serve;
mod size;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use size::ByteSize;

use crate::identity::{AccountId, Region};
use crate::s3::{S3Credentials, S3Endpoint};
use crate::services::ecs::access_point::AccessPoint;
use crate::services::ecs::images::PullBehavior;

/// The port that awslocal, tflocal, cdklocal and Testcontainers point at.
pub const DEFAULT_PORT: u16 = 4566;

/// Amazon ECS on your own machine.
///
/// LocalECS answers the ECS API on a local endpoint and runs tasks as real Docker containers. Start it with `localecs
/// serve`, then point any AWS client at it: `eval "$(localecs env)"` sets AWS_ENDPOINT_URL, keys and region for the
/// AWS CLI, the SDKs and Terraform.
#[derive(Debug, Parser)]
#[command(name = "localecs", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the ECS API until stopped (Ctrl-C or SIGTERM)
    ///
    /// Tasks are Docker containers and outlive the server: the next start adopts those that still run.
    Serve(Box<ServeArgs>),
    /// Check the container engine, permissions and the port, and say how to mend what is wrong
    Doctor(DoctorArgs),
    /// Print the exports that point AWS clients at a running server
    ///
    /// Use it as: eval "$(localecs env)"
    Env(EndpointArgs),
    /// Print what a task's containers print
    ///
    /// Output that goes to CloudWatch Logs (log driver awslogs) can be read after the task has ended as well.
    Logs(logs::LogsArgs),
    /// Add, list or remove virtual container instances
    ///
    /// Each is a bounded share of the engine, of the size of an EC2 instance type.
    Instances(instances::InstancesArgs),
    /// Empty a running server: every resource, container and network it made
    Reset(EndpointArgs),
    /// Say whether a running server is healthy; exit code 0 if so
    Health(EndpointArgs),
    /// Print the version
    Version,
}

/// Where a running server is.
#[derive(Debug, Args)]
pub(crate) struct EndpointArgs {
    /// The server's host name or address
    #[arg(long, env = "LOCALECS_HOST", default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The server's port
    #[arg(long, env = "LOCALECS_PORT", default_value_t = DEFAULT_PORT)]
    pub(crate) port: u16,
    /// The region to use
    #[arg(long, env = "LOCALECS_REGION", default_value = "us-east-1")]
    pub(crate) region: String,
    /// The account to use: 12 digits
    #[arg(long, env = "LOCALECS_ACCOUNT", default_value = "000000000000")]
    pub(crate) account: AccountId,
}

impl EndpointArgs {
    /// `host:port`, with the address to connect to where the host is one to listen on.
    pub(crate) fn authority(&self) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(address) if address.is_unspecified() && address.is_ipv6() => format!("[::1]:{}", self.port),
            Ok(address) if address.is_unspecified() => format!("127.0.0.1:{}", self.port),
            Ok(IpAddr::V6(address)) => format!("[{address}]:{}", self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }
}

#[derive(Debug, Args)]
struct DoctorArgs {
    /// The address the server would listen on
    #[arg(long, env = "LOCALECS_HOST", default_value = "127.0.0.1")]
    host: IpAddr,
    /// The port the server would listen on
    #[arg(long, env = "LOCALECS_PORT", default_value_t = DEFAULT_PORT)]
    port: u16,
    /// The folder the server would keep its state in
    #[arg(long, env = "LOCALECS_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuntimeChoice {
    /// Docker if an engine answers, else simulated
    Auto,
    /// Docker (or Podman); refuse to start without
    Docker,
    /// No containers: tasks are acted out. For tests of clients.
    Simulated,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on
    ///
    /// Whoever reaches it can start containers on this machine: anything but a loopback address is for
    /// networks you trust.
    #[arg(long, env = "LOCALECS_HOST", default_value = "127.0.0.1")]
    pub(crate) host: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, env = "LOCALECS_PORT", default_value_t = DEFAULT_PORT)]
    pub(crate) port: u16,
    /// Folder to keep the state in [default: the user's data folder, e.g. ~/.local/share/localecs]
    #[arg(long, env = "LOCALECS_DATA_DIR", value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Keep the state in memory only (whatever --data-dir says), and stop all tasks at the end
    #[arg(long, env = "LOCALECS_EPHEMERAL")]
    pub(crate) ephemeral: bool,
    /// What runs the tasks
    #[arg(long, env = "LOCALECS_RUNTIME", value_enum, default_value_t = RuntimeChoice::Auto)]
    pub(crate) runtime: RuntimeChoice,
    /// File of container instances that are there from the start (TOML); see docs/instances.md
    #[arg(long, env = "LOCALECS_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Make a container instance that fits when tasks of the EC2 launch type find none with room
    ///
    /// On AWS such tasks fail: "No Container Instances were found in your cluster."
    #[arg(long, env = "LOCALECS_AUTO_INSTANCES")]
    pub(crate) auto_instances: bool,
    /// Region of requests that are not signed
    #[arg(long, env = "LOCALECS_REGION", default_value = "us-east-1")]
    pub(crate) region: String,
    /// Account of requests whose access key id is not an account id: 12 digits
    #[arg(long, env = "LOCALECS_ACCOUNT", default_value = "000000000000")]
    pub(crate) account: AccountId,
    /// Stop all tasks when the server stops, instead of leaving them to the next start
    #[arg(long, env = "LOCALECS_STOP_TASKS_ON_EXIT")]
    pub(crate) stop_tasks_on_exit: bool,
    /// How long stopped tasks can still be described, in seconds
    #[arg(long, env = "LOCALECS_STOPPED_TASK_RETENTION", value_name = "SECONDS", default_value_t = 3600)]
    pub(crate) stopped_task_retention: u64,
    /// How large logs may grow, such as 500MiB; then the oldest events are deleted [default: 1GiB; 128MiB with
    /// --ephemeral, where they are in memory]
    #[arg(long, env = "LOCALECS_LOGS_MAX_SIZE", value_name = "SIZE")]
    pub(crate) logs_max_size: Option<ByteSize>,
    /// Addresses of the default VPC: a /16, moved to the next free one if the engine has a network there
    #[arg(long, env = "LOCALECS_VPC_CIDR", value_name = "CIDR", default_value = "10.192.0.0/16")]
    pub(crate) vpc_cidr: String,
    /// Address of this machine that ports of containers are published on
    #[arg(long, env = "LOCALECS_PUBLISH_ADDRESS", value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) publish_address: IpAddr,
    /// Addresses of this machine for container instances, so that each has its own host ports: a CIDR, `off`, or `auto`
    ///
    /// `auto` is 127.64.0.0/16 on Linux if ports are published on 127.0.0.1, else `off`: then all instances share the
    /// ports of --publish-address.
    #[arg(long, env = "LOCALECS_INSTANCE_ADDRESSES", value_name = "CIDR", default_value = "auto")]
    pub(crate) instance_addresses: String,
    /// When an image is pulled that is here: prefer-cached (never), once, default (each time, if possible), always
    ///
    /// These are the ECS agent's ECS_IMAGE_PULL_BEHAVIOR. With prefer-cached a task starts without asking a registry.
    #[arg(long, env = "LOCALECS_IMAGE_PULL_BEHAVIOR", value_name = "BEHAVIOR", default_value = "prefer-cached")]
    pub(crate) image_pull_behavior: PullBehavior,
    /// Registry that has the images of Amazon ECR: <account>.dkr.ecr.<region>.amazonaws.com/x:1 is pulled as HOST:PORT/x:1
    #[arg(long, env = "LOCALECS_ECR_MIRROR", value_name = "HOST:PORT")]
    pub(crate) ecr_mirror: Option<String>,
    /// What an EFS or S3 Files access point stands for: ID=/DIRECTORY[:UID:GID[:MODE]]; separated by commas
    ///
    /// The directory of the file system is made with that owner and mode (octal) when it is missing. An access point
    /// of which nothing is said is a directory of its own that all may write to.
    #[arg(long, env = "LOCALECS_EFS_ACCESS_POINTS", value_name = "POINTS", value_delimiter = ',')]
    pub(crate) efs_access_points: Vec<AccessPoint>,
    /// Where environment files (arn:aws:s3:::BUCKET/KEY) are read from: any S3 emulator, as http://HOST:PORT
    #[arg(long, env = "LOCALECS_S3_ENDPOINT", value_name = "URL", conflicts_with = "s3_folder")]
    pub(crate) s3_endpoint: Option<S3Endpoint>,
    /// Access key for --s3-endpoint: ACCESS_KEY_ID:SECRET; requests are not signed without
    #[arg(long, env = "LOCALECS_S3_CREDENTIALS", value_name = "KEY", hide_env_values = true)]
    pub(crate) s3_credentials: Option<S3Credentials>,
    /// Folder that environment files are read from, as DIR/BUCKET/KEY, instead of --s3-endpoint
    #[arg(long, env = "LOCALECS_S3_FOLDER", value_name = "DIR")]
    pub(crate) s3_folder: Option<PathBuf>,
    /// What AWS_ENDPOINT_URL is in containers: a URL, `off`, or `auto` for this server
    ///
    /// An app's SDK calls go there. An AWS_ENDPOINT_URL of the task definition's own wins.
    #[arg(long, env = "LOCALECS_CONTAINER_ENDPOINT_URL", value_name = "URL", default_value = "auto")]
    pub(crate) container_endpoint_url: String,
    /// Do not serve 169.254.170.2: containers get no metadata, and no credentials of their task roles
    #[arg(long, env = "LOCALECS_NO_TASK_ENDPOINT")]
    pub(crate) no_task_endpoint: bool,
    /// More host names that clients may use for this server, separated by commas
    ///
    /// Loopback names and addresses are always taken. A name that is not known is refused, so that no web page can
    /// reach the server through a name of its own.
    #[arg(long, env = "LOCALECS_ALLOWED_HOSTS", value_name = "NAMES", value_delimiter = ',')]
    pub(crate) allowed_hosts: Vec<String>,
    /// Web pages that may call this server, such as http://localhost:3000, separated by commas
    #[arg(long, env = "LOCALECS_ALLOWED_ORIGINS", value_name = "ORIGINS", value_delimiter = ',')]
    pub(crate) allowed_origins: Vec<String>,
    /// Refuse requests whose signature is wrong; needs LOCALECS_CREDENTIALS
    #[arg(long, env = "LOCALECS_VERIFY_SIGNATURES")]
    pub(crate) verify_signatures: bool,
    /// Keys for --verify-signatures: ACCESS_KEY_ID:SECRET, separated by commas
    #[arg(long, env = "LOCALECS_CREDENTIALS", value_name = "KEYS", hide_env_values = true)]
    pub(crate) credentials: Option<String>,
    /// Another emulator, such as http://localhost:4567, for services that LocalECS does not have
    ///
    /// Requests are passed on as they come, so that S3, SQS and others are reached through this server too.
    #[arg(long, env = "LOCALECS_UPSTREAM_ENDPOINT", value_name = "URL")]
    pub(crate) upstream_endpoint: Option<String>,
    /// Where Lambda is, such as http://localhost:9001: lifecycle hooks of deployments are invoked there
    ///
    /// Any emulator of Lambda's Invoke call will do, AWS's own Runtime Interface Emulator too (its function is called
    /// "function").
    #[arg(long, env = "LOCALECS_LAMBDA_ENDPOINT", value_name = "URL")]
    pub(crate) lambda_endpoint: Option<String>,
    /// Fail tasks whose roles do not exist, do not trust ECS, or lack a permission, as AWS does
    ///
    /// Without it any role will do, and is made up if it does not exist.
    #[arg(long, env = "LOCALECS_STRICT_IAM")]
    pub(crate) strict_iam: bool,
    /// What to log, as in RUST_LOG: error, warn, info, debug, localecs=debug ...
    #[arg(long, env = "LOCALECS_LOG", value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,
    /// How log lines look
    #[arg(long, env = "LOCALECS_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
}

impl ServeArgs {
    fn region(&self) -> Region {
        Region::new(&self.region)
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Serve(args) => {
            init_log(&args.log, args.log_format);
            block_on(serve::run(*args))
        }
        Command::Doctor(args) => block_on(doctor::run(args.host, args.port, data_dir(args.data_dir))),
        Command::Env(args) => {
            print!("{}", env::exports(&args));
            Ok(ExitCode::SUCCESS)
        }
        Command::Logs(args) => block_on(logs::run(args)),
        Command::Instances(args) => block_on(instances::run(args)),
        Command::Reset(args) => block_on(async move {
            client::call(&args.authority(), "POST", "/_localecs/reset").await?;
            println!("LocalECS at {} is empty", args.authority());
            Ok(ExitCode::SUCCESS)
        }),
        Command::Health(args) => block_on(async move {
            println!("{}", client::call(&args.authority(), "GET", "/_localecs/health").await?);
            Ok(ExitCode::SUCCESS)
        }),
        Command::Version => {
            println!("localecs {}", env!("CARGO_PKG_VERSION"));
            Ok(ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("localecs: {error:#}");
        ExitCode::FAILURE
    })
}

fn block_on(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// The folder the state is kept in: as given, else where the user's programs keep theirs.
fn data_dir(given: Option<PathBuf>) -> PathBuf {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given
        .or_else(|| from("XDG_DATA_HOME").map(|data| data.join("localecs")))
        .or_else(|| from("HOME").map(|home| home.join(".local/share/localecs")))
        .unwrap_or_else(|| PathBuf::from("/var/lib/localecs"))
}

/// Logs go to standard error: standard output belongs to what a command prints.
fn init_log(filter: &str, format: LogFormat) {
    use std::io::{IsTerminal, stderr};
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|error| {
        eprintln!("localecs: the log filter {filter:?} is not understood ({error}); info is used");
        EnvFilter::new("info")
    });
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_target(false);
    match format {
        LogFormat::Text => subscriber.with_ansi(stderr().is_terminal()).init(),
        LogFormat::Json => subscriber.json().init(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn one_connects_to_an_address_one_can_connect_to() {
        let endpoint = |host: &str| {
            let args = EndpointArgs {
                host: host.to_owned(),
                port: 4566,
                region: "us-east-1".to_owned(),
                account: AccountId::DEFAULT,
            };
            args.authority()
        };
        assert_eq!(endpoint("0.0.0.0"), "127.0.0.1:4566");
        assert_eq!(endpoint("::"), "[::1]:4566");
        assert_eq!(endpoint("::1"), "[::1]:4566");
        assert_eq!(endpoint("localecs"), "localecs:4566");
    }
}
