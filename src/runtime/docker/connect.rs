//! Finding the engine: `DOCKER_HOST`, else the sockets Docker and Podman are known to listen on.

use std::fmt;
use std::path::{Path, PathBuf};

use bollard::models::SystemVersion;
use bollard::{API_DEFAULT_VERSION, BollardRequest, ClientVersion, Docker};
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::PathAndQuery;

use super::errors::{CallError, CallResult, within};
use super::limits;
use crate::runtime::RuntimeError;

/// The oldest API this runtime speaks: Docker Engine 20.10.
pub const OLDEST_API: ClientVersion = ClientVersion { major_version: 1, minor_version: 41 };

/// Bollard's timeout, out of the way: every call has its own limit (see [`within`]).
const NEVER: u64 = 7 * 24 * 3600;

/// Where to look for the engine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// As in `DOCKER_HOST` (`unix:///path`, `tcp://host:port`, `http://host:port`): then nothing else is tried.
    pub host: Option<String>,
    /// `$XDG_RUNTIME_DIR`, where engines that run without root keep their sockets.
    pub runtime_dir: Option<PathBuf>,
    /// The home directory, where Docker Desktop and its like keep theirs.
    pub home: Option<PathBuf>,
}

impl ConnectOptions {
    /// From the environment of this process.
    #[must_use]
    pub fn from_env() -> Self {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            host: std::env::var("DOCKER_HOST").ok().filter(|host| !host.is_empty()),
            runtime_dir: path("XDG_RUNTIME_DIR"),
            home: path("HOME"),
        }
    }

    /// The endpoints to try, in order. Sockets that do not exist are left out by [`connect`].
    ///
    /// # Errors
    /// A text that says what is wrong with `host`.
    pub fn endpoints(&self) -> Result<Vec<Endpoint>, String> {
        if let Some(host) = &self.host {
            return Endpoint::parse(host).map(|endpoint| vec![endpoint]);
        }
        let mut sockets = vec![PathBuf::from("/var/run/docker.sock")];
        sockets.extend(self.runtime_dir.as_ref().map(|dir| dir.join("docker.sock")));
        for path in
            [".docker/run/docker.sock", ".colima/default/docker.sock", ".orbstack/run/docker.sock", ".rd/docker.sock"]
        {
            sockets.extend(self.home.as_ref().map(|home| home.join(path)));
        }
        sockets.extend(self.runtime_dir.as_ref().map(|dir| dir.join("podman/podman.sock")));
        sockets.push(PathBuf::from("/run/podman/podman.sock"));
        Ok(sockets.into_iter().map(Endpoint::Unix).collect())
    }
}

/// How the engine is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Unix(PathBuf),
    /// `host:port`, without TLS.
    Tcp(String),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

impl Endpoint {
    /// Reads a value of `DOCKER_HOST`.
    fn parse(host: &str) -> Result<Self, String> {
        if let Some(path) = host.strip_prefix("unix://") {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        if let Some(address) = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://")) {
            let address = address.trim_end_matches('/');
            // Docker's own default for a host without a port.
            return Ok(Self::Tcp(if address.contains(':') { address.to_owned() } else { format!("{address}:2375") }));
        }
        Err(format!("DOCKER_HOST={host}: only unix://, tcp:// and http:// are understood"))
    }

    /// Whether the engine runs on this machine (as far as its address tells).
    pub(super) fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp(address) => {
                let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host);
                host == "localhost" || host.starts_with("127.") || host == "[::1]"
            }
        }
    }

    fn may_exist(&self) -> bool {
        match self {
            // `exists` would be false for a socket in a directory that may not be read: that is worth an error.
            Self::Unix(path) => Path::new(path).try_exists().unwrap_or(true),
            Self::Tcp(_) => true,
        }
    }

    fn client(&self) -> Result<Docker, bollard::errors::Error> {
        match self {
            Self::Unix(path) => Docker::connect_with_unix(&path.to_string_lossy(), NEVER, API_DEFAULT_VERSION),
            Self::Tcp(address) => Docker::connect_with_http(address, NEVER, API_DEFAULT_VERSION),
        }
    }
}

/// A connection to an engine that answered.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub docker: Docker,
    pub endpoint: Endpoint,
    pub version: SystemVersion,
}

