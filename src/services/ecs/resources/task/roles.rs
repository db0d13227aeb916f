//! With `--strict-iam`: tasks start only when ECS can assume their roles, as on AWS.

use api_models::ecs::{ClientException, CommonError};

use super::Blueprint;
use crate::config::Config;
use crate::services::iam::authorize;
use crate::store::State;

/// Checks the task role and the execution role of tasks that are about to be made; any will do without `--strict-iam`.
///
/// # Errors
/// ClientException for a role that does not exist, or does not trust ecs-tasks.amazonaws.com.
pub fn check_roles(state: &State, config: &Config, blueprint: &Blueprint) -> Result<(), CommonError> {
    unusable_role(state, config, blueprint).map_or(Ok(()), |why| Err(ClientException::new(why).into()))
}

/// What ECS says of the first role that it could not assume for such a task.
#[must_use]
pub fn unusable_role(state: &State, config: &Config, blueprint: &Blueprint) -> Option<String> {
    if !config.strict_iam {
        return None;
    }
    let (definition, overrides) = (&blueprint.definition.definition, &blueprint.overrides);
    let task = overrides.task_role_arn.as_ref().or(definition.task_role_arn.as_ref());
    let execution = overrides.execution_role_arn.as_ref().or(definition.execution_role_arn.as_ref());
    let scope = &blueprint.cluster.scope;
    for given in [task, execution].into_iter().flatten().filter(|given| !given.is_empty()) {
        let role = authorize::resolve(state, scope, given);
        if !authorize::can_be_assumed(state, scope, &role) {
            return Some(authorize::not_assumed(&role));
        }
    }
    None
}
