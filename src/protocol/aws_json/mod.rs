//! awsJson 1.0 and 1.1: the protocol of ECS, and of most AWS services of its age.
//!
//! <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>
//!
//! Errors are `{"__type":"ClusterNotFoundException","message":"Cluster not found."}`, with the exception's plain name
//! and no `x-amzn-ErrorType` header, as ECS answers.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use api_models::schema::OperationSchema;
use api_models::{Document, Encode, OperationError};
use hyper::http::request::Parts;

use super::{Codec, Rejection, Reply};

/// The codec.
pub struct AwsJson;

/// The content type of answers that belong to no service.
const DEFAULT_CONTENT_TYPE: &str = "application/x-amz-json-1.1";

impl Codec for AwsJson {
    fn decode(
        &self,
        operation: &'static OperationSchema,
        _request: &Parts,
        body: &[u8],
    ) -> Result<Document, Rejection> {
        decode::document(operation, body)
    }

    fn encode(&self, operation: &'static OperationSchema, answer: &dyn Encode, _request_id: &str) -> Reply {
        Reply { status: operation.http_status, content_type: content_type(operation), body: encode::answer(answer) }
    }

    fn encode_error(&self, error: &dyn OperationError, _request_id: &str) -> Reply {
        Reply { status: error.http_status(), content_type: content_type(error.operation()), body: encode::error(error) }
    }

    fn encode_rejection(&self, rejection: &Rejection, _request_id: &str) -> Reply {
        Reply { status: rejection.status, content_type: DEFAULT_CONTENT_TYPE, body: encode::rejection(rejection) }
    }
}

/// A structure as JSON in an event's `detail`: times are text (RFC 3339), and `more` members follow its own.
#[must_use]
pub fn detail(structure: &dyn Encode, more: &[(&str, &str)]) -> String {
    String::from_utf8(encode::detail(structure, more)).unwrap_or_default()
}

/// A structure as JSON: the payload of an event.
pub(super) fn payload(value: &dyn Encode) -> Vec<u8> {
    encode::answer(value)
}

fn content_type(operation: &OperationSchema) -> &'static str {
    match operation.service.json_version {
        Some("1.0") => "application/x-amz-json-1.0",
        _ => DEFAULT_CONTENT_TYPE,
    }
}
