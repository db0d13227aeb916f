//! What a request says about where its tasks are to run: platform version, placement constraints and strategies. The
//! same for RunTask and for services.

use api_models::ecs::{
    CommonError, InvalidParameterException, OSFamily, PlacementConstraint, PlacementStrategy,
    PlatformTaskDefinitionIncompatibilityException, PlatformUnknownException,
};

use super::{Platform, TaskDefinition};
use crate::services::ecs::scheduler::constraints::Constraints;
use crate::services::ecs::scheduler::placement::Strategy;

const MAX_STRATEGIES: usize = 5;
const PLATFORM_VERSIONS: [&str; 5] = ["1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0"];
const LATEST: &str = "1.4.0";

fn invalid(message: impl Into<String>) -> CommonError {
    InvalidParameterException::new(message).into()
}

/// Fargate's platform of a version; the newest one without.
///
/// # Errors
/// PlatformUnknownException when there is no such version.
pub fn platform(version: Option<&str>) -> Result<Platform, PlatformUnknownException> {
    let version = match version {
        None | Some("LATEST") => LATEST,
        Some(version) if PLATFORM_VERSIONS.contains(&version) => version,
        Some(_) => return Err(PlatformUnknownException::new("The specified platform does not exist.")),
    };
    Ok(Platform { version: version.into(), family: "Linux".into() })
}

/// The engine runs Linux containers, so Windows' platforms can't be had.
///
/// # Errors
/// PlatformTaskDefinitionIncompatibilityException when the task definition needs one.
pub fn check_platform(definition: &TaskDefinition) -> Result<(), PlatformTaskDefinitionIncompatibilityException> {
    let family = definition.definition.runtime_platform.as_ref().and_then(|p| p.operating_system_family.as_ref());
    if family.is_some_and(|family| *family != OSFamily::Linux) {
        return Err(PlatformTaskDefinitionIncompatibilityException::new(
            "One or more of the requested capabilities are not supported.",
        ));
    }
    Ok(())
}

/// Fargate chooses where tasks run.
///
/// # Errors
/// InvalidParameterException unless there are no constraints and no strategies.
pub fn not_on_fargate(no_constraints: bool, no_strategies: bool) -> Result<(), CommonError> {
    if !no_constraints {
        return Err(invalid("Placement constraints are not supported with FARGATE launch type."));
    }
    if !no_strategies {
        return Err(invalid("Placement strategies are not supported with FARGATE launch type."));
    }
    Ok(())
}

/// Container instances have no platform version.
///
/// # Errors
/// InvalidParameterException when one is given.
pub fn no_platform(version: Option<&str>) -> Result<(), CommonError> {
    match version {
        None => Ok(()),
        Some(_) => Err(invalid("The platform version must be null when specifying an EC2 launch type.")),
    }
}

/// The placement strategies of a request.
///
/// # Errors
/// InvalidParameterException when there are too many, or one is none.
pub fn strategies(given: &[PlacementStrategy]) -> Result<Vec<Strategy>, CommonError> {
    if given.len() > MAX_STRATEGIES {
        return Err(invalid(format!("Maximum number of strategies is {MAX_STRATEGIES}.")));
    }
    Ok(given.iter().map(Strategy::parse).collect::<Result<_, _>>()?)
}

/// The placement constraints of a request and of the task definition.
///
/// # Errors
/// InvalidParameterException when there are too many, or one is none.
pub fn constraints(given: &[PlacementConstraint], definition: &TaskDefinition) -> Result<Constraints, CommonError> {
    let own = definition.definition.placement_constraints.as_deref().unwrap_or_default();
    Ok(Constraints::parse(given, own)?)
}
