//! The words of the validation that most AWS services share: all violations in one message.

use api_models::schema::{OperationSchema, Protocol};

use super::{Constraint, Violation, declared};
use crate::protocol::Rejection;

pub(super) fn rejection(operation: &'static OperationSchema, violations: &[Violation]) -> Rejection {
    let is_query = operation.service.protocol == Protocol::AwsQuery;
    let (code, status) = match operation.service.id {
        _ if is_query => ("ValidationError", 400),
        // It answers its InvalidParameterException to what it checks itself, later.
        "secretsmanager" => ("ValidationException", 400),
        _ => declared(
            operation,
            &["ValidationException", "InvalidParameterException", "InvalidInputException", "InvalidRequestException"],
        ),
    };
    let count = violations.len();
    let errors = if count == 1 { "error" } else { "errors" };
    let all: Vec<String> = violations.iter().map(|violation| message(violation, is_query)).collect();
    Rejection::new(status, code, format!("{count} validation {errors} detected: {}", all.join("; ")))
}

fn message(violation: &Violation, is_query: bool) -> String {
    let constraint = match violation.constraint {
        Constraint::Required | Constraint::NotNull => "Member must not be null".to_owned(),
        Constraint::OneOf(schema) => format!("Member must satisfy enum value set: [{}]", schema.enum_values.join(", ")),
        Constraint::MinLength(min) => format!("Member must have length greater than or equal to {min}"),
        Constraint::MaxLength(max) => format!("Member must have length less than or equal to {max}"),
        Constraint::Min(min) => format!("Member must have value greater than or equal to {min}"),
        Constraint::Max(max) => format!("Member must have value less than or equal to {max}"),
        Constraint::ExactlyOne => "Exactly one member must be set".to_owned(),
    };
    let value = match violation.constraint {
        Constraint::Required | Constraint::NotNull => "null".to_owned(),
        _ => format!("'{}'", violation.value),
    };
    let path = if is_query { lower_camel(&violation.path) } else { violation.path.clone() };
    format!("Value {value} at '{path}' failed to satisfy constraint: {constraint}")
}

/// `PolicyArns.1.member.Arn` → `policyArns.1.member.arn`: the services of the query protocol name members as their
/// code does, not as the wire does.
fn lower_camel(path: &str) -> String {
    let parts = path.split('.').map(|part| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect::<String>()
    });
    parts.collect::<Vec<_>>().join(".")
}
