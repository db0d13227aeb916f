//! What could be wrong with the engine, and how to mend it: the checks of `localecs doctor` about containers.

use std::io;

use bollard::models::{SystemInfo, SystemInfoCgroupVersionEnum, SystemVersion};

use super::connect::{self, NotConnected};
use super::errors::{CallError, within};
use super::{ConnectOptions, Endpoint, OLDEST_API, limits, pause};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// A few words: `container engine`.
    pub name: &'static str,
    pub verdict: Verdict,
    /// What was found.
    pub detail: String,
    /// What to do about it, unless all is well.
    pub remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    /// LocalECS works, but not all of it, or not as well.
    Warn,
    /// Tasks cannot run on this engine.
    Fail,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, detail: detail.into(), remedy: None }
    }

    fn warn(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warn, detail: detail.into(), remedy: Some(remedy.into()) }
    }

    fn fail(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fail, detail: detail.into(), remedy: Some(remedy.into()) }
    }
}

/// Looks for the engine and at it. Changes nothing.
pub async fn examine(options: &ConnectOptions) -> Vec<Check> {
    let connection = match connect::connect(options).await {
        Ok(connection) => connection,
        Err(error) => return vec![unreachable(&error)],
    };
    let mut checks = vec![reached(&connection.endpoint, &connection.version)];
    match within(limits::INSPECT, connection.docker.info()).await {
        Ok(info) => checks.extend(judge(&connection.version, &info)),
        Err(error) => checks.push(Check::fail(
            "permission",
            format!("the engine answers, but not about itself: {error}"),
            "use an account that may use the engine, without a proxy that filters its API",
        )),
    }
    checks
}

const ENGINE: &str = "container engine";

fn reached(endpoint: &Endpoint, version: &SystemVersion) -> Check {
    let engine = connect::engine_name(version);
    let number = version.version.as_deref().unwrap_or("of unknown version");
    Check::ok(ENGINE, format!("{engine} {number} at {endpoint}"))
}

fn unreachable(error: &NotConnected) -> Check {
    let detail = error.to_string();
    let is = |kind| {
        error.tried.iter().any(|(_, error)| matches!(error, CallError::Unavailable { io, .. } if *io == Some(kind)))
    };
    let too_old = error
        .tried
        .iter()
        .any(|(_, error)| matches!(error, CallError::Other(message) if message.contains("API version")));
    let remedy = if error.misconfigured.is_some() {
        "unset DOCKER_HOST, or set it to unix:///path/to/the/socket or tcp://host:port".to_owned()
    } else if too_old {
        format!("install Docker Engine 20.10 or newer (API {OLDEST_API})")
    } else if is(io::ErrorKind::PermissionDenied) {
        "add yourself to the group of the socket (sudo usermod -aG docker $USER, then log in again), or run as root"
            .to_owned()
    } else {
        "start Docker, or run docker/ensure-engine, or serve without containers (localecs serve --runtime simulated)"
            .to_owned()
    };
    Check::fail(ENGINE, detail, remedy)
}

/// What the engine's description of itself means for tasks.
fn judge(version: &SystemVersion, info: &SystemInfo) -> Vec<Check> {
    vec![api(version), system(info), architecture(version), resources(info), cgroups(info), storage(info)]
}

fn api(version: &SystemVersion) -> Check {
    // An older one would not have been connected to.
    Check::ok(
        "API version",
        format!("{} ({OLDEST_API} is needed)", version.api_version.as_deref().unwrap_or("unknown")),
    )
}

fn system(info: &SystemInfo) -> Check {
    const NAME: &str = "operating system";
    let detail = format!(
        "{}, kernel {}",
        info.operating_system.as_deref().unwrap_or("unknown"),
        info.kernel_version.as_deref().unwrap_or("unknown")
    );
    match info.os_type.as_deref() {
        Some("linux") => Check::ok(NAME, detail),
        _ => Check::fail(NAME, detail, "switch the engine to Linux containers"),
    }
}

