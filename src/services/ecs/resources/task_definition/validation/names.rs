//! Names: of the family, of containers, images and roles.

use std::collections::BTreeSet;

use super::{Checked, Subject, ensure, refuse, text};

/// The most containers a task definition can have.
const MAX_CONTAINERS: usize = 10;
const MAX_NAME: usize = 255;

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let input = subject.input;
    let family = text(&input.family);
    ensure(!family.trim().is_empty(), || "Family can not be blank.".into())?;
    ensure(is_name(family), || "Family contains invalid characters.".into())?;
    ensure(!subject.containers.is_empty(), || "Container list cannot be empty.".into())?;
    ensure(subject.containers.len() <= MAX_CONTAINERS, || "Too many containers.".into())?;
    ensure(input.inference_accelerators.is_none(), || "Unsupported field 'inferenceAccelerators'.".into())?;
    for role in [&input.task_role_arn, &input.execution_role_arn].into_iter().flatten() {
        ensure(is_role(role), || "Role is not valid".into())?;
    }
    let mut names = BTreeSet::new();
    for container in subject.containers {
        let name = text(&container.name);
        ensure(!name.is_empty(), || "Container.name should not be null or empty.".into())?;
        ensure(is_name(name), || "Container.name contains invalid characters.".into())?;
        let image = text(&container.image);
        ensure(!image.is_empty(), || "Container.image should not be null or empty.".into())?;
        ensure(is_image(image), || "Container.image contains invalid characters.".into())?;
        if !names.insert(name) {
            return refuse("Container names must be unique within a task definition");
        }
    }
    Ok(())
}

/// "Up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens are allowed."
pub(super) fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// "Up to 255 letters, numbers, hyphens, underscores, colons, periods, forward slashes, and number signs are allowed",
/// and the `@` of a digest.
fn is_image(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.' | b'/' | b'#' | b'@'))
}

/// A role's ARN, or its bare name, with or without a path. Empty means none.
fn is_role(text: &str) -> bool {
    let is_path = |path: &str| {
        !path.is_empty() && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&byte))
    };
    if !text.starts_with("arn:") {
        return text.is_empty() || is_path(text);
    }
    crate::identity::Arn::parse(text).is_ok_and(|arn| {
        arn.service == "iam"
            && arn.account.len() == 12
            && arn.account.bytes().all(|byte| byte.is_ascii_digit())
            && arn.resource.strip_prefix("role/").is_some_and(is_path)
    })
}
