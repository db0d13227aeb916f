//! awsQuery and its variant for EC2: forms in, XML out; the protocol of STS, IAM and most services of their age.
//!
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>
//! <https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html>
//!
//! A request is a form (in the body, or in the query of a GET) that names `Action` and `Version`; members are pairs
//! such as `Tags.member.1.Key=a`. An answer is `<GetRoleResponse><GetRoleResult>…`, an error `<ErrorResponse>`.

mod decode;
pub mod form;
#[cfg(test)]
mod tests;
mod xml;

use api_models::schema::{OperationSchema, ServiceSchema};
use api_models::{Document, Encode, OperationError};
use form::Form;
use hyper::Method;
use hyper::http::request::Parts;
use xml::XmlWriter;

use super::{Codec, Rejection, Reply};

const CONTENT_TYPE: &str = "text/xml";

/// What the two variants differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    Aws,
    Ec2,
}

/// The codec of one variant.
pub struct AwsQuery(Variant);

pub static AWS_QUERY: AwsQuery = AwsQuery(Variant::Aws);
pub static EC2_QUERY: AwsQuery = AwsQuery(Variant::Ec2);

impl Codec for AwsQuery {
    fn decode(&self, operation: &'static OperationSchema, request: &Parts, body: &[u8]) -> Result<Document, Rejection> {
        decode::document(operation, &form(request, body), self.0)
    }

    fn encode(&self, operation: &'static OperationSchema, answer: &dyn Encode, request_id: &str) -> Reply {
        let mut xml = XmlWriter::new();
        let root = format!("{}Response", operation.name);
        xml.open_with_namespace(&root, operation.service.xml_namespace);
        match self.0 {
            Variant::Aws => {
                if let Some(wrapper) = operation.result_wrapper {
                    xml.open(wrapper);
                }
                answer.encode(&mut xml);
                if let Some(wrapper) = operation.result_wrapper {
                    xml.close(wrapper);
                }
                xml.open("ResponseMetadata");
                xml.text("RequestId", request_id);
                xml.close("ResponseMetadata");
            }
            Variant::Ec2 => {
                xml.text("requestId", request_id);
                answer.encode(&mut xml);
            }
        }
        xml.close(&root);
        Reply { status: operation.http_status, content_type: CONTENT_TYPE, body: xml.finish() }
    }

    fn encode_error(&self, error: &dyn OperationError, request_id: &str) -> Reply {
        let service = error.operation().service;
        let members = |xml: &mut XmlWriter| error.encode_members(xml);
        self.error(Some(service), error.http_status(), error.code(), Some(error.message()), request_id, members)
    }

    fn encode_rejection(&self, rejection: &Rejection, request_id: &str) -> Reply {
        let code = match &*rejection.code {
            "SerializationException" => "MalformedInput",
            code => code,
        };
        self.error(None, rejection.status, code, rejection.message.as_deref(), request_id, |_| {})
    }
}

impl AwsQuery {
    /// `members` writes what the exception holds besides its message.
    fn error(
        &self,
        service: Option<&ServiceSchema>,
        status: u16,
        code: &str,
        message: Option<&str>,
        request_id: &str,
        members: impl FnOnce(&mut XmlWriter),
    ) -> Reply {
        let mut xml = XmlWriter::new();
        let fault = |xml: &mut XmlWriter, with_type: bool| {
            xml.open("Error");
            if with_type {
                xml.text("Type", if status >= 500 { "Receiver" } else { "Sender" });
            }
            xml.text("Code", code);
            if let Some(message) = message {
                xml.text("Message", message);
            }
            // EC2's errors have nothing else.
            if with_type {
                xml.without_message(members);
            }
            xml.close("Error");
        };
        match self.0 {
            Variant::Aws => {
                xml.open_with_namespace("ErrorResponse", service.and_then(|service| service.xml_namespace));
                fault(&mut xml, true);
                xml.text("RequestId", request_id);
                xml.close("ErrorResponse");
            }
            Variant::Ec2 => {
                xml.open("Response");
                xml.open("Errors");
                fault(&mut xml, false);
                xml.close("Errors");
                xml.text("RequestID", request_id);
                xml.close("Response");
            }
        }
        Reply { status, content_type: CONTENT_TYPE, body: xml.finish() }
    }
}

/// The pairs of a request: a GET has them in its query.
pub fn form<'a>(request: &'a Parts, body: &'a [u8]) -> Form<'a> {
    if request.method == Method::GET {
        Form::parse(request.uri.query().unwrap_or_default().as_bytes())
    } else {
        Form::parse(body)
    }
}
