//! The words of EC2: one violation at a time.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>

use super::{Constraint, Violation};
use crate::protocol::Rejection;

pub(super) fn rejection(violation: &Violation) -> Rejection {
    // `instanceIds.1.member` is `instanceIds`.
    let name = violation.member.map_or("", |(_, member)| member.name);
    let value = &violation.value;
    let invalid = |more: String| {
        let message = format!("Value ({value}) for parameter {} is invalid.{more}", lower(name));
        Rejection::new(400, "InvalidParameterValue", message)
    };
    match violation.constraint {
        Constraint::Required | Constraint::NotNull => {
            Rejection::new(400, "MissingParameter", format!("The request must contain the parameter {name}"))
        }
        Constraint::Min(min) => invalid(format!(" Expecting a value greater than or equal to {min}.")),
        Constraint::Max(max) => invalid(format!(" Expecting a value less than or equal to {max}.")),
        Constraint::OneOf(_) | Constraint::MinLength(_) | Constraint::MaxLength(_) | Constraint::ExactlyOne => {
            invalid(String::new())
        }
    }
}

fn lower(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}
