//! Which operation of which service a request is for.
//!
//! The JSON services say so in `X-Amz-Target: <prefix>.<operation>`. Those of the query protocol are named by the
//! service in the credential scope, or else by the API version they alone have; the operation is in the form. All
//! else is for services that LocalECS does not have.

use api_models::schema::{OperationSchema, Protocol, ServiceSchema};
use hyper::Method;
use hyper::header::{CONTENT_TYPE, HeaderName};
use hyper::http::request::Parts;

use crate::identity::sigv4::Claim;
use crate::protocol::Rejection;
use crate::protocol::aws_query::form::Form;

const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// What a request is for.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub service: &'static ServiceSchema,
    pub operation: Operation,
    /// The one of the service's protocols that the request is in.
    pub protocol: Protocol,
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

/// What the head of a request tells.
#[derive(Clone, Debug)]
pub enum Class {
    Target(Target),
    /// A form: [`form_target`] finds the operation once it is read. With the service, if the request is signed for
    /// one of LocalECS's.
    Form(Option<&'static ServiceSchema>),
    /// For a service that LocalECS does not have, and what to answer if nobody else is asked.
    Foreign(Rejection),
}

/// Looks at a request's head.
///
/// # Errors
/// What AWS answers when the service is LocalECS's and has no such operation.
pub fn classify(services: &[&'static ServiceSchema], request: &Parts) -> Result<Class, Rejection> {
    if let Some(target) = request.headers.get(X_AMZ_TARGET) {
        return json_target(services, request, target.to_str().unwrap_or_default());
    }
    // A broken signature is told as such by those who look at it again.
    let claim = Claim::parse(request).ok().flatten();
    let signed_for = claim.as_ref().map(|claim| &*claim.service);
    let service = signed_for.and_then(|name| services.iter().find(|service| service.signing_name == name).copied());
    let path = request.uri.path();
    let is_form = match request.method {
        Method::GET => has_action(request),
        Method::POST => has_form(request),
        _ => false,
    };
    match (signed_for, service) {
        (Some(_), Some(service)) if is_form && path == "/" && query_protocol(service).is_some() => {
            Ok(Class::Form(Some(service)))
        }
        (None, _) if is_form && path == "/" => Ok(Class::Form(None)),
        (Some(_), Some(_)) => Err(Rejection::unknown_operation()),
        (Some(name), None) => Ok(Class::Foreign(not_served(services, name))),
        (None, _) => Ok(Class::Foreign(Rejection::unknown_operation())),
    }
}

fn json_target(services: &[&'static ServiceSchema], request: &Parts, target: &str) -> Result<Class, Rejection> {
    let Some((prefix, name)) = target.rsplit_once('.').filter(|_| request.method == Method::POST) else {
        return Err(Rejection::unknown_operation());
    };
    let Some(service) = services.iter().find(|service| service.target_prefix == Some(prefix)) else {
        return Ok(Class::Foreign(not_served(services, target)));
    };
    let operation = find(service, name).ok_or_else(Rejection::unknown_operation)?;
    Ok(Class::Target(Target { service, operation, protocol: service.protocol }))
}

/// Finds the operation that a form names; `service` as [`Class::Form`] has it. `None` when it is for a service that
/// LocalECS does not have.
///
/// # Errors
/// What AWS answers when the form names no operation, or one that the service does not have.
pub fn form_target(
    services: &[&'static ServiceSchema],
    service: Option<&'static ServiceSchema>,
    form: &Form<'_>,
) -> Result<Option<Target>, Rejection> {
    let (action, version) = (form.get("Action").unwrap_or_default(), form.get("Version"));
    let by_version =
        || services.iter().copied().find(|known| query_protocol(known).is_some() && Some(known.api_version) == version);
    let Some(service) = service.or_else(by_version) else { return Ok(None) };
    let Some(protocol) = query_protocol(service) else { return Ok(None) };
    if action.is_empty() {
        return Err(Rejection::new(400, "MissingAction", "The request must contain the parameter Action."));
    }
    let version = version.unwrap_or(service.api_version);
    match find(service, action).filter(|_| version == service.api_version) {
        Some(operation) => Ok(Some(Target { service, operation, protocol })),
        None => Err(Rejection::new(
            400,
            "InvalidAction",
            format!("Could not find operation {} for version {}", shown(action), shown(version)),
        )),
    }
}

/// What to answer to a request for a service that LocalECS does not have; `what` names it. On AWS it would go to
/// another endpoint, so there are no words of AWS's to repeat.
#[must_use]
pub fn not_served(services: &[&'static ServiceSchema], what: &str) -> Rejection {
    let known: Vec<&str> = services.iter().map(|service| service.id).collect();
    Rejection::new(
        400,
        "UnknownOperationException",
        format!(
            "LocalECS does not serve the API of '{}'. It serves: {}. Start it with --upstream-endpoint to have requests \
             for other services forwarded to another emulator.",
            shown(what),
            known.join(", ")
        ),
    )
}

fn find(service: &'static ServiceSchema, name: &str) -> Option<Operation> {
    match service.operation(name) {
        Some(schema) => Some(Operation::Known(schema)),
        None => service.other_operations.iter().find(|other| **other == name).map(|name| Operation::Untyped(name)),
    }
}

/// The variant of the query protocol that the service speaks.
fn query_protocol(service: &ServiceSchema) -> Option<Protocol> {
    service.protocols.iter().copied().find(|protocol| matches!(protocol, Protocol::AwsQuery | Protocol::Ec2Query))
}

/// Whether the query names an action: the form of presigned calls.
fn has_action(request: &Parts) -> bool {
    request.uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("Action=")))
}

/// Whether the body is a form.
#[must_use]
pub fn has_form(request: &Parts) -> bool {
    let content_type = request.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// What a message may repeat of a header.
fn shown(text: &str) -> &str {
    text.get(..100).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    const TARGET: &str = "x-amz-target";

    fn head(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method).uri(uri);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).expect("a request").into_parts().0
    }

    fn classified(method: &str, target: Option<&str>) -> Result<&'static str, Rejection> {
        let headers: Vec<_> = target.map(|target| (TARGET, target)).into_iter().collect();
        match classify(api_models::services(), &head(method, "/", &headers))? {
            Class::Target(target) => Ok(target.operation.name()),
            Class::Form(_) => Ok("(a form)"),
            Class::Foreign(rejection) => Err(rejection),
        }
    }

    fn signed(service: &str) -> String {
        format!("AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request")
    }

    /// The operation of a form in the body of a POST.
    fn form(service: Option<&str>, form: &str) -> Result<Option<(&'static str, &'static str)>, String> {
        let mut headers = vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())];
        headers.extend(service.map(|service| ("authorization", signed(service))));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let services = api_models::services();
        match classify(services, &head("POST", "/", &headers)).map_err(|rejection| rejection.to_string())? {
            Class::Form(service) => form_target(services, service, &Form::parse(form.as_bytes()))
                .map(|target| target.map(|target| (target.service.id, target.operation.name())))
                .map_err(|rejection| rejection.to_string()),
            Class::Foreign(_) => Ok(None),
            Class::Target(_) => panic!("no target was given"),
        }
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

