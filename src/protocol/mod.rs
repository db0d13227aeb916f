//! The wire protocols of AWS: bytes to a [`Document`] by schema, an answer or an error to bytes.
//!
//! One [`Codec`] for each protocol, and a file (or folder) for each codec. What all of them share lies beside:
//! [`validate`] checks a document against the constraints of its schema, [`Rejection`] is an error that is made
//! before an operation runs. This folder and `admin/` are the only ones that see JSON as such.

pub mod aws_json;
pub mod aws_query;
pub mod event_stream;
mod rejection;
pub mod validate;

use api_models::schema::{OperationSchema, Protocol};
use api_models::{Document, Encode, OperationError};
use hyper::http::request::Parts;
pub use rejection::Rejection;

/// A response without the headers that all protocols share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

/// One wire protocol. Codecs hold no state.
pub trait Codec: Send + Sync {
    /// The input of `operation`, as far as types go; [`validate`] does the rest.
    ///
    /// # Errors
    /// When the bytes are not of this protocol, or a value has a type that the schema does not have there.
    fn decode(&self, operation: &'static OperationSchema, request: &Parts, body: &[u8]) -> Result<Document, Rejection>;

    /// The answer of `operation` to the request with that id, which some protocols repeat in the body.
    fn encode(&self, operation: &'static OperationSchema, answer: &dyn Encode, request_id: &str) -> Reply;

    /// An error of the operation itself. What was not expected shows as the service's internal error, without details.
    fn encode_error(&self, error: &dyn OperationError, request_id: &str) -> Reply;

    /// An error from before the operation.
    fn encode_rejection(&self, rejection: &Rejection, request_id: &str) -> Reply;
}

/// The codec of a service's protocol, if LocalECS speaks it.
#[must_use]
pub fn codec(protocol: Protocol) -> Option<&'static dyn Codec> {
    match protocol {
        Protocol::AwsJson => Some(&aws_json::AwsJson),
        Protocol::AwsQuery => Some(&aws_query::AWS_QUERY),
        Protocol::Ec2Query => Some(&aws_query::EC2_QUERY),
        Protocol::RestJson | Protocol::RestXml | Protocol::RpcV2Cbor => None,
    }
}
