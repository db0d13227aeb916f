//! What PutAttributes and DeleteAttributes name: attributes with the container instance that has them.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Attribute.html>

use api_models::ecs::{Attribute, CommonError, InvalidParameterException, TargetNotFoundException, TargetType};

use super::{ContainerInstanceKey, registration};
use crate::services::ecs::resources::ClusterKey;
use crate::store::State;

const MAX_ATTRIBUTES: usize = 10;

/// Checks how many attributes a request names.
///
/// # Errors
/// InvalidParameterException for none, or more than 10.
pub fn check_count(given: &[Attribute]) -> Result<(), InvalidParameterException> {
    match given.len() {
        0 => Err(InvalidParameterException::new("Attributes can not be empty.")),
        1..=MAX_ATTRIBUTES => Ok(()),
        _ => Err(InvalidParameterException::new(format!("attributes can have at most {MAX_ATTRIBUTES} items."))),
    }
}

/// The instance that an attribute is of.
///
/// # Errors
/// What [`Error`] holds.
pub fn find(state: &State, cluster: &ClusterKey, attribute: &Attribute) -> Result<ContainerInstanceKey, Error> {
    let invalid = |message: &str| Err(Error::Common(InvalidParameterException::new(message).into()));
    let Some(target) = attribute.target_id.as_deref().filter(|target| !target.trim().is_empty()) else {
        return invalid("targetId can not be blank.");
    };
    match &attribute.target_type {
        Some(TargetType::ContainerInstance) => {}
        Some(_) => return invalid("targetType should be one of [container-instance]"),
        None if target.starts_with("arn:") => {}
        None => return invalid("targetType must be specified if targetId is not a full ARN."),
    }
    let found = registration::find(state, cluster, target)?.filter(|found| found.status != "INACTIVE");
    found.map(|found| found.key.clone()).ok_or_else(|| {
        Error::NotFound(TargetNotFoundException::new(format!("The specified target {target} was not found.")))
    })
}

/// Why there is no target.
pub enum Error {
    Common(CommonError),
    NotFound(TargetNotFoundException),
}

impl From<CommonError> for Error {
    fn from(error: CommonError) -> Self {
        Self::Common(error)
    }
}

macro_rules! into {
    ($($error:path),+) => {
        $(impl From<Error> for $error {
            fn from(error: Error) -> Self {
                match error {
                    Error::Common(error) => error.into(),
                    Error::NotFound(error) => error.into(),
                }
            }
        })+
    };
}

into!(api_models::ecs::PutAttributesError, api_models::ecs::DeleteAttributesError);

/// The attribute as answers show it: with the ARN of the instance.
#[must_use]
pub fn shown(attribute: &Attribute, of: &ContainerInstanceKey) -> Attribute {
    Attribute {
        name: attribute.name.clone(),
        value: attribute.value.clone(),
        target_id: Some(of.arn()),
        target_type: None,
    }
}
