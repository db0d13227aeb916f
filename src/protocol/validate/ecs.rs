//! How ECS words a broken constraint. It is older than the validation its siblings share and has a sentence of its
//! own for nearly everything, told one at a time.
//!
//! The sentences in [`REQUIRED`] were seen from ECS; the rest follows their pattern.

use api_models::schema::{MemberSchema, OperationSchema, Schema, StringSchema, StructureSchema};

use super::{Constraint, Violation, declared};
use crate::protocol::Rejection;

const CLIENT: &str = "ClientException";
const INVALID: &str = "InvalidParameterException";

/// Operation (or `*`), member, exception and words for a required member that is missing.
const REQUIRED: &[(&str, &str, &str, &str)] = &[
    ("RegisterTaskDefinition", "family", CLIENT, "Family can not be blank."),
    ("RegisterTaskDefinition", "containerDefinitions", CLIENT, "Container list cannot be empty."),
    (
        "DeleteTaskDefinitions",
        "taskDefinitions",
        INVALID,
        "size of TaskDefinition references list must be greater than 0",
    ),
    ("*", "taskDefinition", INVALID, "Task Definition can not be blank."),
    ("*", "tasks", INVALID, "Tasks cannot be empty."),
    ("*", "containerInstances", CLIENT, "Container Instances cannot be empty."),
    ("*", "subnets", INVALID, "subnets can not be empty."),
];

/// ECS's own list has one more launch type than its model.
const LAUNCH_TYPES: &str = "EC2,FARGATE,EXTERNAL,FMI,MANAGED_INSTANCES";

/// Shapes that ECS checks in another way than the model says:
/// - tags: the operations have sentences for each fault (length, characters, number, prefix)
/// - the protocol of a port: "Amazon ECS treats any other specified value as tcp"
pub(super) fn skips(shape: &str) -> bool {
    matches!(shape, "TagKey" | "TagValue" | "Tags" | "TransportProtocol")
}

pub(super) fn rejection(operation: &'static OperationSchema, violation: &Violation) -> Rejection {
    let usual = if operation.name.contains("RegisterTaskDefinition") { CLIENT } else { INVALID };
    let (class, message) = match (violation.member, violation.constraint) {
        (Some((structure, member)), Constraint::Required) => {
            required(operation, structure, member, violation.top, usual)
        }
        (Some((_, member)), constraint) => (usual, broken(member, constraint, &violation.value)),
        (None, _) => (usual, format!("{} must have exactly one member.", operation.input.name)),
    };
    let (code, status) = declared(operation, &[class, usual, INVALID, CLIENT]);
    Rejection::new(status, code, message)
}

fn required(
    operation: &OperationSchema,
    structure: &StructureSchema,
    member: &MemberSchema,
    top: bool,
    usual: &'static str,
) -> (&'static str, String) {
    let known = REQUIRED.iter().find(|(name, of, ..)| (*name == "*" || *name == operation.name) && *of == member.name);
    if let Some((_, _, class, message)) = known {
        return (class, (*message).to_owned());
    }
    let message = match member.schema {
        _ if !top => format!("{}.{} should not be null or empty.", short(structure.name), member.name),
        Schema::String(_) => format!("{} can not be blank.", title(member.name)),
        Schema::List(_) | Schema::Map(_) | Schema::Structure(_) => format!("{} can not be empty.", title(member.name)),
        _ => format!("{} can not be null.", title(member.name)),
    };
    (usual, message)
}

fn broken(member: &MemberSchema, constraint: Constraint, value: &str) -> String {
    let (name, title) = (member.name, title(member.name));
    match constraint {
        Constraint::OneOf(schema) => one_of(member, schema, value),
        Constraint::MinLength(1) => format!("{title} cannot be empty."),
        Constraint::MinLength(min) => format!("{name} length must be at least {min}"),
        Constraint::MaxLength(max) if matches!(member.schema, Schema::List(_) | Schema::Map(_)) => {
            format!("{title} cannot have more than {max} elements.")
        }
        Constraint::MaxLength(max) => format!("{name} length must be at most {max}"),
        Constraint::Min(min) => format!("{name} must be greater than or equal to {min}."),
        Constraint::Max(max) => format!("{name} must be less than or equal to {max}."),
        Constraint::ExactlyOne => format!("{title} must have exactly one member."),
        Constraint::Required | Constraint::NotNull => format!("{title} can not contain null."),
    }
}

fn one_of(member: &MemberSchema, schema: &StringSchema, value: &str) -> String {
    let values = schema.enum_values.join(",");
    match schema.name {
        "LogDriver" => format!("{value} is not a valid log driver. Must be one of [{values}]"),
        "SettingName" => format!("{value} should be one of [{values}]"),
        "LaunchType" => format!("launch type should be one of [{LAUNCH_TYPES}]"),
        "SchedulingStrategy" => format!("Scheduling strategy should be one of [{values}]"),
        _ => format!("{} should be one of [{values}]", member.name),
    }
}

/// `ContainerDefinition` → `Container`, as in "Container.name should not be null or empty."
fn short(structure: &str) -> &str {
    structure.strip_suffix("Definition").unwrap_or(structure)
}

/// `taskDefinition` → `Task Definition`.
fn title(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    let mut lower = false;
    for (index, letter) in name.chars().enumerate() {
        if index == 0 {
            out.extend(letter.to_uppercase());
        } else {
            if letter.is_uppercase() && lower {
                out.push(' ');
            }
            out.push(letter);
        }
        lower = letter.is_lowercase();
    }
    out
}