fn architecture(version: &SystemVersion) -> Check {
    const NAME: &str = "architecture";
    let architecture = version.arch.as_deref().unwrap_or("unknown");
    if pause::program(architecture).is_some() {
        Check::ok(NAME, format!("{architecture}, with a pause image"))
    } else {
        Check::warn(
            NAME,
            format!("{architecture}, without a pause image"),
            "tasks in awsvpc mode do not start here: use bridge mode, or an engine on amd64 or arm64",
        )
    }
}

fn resources(info: &SystemInfo) -> Check {
    const NAME: &str = "resources";
    let cpus = info.ncpu.unwrap_or(0);
    let mebibytes = info.mem_total.unwrap_or(0) >> 20;
    let detail = format!("{cpus} CPUs, {mebibytes} MiB of memory");
    if mebibytes < 1024 {
        Check::warn(NAME, detail, "give the engine more memory: two or three tasks of the smallest size fill this")
    } else {
        Check::ok(NAME, detail)
    }
}

fn cgroups(info: &SystemInfo) -> Check {
    const NAME: &str = "limits";
    let version = match info.cgroup_version {
        Some(SystemInfoCgroupVersionEnum::_2) => "cgroup v2",
        // Engines that do not say have no other.
        _ => "cgroup v1",
    };
    let driver = info.cgroup_driver.map(|driver| driver.to_string()).unwrap_or_default();
    let missing: Vec<&str> =
        [(info.memory_limit, "memory limits"), (info.cpu_cfs_quota, "CPU limits"), (info.cpu_shares, "CPU shares")]
            .into_iter()
            .filter_map(|(there, name)| (there == Some(false)).then_some(name))
            .collect();
    if missing.is_empty() {
        let swap = if info.swap_limit == Some(false) { ", without swap limits" } else { "" };
        Check::ok(NAME, format!("{version} ({driver}){swap}"))
    } else {
        Check::warn(
            NAME,
            format!("{version} ({driver}) without {}", missing.join(" and ")),
            "enable these cgroup controllers for the engine; until then tasks run without these limits",
        )
    }
}

fn storage(info: &SystemInfo) -> Check {
    const NAME: &str = "storage driver";
    match info.driver.as_deref().unwrap_or("unknown") {
        "vfs" => Check::warn(
            NAME,
            "vfs",
            "it copies the whole image for each container: starts are slow; use overlay2 or fuse-overlayfs",
        ),
        driver => Check::ok(NAME, driver),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn not_connected(error: CallError) -> NotConnected {
        NotConnected { tried: vec![(Endpoint::Unix(PathBuf::from("/s")), error)], misconfigured: None }
    }

    #[test]
    fn the_remedy_fits_what_is_wrong() {
        let denied = CallError::Unavailable {
            message: "Permission denied (os error 13)".into(),
            io: Some(io::ErrorKind::PermissionDenied),
        };
        let check = unreachable(&not_connected(denied));
        assert_eq!(
            (check.verdict, check.detail.as_str()),
            (Verdict::Fail, "unix:///s: Permission denied (os error 13)")
        );
        assert!(check.remedy.is_some_and(|remedy| remedy.contains("usermod")));

        let check = unreachable(&NotConnected { tried: Vec::new(), misconfigured: None });
        assert!(check.remedy.is_some_and(|remedy| remedy.contains("docker/ensure-engine")));

        let old = CallError::Other("the engine speaks API version 1.40".into());
        assert!(unreachable(&not_connected(old)).remedy.is_some_and(|remedy| remedy.contains("20.10")));
    }

    #[test]
    fn an_engine_that_lacks_something_gets_warnings() {
        let version =
            SystemVersion { api_version: Some("1.41".into()), arch: Some("s390x".into()), ..SystemVersion::default() };
        let info = SystemInfo {
            os_type: Some("linux".into()),
            driver: Some("vfs".into()),
            ncpu: Some(2),
            mem_total: Some(512 << 20),
            memory_limit: Some(false),
            ..SystemInfo::default()
        };
        let warned: Vec<&str> = judge(&version, &info)
            .into_iter()
            .filter(|check| check.verdict == Verdict::Warn && check.remedy.is_some())
            .map(|check| check.name)
            .collect();
        assert_eq!(warned, ["architecture", "resources", "limits", "storage driver"]);
    }
}
