//! Joining another process' front door.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::door::{JOIN, KEY, PORT};
use super::listen::Place;

/// How long the kernel may look for somebody who listens.
const PATIENCE: Duration = Duration::from_secs(2);

/// Being joined, until it breaks or is dropped.
pub(super) struct Joined {
    body: Incoming,
    driving: AbortHandle,
}

pub(super) enum Refusal {
    /// The port may be free.
    Nobody,
    /// The door is closing or the network is another one by now: look again.
    Changing,
    /// What listens there speaks otherwise.
    Stranger(String),
}

/// Tells the front door which port is ours.
///
/// # Errors
/// When that is not to be had there.
pub(super) async fn join(place: Place, key: &str, own_port: u16) -> Result<Joined, Refusal> {
    let connecting = TcpStream::connect((place.address, place.front_port));
    let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, connecting).await else { return Err(Refusal::Nobody) };
    let stranger = |error: &dyn std::fmt::Display| Refusal::Stranger(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| stranger(&error))?;
    let driving = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::trace!(%error, "the connection to the front door");
        }
    })
    .abort_handle();
    let request = Request::post(JOIN)
        .header("host", place.address.to_string())
        .header(KEY, key)
        .header(PORT, own_port)
        .body(Empty::<Bytes>::new())
        .map_err(|error| stranger(&error))?;
    let answer = sender.send_request(request).await;
    let response = match answer {
        Ok(response) => response,
        // It went away while we spoke.
        Err(error) if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            return Err(Refusal::Changing);
        }
        Err(error) => return Err(stranger(&error)),
    };
    match response.status() {
        StatusCode::OK if response.headers().contains_key(PORT) => Ok(Joined { body: response.into_body(), driving }),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::FORBIDDEN if response.headers().contains_key(PORT) => {
            driving.abort();
            Err(Refusal::Changing)
        }
        status => {
            driving.abort();
            Err(stranger(&format!("it answers {status}")))
        }
    }
}

impl Joined {
    /// Resolves when the door is gone.
    pub(super) async fn broken(mut self) {
        while let Some(Ok(_)) = self.body.frame().await {}
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.driving.abort();
    }
}
