//! Which operation of which service a request is for.
//!
//! The JSON services say so in `X-Amz-Target: <prefix>.<operation>`. Services of other protocols will be told by the
//! service in the credential scope, by the host name, and by the path; their rules belong here as well.

use api_models::schema::{OperationSchema, ServiceSchema};
use hyper::Method;
use hyper::header::HeaderName;
use hyper::http::request::Parts;

use crate::protocol::Rejection;

const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// What a request is for.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub service: &'static ServiceSchema,
    pub operation: Operation,
}

/// An operation that the service's API has.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    Known(&'static OperationSchema),
    /// One that LocalECS has no types for: it is off for sure.
    Untyped(&'static str),
}

impl Operation {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Known(schema) => schema.name,
            Self::Untyped(name) => name,
        }
    }
}

/// Finds the operation among those of `services`.
///
/// # Errors
/// What AWS answers when there is none such.
pub fn classify(services: &[&'static ServiceSchema], request: &Parts) -> Result<Target, Rejection> {
    let Some(target) = request.headers.get(X_AMZ_TARGET) else {
        return Err(Rejection::unknown_operation());
    };
    let target = target.to_str().unwrap_or_default();
    let Some((prefix, name)) = target.rsplit_once('.').filter(|_| request.method == Method::POST) else {
        return Err(Rejection::unknown_operation());
    };
    let Some(service) = services.iter().find(|service| service.target_prefix == Some(prefix)) else {
        let known: Vec<&str> = services.iter().map(|service| service.id).collect();
        // On AWS such a request goes to another endpoint, so there are no words of AWS's to repeat.
        return Err(Rejection::new(
            400,
            "UnknownOperationException",
            format!("LocalECS does not serve the API of '{}'. It serves: {}.", shown(target), known.join(", ")),
        ));
    };
    let operation = match service.operation(name) {
        Some(schema) => Operation::Known(schema),
        None => match service.other_operations.iter().find(|other| **other == name) {
            Some(name) => Operation::Untyped(name),
            None => return Err(Rejection::unknown_operation()),
        },
    };
    Ok(Target { service, operation })
}

/// What a message may repeat of a header.
fn shown(text: &str) -> &str {
    text.get(..100).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn classified(method: &str, target: Option<&str>) -> Result<&'static str, Rejection> {
        let mut request = Request::builder().method(method).uri("/");
        if let Some(target) = target {
            request = request.header("x-amz-target", target);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        classify(api_models::services(), &parts).map(|target| target.operation.name())
    }

    #[test]
    fn the_target_names_the_operation() {
        assert_eq!(classified("POST", Some("AmazonEC2ContainerServiceV20141113.RunTask")), Ok("RunTask"));
    }

    #[test]
    fn what_aws_does_not_know_is_an_unknown_operation() {
        for target in [
            None,
            Some(""),
            Some("RunTask"),
            Some("AmazonEC2ContainerServiceV20141113."),
            Some("AmazonEC2ContainerServiceV20141113.Nope"),
            Some("AmazonEC2ContainerServiceV20141113.runtask"),
        ] {
            assert_eq!(classified("POST", target), Err(Rejection::unknown_operation()), "{target:?}");
        }
        let get = classified("GET", Some("AmazonEC2ContainerServiceV20141113.RunTask"));
        assert_eq!(get, Err(Rejection::unknown_operation()));
    }

    #[test]
    fn another_service_is_named() {
        let rejection = classified("POST", Some("DynamoDB_20120810.ListTables")).expect_err("not served");
        let message = rejection.message.expect("a message");
        assert!(message.contains("DynamoDB_20120810.ListTables") && message.contains("ecs"), "{message}");
    }
}