/// Why no engine was found: each endpoint that was tried, and what was wrong with it.
#[derive(Clone, Debug)]
pub(super) struct NotConnected {
    pub tried: Vec<(Endpoint, CallError)>,
    /// Something was wrong before any could be tried.
    pub misconfigured: Option<String>,
}

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(message) = &self.misconfigured {
            return f.write_str(message);
        }
        if self.tried.is_empty() {
            return f.write_str("no container engine found: there is no socket of Docker or Podman");
        }
        for (place, (endpoint, error)) in self.tried.iter().enumerate() {
            write!(f, "{}{endpoint}: {error}", if place == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl From<NotConnected> for RuntimeError {
    fn from(error: NotConnected) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The first endpoint that answers. Costs one round trip when that is the first.
pub(super) async fn connect(options: &ConnectOptions) -> Result<Connection, NotConnected> {
    let endpoints =
        options.endpoints().map_err(|message| NotConnected { tried: Vec::new(), misconfigured: Some(message) })?;
    let mut tried = Vec::new();
    for endpoint in endpoints {
        // A socket the user named is reported even when it is missing.
        if options.host.is_none() && !endpoint.may_exist() {
            continue;
        }
        match try_endpoint(&endpoint).await {
            Ok((docker, version)) => return Ok(Connection { docker, endpoint, version }),
            Err(error) => tried.push((endpoint, error)),
        }
    }
    Err(NotConnected { tried, misconfigured: None })
}

async fn try_endpoint(endpoint: &Endpoint) -> CallResult<(Docker, SystemVersion)> {
    let docker = endpoint.client().map_err(CallError::from)?;
    let version = within(limits::CONNECT, docker.version()).await?;
    let api = negotiated(version.api_version.as_deref()).map_err(CallError::Other)?;
    Ok((docker.with_request_modifier(move |request| adjusted(request, api)), version))
}

/// The API version both sides know: the engine's, capped at what bollard was made for.
fn negotiated(engine: Option<&str>) -> Result<ClientVersion, String> {
    let engine = engine.unwrap_or_default();
    let parsed = engine.split_once('.').and_then(|(major, minor)| {
        Some(ClientVersion { major_version: major.parse().ok()?, minor_version: minor.parse().ok()? })
    });
    let Some(version) = parsed else {
        return Err(format!("the engine gives its API version as {engine:?}"));
    };
    if version < OLDEST_API {
        return Err(format!(
            "the engine speaks API version {version}; {OLDEST_API} (Docker Engine 20.10) or newer is needed"
        ));
    }
    Ok(if version < *API_DEFAULT_VERSION { version } else { *API_DEFAULT_VERSION })
}

/// Mends two things of bollard's requests: their paths lack the API version, so that a newer engine would answer in
/// its newest form; and registry credentials are in standard base64, where the engine expects the URL-safe form.
fn adjusted(mut request: BollardRequest, api: ClientVersion) -> BollardRequest {
    let versioned = request.uri().path_and_query().and_then(|path| {
        if path.as_str().starts_with("/v1.") {
            return None;
        }
        format!("/v{api}{path}").parse::<PathAndQuery>().ok()
    });
    if let Some(path) = versioned {
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(path);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    if let Some(auth) = request.headers_mut().get_mut("X-Registry-Auth") {
        let safe: Vec<u8> = auth
            .as_bytes()
            .iter()
            .map(|byte| match byte {
                b'+' => b'-',
                b'/' => b'_',
                byte => *byte,
            })
            .collect();
        if let Ok(mut value) = HeaderValue::from_bytes(&safe) {
            value.set_sensitive(true);
            *auth = value;
        }
    }
    request
}

/// `docker` or `podman`.
pub(super) fn engine_name(version: &SystemVersion) -> &'static str {
    let podman = version.components.iter().flatten().any(|component| component.name.to_lowercase().contains("podman"));
    if podman { "podman" } else { "docker" }
}

#[cfg(test)]
mod tests {
    use bollard::body_full;
    use bytes::Bytes;
    use hyper::Request;

    use super::*;

    #[test]
    fn docker_host_alone_is_tried_when_it_is_set() {
        let options = ConnectOptions { host: Some("tcp://10.0.0.1:2375".into()), ..ConnectOptions::default() };
        assert_eq!(options.endpoints(), Ok(vec![Endpoint::Tcp("10.0.0.1:2375".into())]));
        assert_eq!(Endpoint::parse("tcp://box"), Ok(Endpoint::Tcp("box:2375".into())));
        assert_eq!(Endpoint::parse("unix:///x/d.sock"), Ok(Endpoint::Unix("/x/d.sock".into())));
        assert!(Endpoint::parse("ssh://me@box").is_err());
    }

    #[test]
    fn dockers_socket_comes_before_podmans() {
        let options = ConnectOptions { runtime_dir: Some("/run/user/7".into()), ..ConnectOptions::default() };
        let endpoints: Vec<String> =
            options.endpoints().expect("nothing to misread").iter().map(ToString::to_string).collect();
        assert_eq!(
            endpoints,
            [
                "unix:///var/run/docker.sock",
                "unix:///run/user/7/docker.sock",
                "unix:///run/user/7/podman/podman.sock",
                "unix:///run/podman/podman.sock"
            ]
        );
    }

    #[test]
    fn the_version_is_the_lower_of_both_and_not_too_old() {
        assert_eq!(negotiated(Some("1.41")).map(|version| version.minor_version), Ok(41));
        assert_eq!(negotiated(Some("1.99")), Ok(*API_DEFAULT_VERSION));
        assert!(negotiated(Some("1.40")).is_err_and(|message| message.contains("1.41")));
        assert!(negotiated(None).is_err());
    }

    #[test]
    fn requests_carry_the_version_and_url_safe_credentials() {
        let request = Request::post("unix://2f78/images/create?fromImage=a")
            .header("X-Registry-Auth", "a+b/c=")
            .body(body_full(Bytes::new()))
            .expect("a well-formed request");
        let request = adjusted(request, OLDEST_API);
        assert_eq!(request.uri().to_string(), "unix://2f78/v1.41/images/create?fromImage=a");
        assert_eq!(request.headers()["X-Registry-Auth"], "a-b_c=");
        assert_eq!(adjusted(request, OLDEST_API).uri().path(), "/v1.41/images/create");
    }

    #[tokio::test]
    async fn what_was_tried_is_told() {
        let options = ConnectOptions { host: Some("unix:///nowhere/engine.sock".into()), ..ConnectOptions::default() };
        let error = connect(&options).await.expect_err("nothing is there");
        assert_eq!(
            RuntimeError::from(error),
            RuntimeError::Unavailable(
                "unix:///nowhere/engine.sock: /nowhere/engine.sock: no such file or directory".into()
            )
        );
    }
}
