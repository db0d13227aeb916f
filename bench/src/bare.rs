//! The measure of throughput: an axum handler that reads the request and returns fixed bytes.

use std::path::Path;

use axum::Router;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::routing::any;
use bytes::Bytes;
use tokio::net::TcpListener;

pub(crate) async fn serve(body: &Path) -> anyhow::Result<()> {
    let body = Bytes::from(std::fs::read(body)?);
    let id = "00000000-0000-4000-8000-000000000000";
    let answer = move |_request: Bytes| {
        let body = body.clone();
        async move {
            ([(CONTENT_TYPE, "application/x-amz-json-1.1"), (HeaderName::from_static("x-amzn-requestid"), id)], body)
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("bare handler on http://{}", listener.local_addr()?);
    axum::serve(listener, Router::new().fallback(any(answer))).await?;
    Ok(())
}
