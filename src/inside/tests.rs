//! Several LocalECS processes at one address, here on the loopback address: all that is not the engine's.

use std::net::Ipv4Addr;
use std::sync::Arc;

use api_models::ecs::NetworkMode;
use axum::Router;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::door::Door;
use super::join::{self, Joined, Refusal};
use super::listen::{Listening, Place, first_of};
use super::serve::Site;
use super::sources::Sources;
use crate::http::AppState;
use crate::runtime::simulated::SimulatedRuntime;
use crate::services::dispatch::Registry;
use crate::services::ecs::agent::fixtures::{container, definition, task};
use crate::services::ecs::metadata::Metadata;
use crate::services::ecs::resources::Task;
use crate::testing::context;

const KEY: &str = "a secret";

/// A process with one task in awsvpc mode at that address, whose containers are called `<number>-web`.
struct Process {
    site: Arc<Site>,
    own: Listening,
}

impl Process {
    async fn start(place: Place, number: u32, address: Ipv4Addr) -> Self {
        let context = context();
        let definition = definition(NetworkMode::Awsvpc, vec![container("web", true)]);
        let mut task: Task = task(&definition, number);
        // Not on Fargate, where the id would follow from the task's.
        task.launch_type = None;
        if let Some(attachment) = &mut task.attachment {
            attachment.address = Some(address);
        }
        let put = context.store().transact(|tx| {
            tx.put(task);
            Ok::<_, api_models::Unexpected>(())
        });
        put.await.expect("in memory");
        let shared = context.shared.clone();
        let runtime = SimulatedRuntime::new(shared.store.id(), shared.clock.clone(), shared.ids.clone());
        let site = Arc::new(Site {
            api: AppState::new(Registry::of([]), shared.clone(), Router::new()),
            metadata: Arc::new(Metadata::new(shared, Arc::new(runtime))),
            door: Door::new(place),
            sources: Sources::own_machine(),
        });
        site.door.set_key(KEY);
        let listener = first_of(place, &[0]).await.expect("a free port");
        Self { own: Listening::start(listener, site.clone(), false), site }
    }

    async fn open(&self, place: Place) -> Listening {
        let listener = first_of(place, &[place.front_port]).await.expect("the front door's port");
        Listening::start(listener, self.site.clone(), true)
    }

    async fn join(&self, place: Place) -> Joined {
        match join::join(place, KEY, self.own.port).await {
            Ok(joined) => joined,
            Err(Refusal::Changing | Refusal::Nobody) => panic!("there is no front door"),
            Err(Refusal::Stranger(why)) => panic!("{why}"),
        }
    }
}

/// A place on the loopback address whose front port was free a moment ago.
async fn place() -> Place {
    let address = Ipv4Addr::LOCALHOST;
    let free = first_of(Place { address, front_port: 0 }, &[0]).await.expect("a free port");
    Place { address, front_port: free.local_addr().expect("an address").port() }
}