    #[test]
    fn a_form_names_its_action() {
        let identity = "Action=GetCallerIdentity&Version=2011-06-15";
        assert_eq!(form(Some("sts"), identity), Ok(Some(("sts", "GetCallerIdentity"))));
        // Calls that are not signed are known by their version.
        assert_eq!(form(None, identity), Ok(Some(("sts", "GetCallerIdentity"))));
        assert_eq!(form(Some("iam"), "Action=ListUsers&Version=2010-05-08"), Ok(Some(("iam", "ListUsers"))));
        let faults = [
            ("Action=Nope&Version=2011-06-15", "InvalidAction: Could not find operation Nope for version 2011-06-15"),
            (
                "Action=GetCallerIdentity&Version=2010-05-08",
                "InvalidAction: Could not find operation GetCallerIdentity for version 2010-05-08",
            ),
            ("Version=2011-06-15", "MissingAction: The request must contain the parameter Action."),
        ];
        for (text, fault) in faults {
            assert_eq!(form(Some("sts"), text), Err(fault.to_owned()));
        }
    }

    #[test]
    fn other_services_are_foreign() {
        assert_eq!(form(Some("sqs"), "Action=ListQueues&Version=2012-11-05"), Ok(None));
        assert_eq!(form(None, "Action=ListQueues&Version=2012-11-05"), Ok(None));
        let bucket = head("GET", "/bucket/key", &[("authorization", &signed("s3"))]);
        assert!(matches!(classify(api_models::services(), &bucket), Ok(Class::Foreign(_))));
        // A path that none of ours has.
        let ecs = head("GET", "/bucket", &[("authorization", &signed("ecs"))]);
        assert!(classify(api_models::services(), &ecs).is_err());
    }

    #[test]
    fn a_get_has_its_form_in_the_query() {
        let get = head("GET", "/?Version=2011-06-15&Action=GetCallerIdentity", &[]);
        assert!(matches!(classify(api_models::services(), &get), Ok(Class::Form(None))));
    }
}
