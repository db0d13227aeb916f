//! How a container reaches LocalECS: at 169.254.170.2, as it reaches its agent on AWS.
//!
//! The address is made by [`LinkLocal`]; it belongs to the engine's host. Each LocalECS process listens there twice:
//!
//! - on a port of its own (that of the API if it is free), where it serves its own tasks' metadata and the AWS API;
//! - on port 80, where the SDKs look for credentials. One process can have that: the **front door**. The others
//!   `join` it, and it forwards to them what is theirs. When it ends, their connections to it break, and whoever is
//!   first is the next one.
//!
//! Where port 80 can't be had, containers are told the own port instead. Where the address can't be had, they are told
//! nothing, and the log says so. Only containers of this engine and programs on its host are answered (`sources`).

pub mod doctor;
mod door;
mod join;
mod listen;
mod serve;
mod sources;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::door::Door;
use self::listen::{Listening, Place};
use self::serve::Site;
use crate::http::AppState;
use crate::runtime::docker::LinkLocal;
use crate::services::ecs::metadata::Metadata;
use crate::services::ecs::metadata::environment::Reach;
use crate::time::real_sleep;

/// Between attempts when something is in the way that may go away by itself.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// Between attempts when another process is coming or going.
const CHANGING: Duration = Duration::from_millis(20);
/// So often in a row, before something is thought to be wrong.
const CHANGES: u32 = 50;
/// How long another process may take to open the door again that this one closes.
const HANDOVER: Duration = Duration::from_millis(150);
/// After that, nothing of an earlier door is under way any more.
const SETTLED: Duration = Duration::from_secs(2);
/// How long leaving may take.
const LEAVING: Duration = Duration::from_secs(5);

/// What AWS_ENDPOINT_URL is in containers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ContainerEndpoint {
    /// This LocalECS.
    #[default]
    Own,
    Url(String),
    /// It is not set.
    Off,
}

/// The way from containers to this process.
pub struct Inside {
    /// What containers can be told; `None` as long as that is not known.
    told: watch::Sender<Option<Reach>>,
    leave: watch::Sender<bool>,
    running: parking_lot::Mutex<Option<JoinHandle<()>>>,
}

/// What it is made of, once there is a server.
pub struct Parts {
    pub link: LinkLocal,
    pub api: Arc<AppState>,
    pub metadata: Arc<Metadata>,
    /// Where the API listens.
    pub port: u16,
    pub endpoint: ContainerEndpoint,
    /// Random: the shared network's secret if it is made now.
    pub fresh_key: String,
}

impl Inside {
    /// Containers are told nothing of LocalECS, but of `endpoint` if that is a URL.
    #[must_use]
    pub fn off(endpoint: &ContainerEndpoint) -> Arc<Self> {
        Self::new(Some(Reach { base: None, endpoint_url: given(endpoint) }))
    }

    /// [`Inside::start`] will be called: until then, new containers wait.
    #[must_use]
    pub fn pending() -> Arc<Self> {
        Self::new(None)
    }

    fn new(told: Option<Reach>) -> Arc<Self> {
        Arc::new(Self {
            told: watch::Sender::new(told),
            leave: watch::Sender::new(false),
            running: parking_lot::Mutex::default(),
        })
    }

    /// What a new container is told; waits for what is not known yet.
    pub async fn reach(&self) -> Reach {
        let mut told = self.told.subscribe();
        match told.wait_for(Option::is_some).await {
            Ok(reach) => reach.clone().unwrap_or_default(),
            Err(_) => Reach::default(),
        }
    }

    /// Listens in the background until [`Inside::leave`].
    pub fn start(self: &Arc<Self>, parts: Parts) {
        let mut runner = Runner::new(self.clone(), parts);
        let task = tokio::spawn(async move { runner.run().await });
        *self.running.lock() = Some(task);
    }

    /// Ends; the last process on the engine takes the network with it.
    pub async fn leave(&self) {
        self.leave.send_replace(true);
        let running = self.running.lock().take();
        if let Some(running) = running
            && tokio::time::timeout(LEAVING, running).await.is_err()
        {
            tracing::debug!("the task endpoint did not end in time");
        }
    }
}

fn given(endpoint: &ContainerEndpoint) -> Option<String> {
    match endpoint {
        ContainerEndpoint::Url(url) => Some(url.clone()),
        ContainerEndpoint::Own | ContainerEndpoint::Off => None,
    }
}

/// How a turn ended.
enum Turn {
    /// It is to leave, and has.
    Left,
    /// The front door changed, or another process was in the middle of something.
    Again,
}

struct Runner {
    inside: Arc<Inside>,
    link: LinkLocal,
    endpoint: ContainerEndpoint,
    api_port: u16,
    fresh_key: String,
    site: Arc<Site>,
    /// The own port, once it is listened on.
    own: Option<Listening>,
    leaving: watch::Receiver<bool>,
    /// What was wrong the last time, so that it is said once.
    complained: Option<String>,
    /// How often in a row it was to look again.
    changes: u32,
}

impl Runner {
    fn new(inside: Arc<Inside>, parts: Parts) -> Self {
        let Parts { link, api, metadata, port, endpoint, fresh_key } = parts;
        let leaving = inside.leave.subscribe();
        let door = Door::new(Place::LINK_LOCAL);
        let sources = sources::Sources::of_engine(link.clone());
        let site = Arc::new(Site { api, metadata, door, sources });
        Self {
            inside,
            link,
            endpoint,
            api_port: port,
            fresh_key,
            site,
            own: None,
            leaving,
            complained: None,
            changes: 0,
        }
    }

