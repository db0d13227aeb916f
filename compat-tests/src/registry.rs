//! A registry of container images for tests: it serves what it was given, asks for a login if told to, and fails when
//! told to. It speaks as much of the OCI distribution protocol as an engine that pulls needs.
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>

use std::collections::HashMap;
use std::ffi::OsStr;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// How clients have to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    None,
    /// Name and password with each request.
    Basic,
    /// Name and password get a token, and that goes with each request.
    Bearer,
}

/// The one user.
pub const USER: &str = "AWS";
pub const PASSWORD: &str = "open-sesame";
const TOKEN: &str = "a-token";

/// Listens on a loopback address, to which Docker talks without TLS. Ends when dropped, and then the engine forgets
/// what it pulled from it.
#[derive(Debug)]
pub struct Registry {
    /// `127.0.0.1:<port>`
    pub host: String,
    shared: Arc<Shared>,
    /// Threads of its own: a test that waits for the engine must not keep it from answering.
    tokio: Option<Runtime>,
}

#[derive(Debug)]
struct Shared {
    host: String,
    login: Login,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    blobs: HashMap<String, Vec<u8>>,
    /// By digest, and by `name:tag`.
    manifests: HashMap<String, Vec<u8>>,
    /// The paths that were asked for.
    requests: Vec<String>,
    /// So many answers are to be 503.
    failures: u32,
}

/// The parts of an image.
#[derive(Clone, Debug)]
struct Image {
    config: Value,
    layers: Vec<Vec<u8>>,
}

impl Registry {
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn start(login: Login) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a socket can be");
        let host = listener.local_addr().expect("it is bound").to_string();
        let shared = Arc::new(Shared { host: host.clone(), login, content: Mutex::default() });
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let tokio = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        tokio.spawn(async move { axum::serve(TcpListener::from_std(listener)?, router).await });
        Self { host, shared, tokio: Some(tokio) }
    }

    /// `127.0.0.1:<port>/<name>:<tag>`
    #[must_use]
    pub fn reference(&self, name_and_tag: &str) -> String {
        format!("{}/{name_and_tag}", self.host)
    }

    /// Serves the engine's image `source` as `name:tag`, with a label that makes it another version, as if it had been
    /// built for `architecture`, if that is given. Returns the manifest's digest.
    ///
    /// # Panics
    /// When the engine does not have it.
    pub fn push(&self, name_and_tag: &str, source: &str, version: &str, architecture: Option<&str>) -> String {
        let Image { mut config, layers } = Image::of(source);
        config["config"]["Labels"] = json!({ "version": version });
        if let Some(architecture) = architecture {
            config["architecture"] = json!(architecture);
        }
        let mut content = self.shared.content();
        let mut put = |bytes: Vec<u8>, kind: &str| {
            let described = json!({ "mediaType": kind, "size": bytes.len(), "digest": digest(&bytes) });
            content.blobs.insert(digest(&bytes), bytes);
            described
        };
        let config = put(config.to_string().into_bytes(), CONFIG);
        let layers: Vec<Value> = layers.into_iter().map(|layer| put(layer, LAYER)).collect();
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
        let manifest = manifest.to_string().into_bytes();
        let digest = digest(&manifest);
        content.manifests.insert(digest.clone(), manifest.clone());
        content.manifests.insert(name_and_tag.to_owned(), manifest);
        digest
    }

    /// The tag is gone.
    pub fn forget(&self, name_and_tag: &str) {
        self.shared.content().manifests.remove(name_and_tag);
    }

    /// The next answers are errors.
    pub fn fail(&self, times: u32) {
        self.shared.content().failures = times;
    }

    /// How often manifests were asked for.
    #[must_use]
    pub fn manifest_requests(&self) -> usize {
        self.shared.content().requests.iter().filter(|path| path.contains("/manifests/")).count()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        if let Some(tokio) = self.tokio.take() {
            tokio.shutdown_background();
        }
        let format = "{{.Repository}}:{{.Tag}}@{{.Digest}}";
        let Ok(listed) = crate::docker::try_run(&["images", "--digests", "--format", format]) else { return };
        for line in listed.lines().filter(|line| line.starts_with(&self.host)) {
            let (tagged, digest) = line.split_once('@').unwrap_or((line, "<none>"));
            let repository = tagged.rsplit_once(':').map_or(tagged, |(repository, _)| repository);
            let by_digest = format!("{repository}@{digest}");
            for name in [tagged, by_digest.as_str()].into_iter().filter(|name| !name.contains("<none>")) {
                let _ = crate::docker::try_run(&["rmi", "--force", name]);
            }
        }
    }
}

