//! Connections: accepting, serving, and letting go of them.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::ready;
use http_body_util::{BodyStream, Either};
use hyper::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::{AppState, Response, answer};
use crate::time::real_sleep;

/// How long a client may take for the head of a request, and how long a connection may wait for the next one. Longer
/// than the pools of AWS's SDKs keep an idle connection, so that they are the ones to close it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(90);
/// How long requests that are under way may take once the server is told to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after a failed accept (no file descriptors left), instead of a loop at full speed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `app` on `listener` until `shutdown` completes; then no connection is accepted, idle ones are closed, and
/// requests under way are finished (for ten seconds at most).
pub async fn serve(listener: TcpListener, app: Arc<AppState>, shutdown: impl Future<Output = ()>) {
    let (stop, stopping) = watch::channel(false);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(connection(stream, app.clone(), stopping.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    real_sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    drop(stopping);
    let _ = stop.send(true);
    // Each connection holds a receiver, and drops it at its end.
    if tokio::time::timeout(DRAIN_TIMEOUT, stop.closed()).await.is_err() {
        tracing::warn!("some requests were not finished in time");
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// Ends a body of unknown length (events that go on) when the server is told to stop: nobody would wait for its end.
fn until_stopped(response: Response, mut stopping: watch::Receiver<bool>) -> Response {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| {
        let stopped = async move { stopped(&mut stopping).await };
        Either::Right(axum::body::Body::from_stream(
            BodyStream::new(body)
                .take_until(Box::pin(stopped))
                .filter_map(|frame| ready(frame.map(|frame| frame.into_data().ok()).transpose())),
        ))
    })
}

async fn connection(stream: TcpStream, app: Arc<AppState>, mut stopping: watch::Receiver<bool>) {
    // Answers are small and complete: waiting to fill a packet only costs time.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let stopping_streams = stopping.clone();
    let service = service_fn(move |request| {
        let app = app.clone();
        let stopping = stopping_streams.clone();
        async move { Ok::<_, Infallible>(until_stopped(answer::answer(app, request).await, stopping)) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
            // ECS Exec's websockets.
            .with_upgrades()
    );
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        // Clients that hang up, or talk no HTTP: nothing for anybody to do.
        tracing::debug!(%error, "a connection ended early");
    }
}
