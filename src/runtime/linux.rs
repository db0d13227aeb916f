//! What a container asks of Linux beyond limits and a network, in Docker's terms. The simulated runtime has no
//! kernel: it leaves all of this aside.

use std::collections::BTreeMap;

use super::ContainerId;

/// What is empty, false or `None` is left to the engine.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinuxParameters.html>
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LinuxOptions {
    /// Without `CAP_`: `NET_ADMIN`, or `ALL`.
    pub add_capabilities: Vec<String>,
    pub drop_capabilities: Vec<String>,
    pub devices: Vec<Device>,
    /// The GPUs to use, by the ids the nvidia driver gives them.
    pub gpu_ids: Vec<String>,
    /// Run an init process that reaps what the container's own processes leave behind.
    pub init: Option<bool>,
    /// The size of /dev/shm.
    pub shared_memory_bytes: Option<i64>,
    /// The options of an in-memory file system (`rw,noexec,size=64m`), by its path.
    pub tmpfs: BTreeMap<String, String>,
    /// How much swap it may use on top of its memory limit; none unless given.
    pub swap_bytes: Option<i64>,
    /// 0 to 100.
    pub swappiness: Option<i64>,
    pub ulimits: Vec<Ulimit>,
    pub sysctls: BTreeMap<String, String>,
    pub privileged: bool,
    pub readonly_root_filesystem: bool,
    /// As ECS writes them: `no-new-privileges`, `label:level:s0`, `apparmor:profile`.
    pub security_options: Vec<String>,
    pub dns_servers: Vec<String>,
    pub dns_search_domains: Vec<String>,
    /// `name:address`
    pub extra_hosts: Vec<String>,
    /// `container:alias`; the container must run by the time this one starts.
    pub links: Vec<String>,
    pub open_stdin: bool,
    pub tty: bool,
    pub processes: ProcessNamespace,
    pub ipc: IpcNamespace,
}

/// A device of the machine that the engine runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub path_on_host: String,
    pub path_in_container: String,
    /// Of `r`, `w` and `m` (mknod).
    pub permissions: String,
}

/// A limit of the kernel by its name in `setrlimit`, in lower case: `nofile`; -1 is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ulimit {
    pub name: String,
    pub soft: i64,
    pub hard: i64,
}

/// Which processes a container sees (Docker's PidMode).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ProcessNamespace {
    #[default]
    Own,
    Host,
    Container(ContainerId),
}

/// With whom it shares memory, semaphores and message queues (Docker's IpcMode).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum IpcNamespace {
    /// Of its own, shared or not as the engine is set up.
    #[default]
    Default,
    /// Of its own, without /dev/shm.
    None,
    /// Of its own, which others may join.
    Shareable,
    Host,
    Container(ContainerId),
}