impl Shared {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a request that did not log in.
    fn login_missing(&self, headers: &HeaderMap) -> Option<Response> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (expected, challenge) = match self.login {
            Login::None => return None,
            Login::Basic => (basic(), "Basic realm=\"test\"".to_owned()),
            Login::Bearer => (
                format!("Bearer {TOKEN}"),
                format!("Bearer realm=\"http://{}/token\",service=\"test\",scope=\"repository:pull\"", self.host),
            ),
        };
        (given != expected).then(|| {
            let error = error("UNAUTHORIZED", "authentication required");
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)], error).into_response()
        })
    }
}

fn basic() -> String {
    format!(
        "Basic {}",
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{USER}:{PASSWORD}"))
    )
}

fn error(code: &str, message: &str) -> String {
    json!({ "errors": [{ "code": code, "message": message }] }).to_string()
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    if path == "/token" {
        let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        return match given {
            Some(given) if given == basic() => json!({ "token": TOKEN, "expires_in": 300 }).to_string().into_response(),
            _ => (StatusCode::UNAUTHORIZED, error("UNAUTHORIZED", "authentication required")).into_response(),
        };
    }
    if let Some(challenge) = shared.login_missing(request.headers()) {
        return challenge;
    }
    let mut content = shared.content();
    content.requests.push(path.clone());
    if path.contains("/manifests/") && content.failures > 0 {
        content.failures -= 1;
        return (StatusCode::SERVICE_UNAVAILABLE, error("UNAVAILABLE", "come again")).into_response();
    }
    let parts: Vec<&str> = path.trim_start_matches("/v2/").rsplitn(3, '/').collect();
    match *parts {
        [reference, "manifests", name] => {
            let key =
                if reference.starts_with("sha256:") { reference.to_owned() } else { format!("{name}:{reference}") };
            match content.manifests.get(&key) {
                Some(manifest) => {
                    let headers = [
                        (header::CONTENT_TYPE, MANIFEST.to_owned()),
                        (header::HeaderName::from_static("docker-content-digest"), digest(manifest)),
                    ];
                    (headers, manifest.clone()).into_response()
                }
                None => (StatusCode::NOT_FOUND, error("MANIFEST_UNKNOWN", "manifest unknown")).into_response(),
            }
        }
        [reference, "blobs", _] => match content.blobs.get(reference) {
            Some(blob) => blob.clone().into_response(),
            None => (StatusCode::NOT_FOUND, error("BLOB_UNKNOWN", "blob unknown")).into_response(),
        },
        // The root says that this is a registry.
        _ => "{}".into_response(),
    }
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

impl Image {
    /// What `docker save` has of an image.
    fn of(reference: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("image.tar");
        let run = |program: &str, arguments: &[&OsStr]| {
            let status = Command::new(program).args(arguments).status();
            assert!(status.is_ok_and(|status| status.success()), "{program} {arguments:?}");
        };
        run("docker", &["save".as_ref(), "--output".as_ref(), archive.as_ref(), reference.as_ref()]);
        run("tar", &["-xf".as_ref(), archive.as_ref(), "-C".as_ref(), folder.path().as_ref()]);
        let read = |name: &str| std::fs::read(folder.path().join(name)).expect("it is in the archive");
        let manifest: Value = serde_json::from_slice(&read("manifest.json")).expect("JSON");
        let file = |name: &Value| read(name.as_str().expect("a name"));
        let layers = manifest[0]["Layers"].as_array().expect("layers");
        Self {
            config: serde_json::from_slice(&file(&manifest[0]["Config"])).expect("JSON"),
            layers: layers.iter().map(file).collect(),
        }
    }
}