async fn get(place: Place, path: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
    let stream = TcpStream::connect((place.address, place.front_port)).await.expect("somebody listens");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    let driving = tokio::spawn(connection);
    let mut request = Request::get(path).header("host", "169.254.170.2");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Empty::<Bytes>::new()).expect("a request");
    let response = sender.send_request(request).await.expect("an answer");
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    driving.abort();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn the_front_door_knows_its_own_and_forwards_the_rest() {
    let place = place().await;
    let first = Process::start(place, 1, Ipv4Addr::new(10, 192, 0, 4)).await;
    let second = Process::start(place, 2, Ipv4Addr::new(10, 193, 0, 4)).await;
    let front = first.open(place).await;
    let joined = second.join(place).await;

    for (id, number) in [("1-web", 1), ("2-web", 2), ("2-web", 2)] {
        let (status, body) = get(place, &format!("/v4/{id}/task"), &[]).await;
        assert_eq!(status, StatusCode::OK, "{id}: {body}");
        assert!(body.contains(&format!("task/default/{number:032x}")), "{id}: {body}");
    }
    let (status, body) = get(place, "/v4/3-web", &[]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        body,
        "\"V4 container metadata handler: unable to get container ID from request: unable to get docker ID from v3 \
         endpoint ID: 3-web\""
    );

    // Once it is gone, so is what is its own.
    drop(joined);
    loop {
        let (status, _) = get(place, "/v4/2-web/task", &[]).await;
        if status == StatusCode::NOT_FOUND {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(first.site.door.close());
    front.end().await;
}

#[tokio::test]
async fn those_who_joined_hear_that_the_door_closes_and_one_opens_it_again() {
    let place = place().await;
    let first = Process::start(place, 1, Ipv4Addr::new(10, 192, 0, 4)).await;
    let second = Process::start(place, 2, Ipv4Addr::new(10, 193, 0, 4)).await;
    let front = first.open(place).await;
    let joined = second.join(place).await;
    assert!(!first.site.door.close(), "somebody had joined");
    joined.broken().await;
    assert!(matches!(join::join(place, KEY, 1).await, Err(Refusal::Changing)), "nobody joins what is closing");
    front.end().await;
    let again = second.open(place).await;
    assert_eq!(get(place, "/v4/2-web", &[]).await.0, StatusCode::OK);
    again.end().await;
}

#[tokio::test]
async fn a_new_door_waits_for_those_who_had_joined_the_one_before() {
    let place = place().await;
    let first = Process::start(place, 1, Ipv4Addr::new(10, 192, 0, 4)).await;
    let second = Process::start(place, 2, Ipv4Addr::new(10, 193, 0, 4)).await;
    let _front = first.open(place).await;
    first.site.door.open();
    let asking = tokio::spawn(get(place, "/v4/2-web", &[]));
    // It is answered although it asks before the other process is there.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let _joined = second.join(place).await;
    assert_eq!(asking.await.expect("an answer").0, StatusCode::OK);
}

#[tokio::test]
async fn nobody_but_a_localecs_process_joins_or_says_where_a_request_came_from() {
    let place = place().await;
    let first = Process::start(place, 1, Ipv4Addr::new(10, 192, 0, 4)).await;
    let _front = first.open(place).await;
    assert!(join::join(place, "another secret", 1).await.is_err());
    assert!(join::join(place, "", 1).await.is_err());

    let spoofed = [("x-localecs-source", "10.192.0.4")];
    assert_eq!(get(place, "/v2/metadata", &spoofed).await.0, StatusCode::BAD_REQUEST);
    let with_key = [("x-localecs-source", "10.192.0.4"), ("x-localecs-key", KEY)];
    let (status, body) = get(place, "/v2/metadata", &with_key).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(get(place, "/_localecs/door/owns/endpoint/1-web", &[]).await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        get(place, "/_localecs/reset", &[]).await.0,
        StatusCode::NOT_FOUND,
        "the admin API is not for containers"
    );
}

#[tokio::test]
async fn what_is_signed_is_for_a_service_whatever_its_path() {
    let place = place().await;
    let first = Process::start(place, 1, Ipv4Addr::new(10, 192, 0, 4)).await;
    let _front = first.open(place).await;
    let signature = "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/apigateway/aws4_request, SignedHeaders=host, \
                     Signature=0";
    let (_, page) = get(place, "/v2/apis", &[]).await;
    assert_eq!(page, "404 page not found\n");
    let (status, answer) = get(place, "/v2/apis", &[("authorization", signature)]).await;
    assert_ne!(answer, page, "{status}");
}

#[tokio::test]
async fn a_web_page_gets_nothing() {
    let place = place().await;
    let first = Process::start(place, 1, Ipv4Addr::new(10, 192, 0, 4)).await;
    let _front = first.open(place).await;
    let foreign = [("origin", "http://evil.example")];
    assert_eq!(get(place, "/v4/1-web", &foreign).await.0, StatusCode::FORBIDDEN);
    assert_eq!(get(place, "/v4/1-web", &[]).await.0, StatusCode::OK);
}
