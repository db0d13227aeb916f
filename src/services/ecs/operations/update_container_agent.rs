//! UpdateContainerAgent: there is never a newer agent than the one LocalECS stands for.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateContainerAgent.html>

use api_models::ecs::{
    InvalidParameterException, MissingVersionException, NoUpdateAvailableException, UpdateContainerAgentError,
    UpdateContainerAgentRequest, UpdateContainerAgentResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::container_instance::registration;
use crate::services::ecs::resources::lookup;

/// As AWS answers for an agent that is up to date, or that does not say which it is. An older one that registered itself
/// can't be updated either: nothing of AWS's reaches it.
pub(crate) async fn handle(
    context: Context,
    input: UpdateContainerAgentRequest,
) -> Result<UpdateContainerAgentResponse, UpdateContainerAgentError> {
    let named = input
        .container_instance
        .filter(|named| !named.is_empty())
        .ok_or_else(|| InvalidParameterException::new("Container instance can not be blank."))?;
    let state = context.snapshot();
    let cluster = &lookup::active_cluster(&state, &context.scope, input.cluster.as_deref())?.key;
    let found = registration::find(&state, cluster, &named)?.filter(|found| found.status != "INACTIVE");
    let Some(found) = found else {
        let id = named.rsplit('/').next().unwrap_or(&named);
        return Err(InvalidParameterException::new(format!("Referenced container instance {id} not found.")).into());
    };
    let version = found.version_info.agent_version.as_deref().unwrap_or_default();
    let numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    if version.is_empty() || !numbers.clone().all(|number| number.is_ok()) || numbers.count() != 3 {
        let message = "The version of the container agent is unknown: it can not be updated.";
        return Err(MissingVersionException::new(message).into());
    }
    Err(NoUpdateAvailableException::new("There is no update available for your container agent.").into())
}

#[cfg(test)]
mod tests {
    use api_models::ecs::{RegisterContainerInstanceRequest, VersionInfo};

    use super::*;
    use crate::services::ecs::operations::{create_cluster, register_container_instance as register};
    use crate::testing::context;

    #[tokio::test]
    async fn agents_are_up_to_date() {
        let context = context();
        create_cluster::handle(context.clone(), Default::default()).await.expect("a cluster");
        for (version, code) in [
            (None, "There is no update available for your container agent."),
            (Some("1.20.0"), "There is no update available for your container agent."),
            (Some("my-build"), "The version of the container agent is unknown"),
        ] {
            let version_info = version
                .map(|version| Box::new(VersionInfo { agent_version: Some(version.into()), ..VersionInfo::default() }));
            let request = RegisterContainerInstanceRequest { version_info, ..Default::default() };
            let made = register::handle(context.clone(), request).await.expect("an instance").container_instance;
            let container_instance = made.and_then(|it| it.container_instance_arn);
            let request = UpdateContainerAgentRequest { container_instance, ..Default::default() };
            let error = handle(context.clone(), request).await.expect_err("no update").to_string();
            assert!(error.contains(code), "{error}");
        }
        let request = UpdateContainerAgentRequest { container_instance: Some("ffff".into()), ..Default::default() };
        let error = handle(context, request).await.expect_err("no instance").to_string();
        assert!(error.contains("Referenced container instance ffff not found."), "{error}");
    }
}
