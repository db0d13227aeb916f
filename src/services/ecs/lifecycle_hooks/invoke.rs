//! Invokes a Lambda function at the endpoint that `--lambda-endpoint` names.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::identity::Arn;
use crate::identity::sigv4::{Signer, encoded_path};
use crate::services::ecs::resources::service::function_of;
use crate::time::{Timestamp, real_sleep};

/// The longest a function may run is 15 minutes.
const PATIENCE: Duration = Duration::from_secs(15 * 60 + 10);
/// What a function may return.
const MAX_BYTES: usize = 6 << 20;
/// How often a call is made that does not reach a function, and how long it waits between.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);

/// Why there is no payload: the end of a sentence.
pub(super) type Failure = String;

/// Whether another attempt may help.
enum Trouble {
    Passing(String),
    Final(String),
}

/// Invokes the function and waits for what it returns, which is a payload also when the function itself failed.
///
/// # Errors
/// The endpoint can't be reached, or refuses.
pub(super) async fn invoke(authority: &str, target: &str, event: Vec<u8>, now: Timestamp) -> Result<Bytes, Failure> {
    let event = Bytes::from(event);
    let mut attempt = 1;
    loop {
        let called = tokio::time::timeout(PATIENCE, exchange(authority, target, event.clone(), now)).await;
        match called {
            Ok(Ok(payload)) => return Ok(payload),
            Ok(Err(Trouble::Passing(_))) if attempt < ATTEMPTS => {
                attempt += 1;
                real_sleep(PAUSE).await;
            }
            Ok(Err(Trouble::Passing(why) | Trouble::Final(why))) => return Err(why),
            Err(_) => return Err(format!("no answer from {authority} within {} s", PATIENCE.as_secs())),
        }
    }
}

async fn exchange(authority: &str, target: &str, event: Bytes, now: Timestamp) -> Result<Bytes, Trouble> {
    let failed = |error: &dyn std::fmt::Display| Trouble::Final(error.to_string());
    let unreached = |error: &dyn std::fmt::Display| Trouble::Passing(format!("http://{authority}: {error}"));
    let arn = Arn::parse(target).map_err(|error| failed(&error))?;
    let (name, qualifier) = function_of(target).ok_or_else(|| failed(&"not the ARN of a Lambda function"))?;
    let path = encoded_path(&format!("/2015-03-31/functions/{name}/invocations"));
    let path = match qualifier {
        Some(qualifier) => format!("{path}?Qualifier={}", encoded_path(&qualifier)),
        None => path,
    };
    let request = Request::post(path).body(()).map_err(|error| failed(&error))?;
    let (mut parts, ()) = request.into_parts();
    parts.headers.insert(HOST, HeaderValue::from_str(authority).map_err(|error| failed(&error))?);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.insert("x-amz-invocation-type", HeaderValue::from_static("RequestResponse"));
    // An access key id of 12 digits names the account, as emulators understand it.
    let signer = Signer { access_key_id: arn.account, secret: "localecs", region: arn.region, service: "lambda" };
    signer.sign(&mut parts, &event, now).map_err(|error| failed(&error))?;
    let stream = TcpStream::connect(authority).await.map_err(|error| unreached(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| unreached(&error))?;
    let driving = tokio::spawn(connection);
    let answer = sender.send_request(Request::from_parts(parts, Full::new(event))).await;
    let read = match answer {
        Ok(answer) => {
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await;
            body.map(|body| (status, body.to_bytes())).map_err(|error| failed(&error))
        }
        Err(error) => Err(unreached(&error)),
    };
    driving.abort();
    let (status, body) = read?;
    let words = || format!("{status}: {}", String::from_utf8_lossy(&body[..body.len().min(500)]));
    match status {
        // With a function error too: what it says is no answer, and is told so.
        StatusCode::OK => Ok(body),
        StatusCode::TOO_MANY_REQUESTS => Err(Trouble::Passing(words())),
        status if status.is_server_error() => Err(Trouble::Passing(words())),
        _ => Err(Trouble::Final(words())),
    }
}
