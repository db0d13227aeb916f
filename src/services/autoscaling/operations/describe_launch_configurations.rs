//! DescribeLaunchConfigurations: launch configurations, by name.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeLaunchConfigurations.html>

use api_models::autoscaling::{
    DescribeLaunchConfigurationsError, LaunchConfigurationNamesType, LaunchConfigurationsType,
};

use crate::services::Context;
use crate::services::autoscaling::resources::ConfigurationKey;
use crate::services::autoscaling::resources::page::PageRequest;
use crate::services::paging::Order;

pub(crate) async fn handle(
    context: Context,
    input: LaunchConfigurationNamesType,
) -> Result<LaunchConfigurationsType, DescribeLaunchConfigurationsError> {
    let page = PageRequest::new("DescribeLaunchConfigurations", input.max_records, 100, input.next_token)?;
    let names = input.launch_configuration_names.unwrap_or_default();
    let state = context.snapshot();
    let all = state.launch_configurations.range(ConfigurationKey::new(&context.scope, "")..).map(|(_, one)| one);
    let found = all
        .take_while(|one| one.key.scope == context.scope)
        .filter(|one| names.is_empty() || names.iter().any(|name| **name == *one.key.name));
    let (found, next_token) = page.cut(found, Order::Ascending, |one| one.key.name.to_string())?;
    let shown = found.into_iter().map(|one| one.shown()).collect();
    Ok(LaunchConfigurationsType { launch_configurations: Some(shown), next_token })
}
