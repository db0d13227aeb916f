//! Listening at the address.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::serve::{self, Site};
use crate::runtime::docker::{LINK_LOCAL_ADDRESS, LinkLocal, own_container};

/// Where LocalECS processes meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) address: Ipv4Addr,
    /// The front door's.
    pub(super) front_port: u16,
}

impl Place {
    pub(super) const LINK_LOCAL: Self = Self { address: LINK_LOCAL_ADDRESS, front_port: 80 };

    /// `http://169.254.170.2`, with the port where it is not HTTP's own.
    pub(super) fn url(self, port: u16) -> String {
        if port == 80 { format!("http://{}", self.address) } else { format!("http://{}:{port}", self.address) }
    }
}

/// Why a port can't be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) why: String,
    /// The port is for root.
    pub(super) privileged: bool,
    /// The address is none of this network namespace.
    pub(super) elsewhere: bool,
}

impl Refused {
    fn new(place: Place, port: u16, error: &io::Error) -> Self {
        Self {
            why: format!("can't listen on {}:{port}: {error}", place.address),
            privileged: error.kind() == ErrorKind::PermissionDenied,
            elsewhere: error.kind() == ErrorKind::AddrNotAvailable,
        }
    }
}

/// Listens on the first of the ports that is free; 0 stands for any.
///
/// # Errors
/// Why the last one can't be had.
pub(super) async fn first_of(place: Place, ports: &[u16]) -> Result<TcpListener, Refused> {
    let mut refused = Refused { why: "no port was asked for".to_owned(), privileged: false, elsewhere: false };
    for port in ports {
        match TcpListener::bind(SocketAddrV4::new(place.address, *port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = Refused::new(place, *port, &error),
        }
    }
    Err(refused)
}

/// The same; where this process may not, through a container on the engine.
///
/// # Errors
/// Why the last one can't be had.
pub(super) async fn first_by_any_means(place: Place, ports: &[u16], link: &LinkLocal) -> Result<TcpListener, String> {
    let refused = match first_of(place, ports).await {
        Ok(listener) => return Ok(listener),
        // Outside of a container, an address that is not there is one that just went, or is another machine's.
        Err(refused) if refused.privileged || refused.elsewhere && own_container().is_some() => refused.why,
        Err(refused) => return Err(refused.why),
    };
    let listened = link.listen(ports).await.map_err(|error| format!("{refused}; {error}"))?;
    let mut why = refused;
    for (port, listened) in ports.iter().zip(listened) {
        match listened {
            Ok(listener) => {
                listener.set_nonblocking(true).map_err(|error| error.to_string())?;
                return TcpListener::from_std(listener).map_err(|error| error.to_string());
            }
            Err(number) => why = Refused::new(place, *port, &io::Error::from_raw_os_error(number)).why,
        }
    }
    Err(why)
}

/// A port that is served.
pub(super) struct Listening {
    pub(super) port: u16,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Listening {
    /// Serves until [`Listening::end`] or the drop; `front` says that it is the front door.
    pub(super) fn start(listener: TcpListener, site: Arc<Site>, front: bool) -> Self {
        let port = listener.local_addr().map_or(0, |address| address.port());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve::accept(listener, site, front, stopped));
        Self { port, stop, serving }
    }

    pub(super) async fn end(self) {
        drop(self.stop);
        if self.serving.await.is_err() {
            tracing::debug!("a listener of the task endpoint ended early");
        }
    }
}