    async fn run(&mut self) {
        loop {
            match self.turn().await {
                Ok(Turn::Left) => return,
                Ok(Turn::Again) => {
                    self.changes += 1;
                    real_sleep(CHANGING).await;
                }
                Err(problem) => {
                    self.changes = 0;
                    self.complain(&problem);
                    // The own port goes without the front door.
                    self.tell(None);
                    tokio::select! {
                        () = real_sleep(TRY_AGAIN) => {}
                        () = left(&mut self.leaving) => return,
                    }
                }
            }
        }
    }

    fn complain(&mut self, problem: &str) {
        if self.complained.as_deref() == Some(problem) {
            return;
        }
        let effect = match &self.own {
            Some(_) => "containers are told another port than 80, which the SDKs take but fixed addresses don't",
            None => "containers start without metadata, credentials of their roles and AWS_ENDPOINT_URL",
        };
        tracing::warn!(problem, effect, "169.254.170.2 is not all there; `localecs doctor` says more");
        self.complained = Some(problem.to_owned());
    }

    /// Containers can use the front door, or else the own port, or nothing.
    fn tell(&self, front: Option<()>) {
        let own = self.own.as_ref().map(|own| self.site.door.place().url(own.port));
        let endpoint_url = match &self.endpoint {
            ContainerEndpoint::Own => own.clone(),
            other => given(other),
        };
        let base = match front {
            Some(()) => Some(self.site.door.place().url(self.site.door.place().front_port)),
            None => own,
        };
        self.inside.told.send_replace(Some(Reach { base, endpoint_url }));
    }

    /// From finding the address to losing it.
    async fn turn(&mut self) -> Result<Turn, String> {
        let key = self.link.ensure(&self.fresh_key).await.map_err(|error| error.to_string())?;
        self.site.door.set_key(&key);
        if self.own.is_none() {
            let ports = [self.api_port, self.api_port.wrapping_add(10_000), 0];
            let listener = listen::first_by_any_means(self.site.door.place(), &ports, &self.link).await?;
            self.own = Some(Listening::start(listener, self.site.clone(), false));
        }
        let place = self.site.door.place();
        // Another process is the likeliest reason why the port is not free, and asking it costs nothing.
        if let Some(turn) = self.join(&key).await? {
            return Ok(turn);
        }
        match listen::first_by_any_means(place, &[place.front_port], &self.link).await {
            Ok(listener) => Ok(self.be_the_door(Listening::start(listener, self.site.clone(), true)).await),
            Err(problem) if self.changes > CHANGES => Err(problem),
            Err(_) => Ok(Turn::Again),
        }
    }

    async fn be_the_door(&mut self, front: Listening) -> Turn {
        tracing::debug!(port = front.port, "this process is the front door of 169.254.170.2");
        (self.complained, self.changes) = (None, 0);
        self.site.door.open();
        self.tell(Some(()));
        let mut settled = false;
        let mut leaving = self.leaving.clone();
        loop {
            tokio::select! {
                () = left(&mut leaving) => break,
                removed = self.link.removed() => {
                    if removed.is_err() {
                        // The engine is away, and the network with it or not.
                        real_sleep(SETTLED).await;
                    }
                    self.keep_network().await;
                }
                // The one who had the door before may have taken the network along before we listened for that.
                () = real_sleep(SETTLED), if !settled => {
                    settled = true;
                    self.keep_network().await;
                }
            }
        }
        let alone = self.site.door.close();
        front.end().await;
        if alone {
            // Another process may be between two doors.
            real_sleep(HANDOVER).await;
            let place = self.site.door.place();
            if matches!(join::join(place, "", 0).await, Err(join::Refusal::Nobody))
                && matches!(self.link.is_needed().await, Ok(false))
                && let Err(error) = self.link.remove().await
            {
                tracing::debug!(%error, "the network of 169.254.170.2 stays");
            }
        }
        Turn::Left
    }

    async fn keep_network(&self) {
        match self.link.ensure(&self.fresh_key).await {
            Ok(key) => self.site.door.set_key(&key),
            Err(error) => tracing::debug!(%error, "the network of 169.254.170.2"),
        }
    }

    /// Is one of those who joined until that ends; `None` when nobody listens there.
    async fn join(&mut self, key: &str) -> Result<Option<Turn>, String> {
        let own = self.own.as_ref().map_or(0, |own| own.port);
        let place = self.site.door.place();
        match join::join(place, key, own).await {
            Ok(joined) => {
                tracing::debug!("joined the front door of 169.254.170.2");
                (self.complained, self.changes) = (None, 0);
                self.tell(Some(()));
                tokio::select! {
                    () = joined.broken() => Ok(Some(Turn::Again)),
                    () = left(&mut self.leaving) => Ok(Some(Turn::Left)),
                }
            }
            Err(join::Refusal::Nobody) => Ok(None),
            Err(join::Refusal::Changing) if self.changes <= CHANGES => Ok(Some(Turn::Again)),
            Err(join::Refusal::Changing) => Err("the LocalECS at port 80 does not let this one join".to_owned()),
            Err(join::Refusal::Stranger(why)) => {
                Err(format!("what listens on port 80 is no LocalECS ({why}); it listens on all addresses"))
            }
        }
    }
}

async fn left(leaving: &mut watch::Receiver<bool>) {
    if leaving.wait_for(|leave| *leave).await.is_err() {
        // The handle is gone: so is the server.
    }
}
