//! CreateCapacityProvider: an Auto Scaling group, or instances that ECS manages, as capacity for tasks.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCapacityProvider.html>

use api_models::ecs::{
    AutoScalingGroupProvider, CapacityProviderStatus, CapacityProviderUpdateStatus, ClientException, CommonError,
    CreateCapacityProviderError, CreateCapacityProviderRequest, CreateCapacityProviderResponse,
    CreateManagedInstancesProviderConfiguration, InvalidParameterException, ManagedTerminationProtection,
};

use crate::identity::Scope;
use crate::services::Context;
use crate::services::autoscaling::resources::change;
use crate::services::ecs::resources::capacity_provider::{
    AttachmentIds, CapacityProvider, CapacityProviderKey, Kind, active, check_name, check_new, complete, group_name,
};
use crate::services::ecs::resources::{Cluster, lookup, tags};
use crate::services::ecs::scheduler::managed_scaling::Memory;
use crate::store::{State, Transaction};

/// An Auto Scaling group's provider can be used once PutClusterCapacityProviders gives it to a cluster; one of managed
/// instances belongs to the cluster that the request names.
pub(crate) async fn handle(
    context: Context,
    input: CreateCapacityProviderRequest,
) -> Result<CreateCapacityProviderResponse, CreateCapacityProviderError> {
    let name = input.name.unwrap_or_default();
    check_name(&name)?;
    tags::validate(input.tags.as_deref().unwrap_or_default())?;
    context
        .store()
        .transact(|tx| {
            let scope = &context.scope;
            if active(tx, scope, &name).is_some() {
                return Err(ClientException::new(
                    "The specified capacity provider already exists. To change the configuration of an existing \
                     capacity provider, update the capacity provider.",
                )
                .into());
            }
            let cluster = input.cluster.as_deref().filter(|cluster| !cluster.is_empty());
            let kind = match (input.auto_scaling_group_provider, input.managed_instances_provider, cluster) {
                (Some(given), None, None) => auto_scaling(tx, scope, *given)?,
                (Some(_), None, Some(_)) => {
                    return invalid(
                        "A cluster cannot be specified for a capacity provider that uses an Auto Scaling group.",
                    );
                }
                (None, Some(given), Some(cluster)) => managed_instances(tx, scope, &name, cluster, *given)?,
                (None, Some(_), None) => {
                    return invalid("A cluster must be specified for a Managed Instances capacity provider.");
                }
                (Some(_), Some(_), _) | (None, None, _) => {
                    return invalid(
                        "Exactly one of autoScalingGroupProvider and managedInstancesProvider must be specified.",
                    );
                }
            };
            let managed = matches!(kind, Kind::ManagedInstances { .. });
            let provider = CapacityProvider {
                key: CapacityProviderKey::new(scope, &name),
                status: CapacityProviderStatus::Active,
                update_status: managed.then_some(CapacityProviderUpdateStatus::CreateComplete),
                update_status_reason: None,
                kind,
                attachment_ids: AttachmentIds::new(context.ids()),
                scaling: Memory::default(),
                protects: false,
                tags: input.tags.unwrap_or_default(),
                created_at: context.now(),
            };
            let mut answer = provider.to_api(true);
            if managed {
                // On AWS it takes a moment; whoever looks again sees that it is done.
                answer.status = Some(CapacityProviderStatus::Provisioning);
                answer.update_status = Some(CapacityProviderUpdateStatus::CreateInProgress);
            }
            tx.put(provider);
            Ok(CreateCapacityProviderResponse { capacity_provider: Some(Box::new(answer)) })
        })
        .await
}

fn invalid<T>(message: &str) -> Result<T, CreateCapacityProviderError> {
    Err(InvalidParameterException::new(message).into())
}

fn auto_scaling(
    state: &State,
    scope: &Scope,
    given: AutoScalingGroupProvider,
) -> Result<Kind, CreateCapacityProviderError> {
    let found = given.auto_scaling_group_arn.as_deref().and_then(|arn| change::by_arn(state, scope, arn));
    let Some(found) = found.filter(|group| !group.deleting) else {
        return Err(ClientException::new(
            "The specified Auto Scaling group ARN is invalid. Specify a valid Auto Scaling group ARN and try again.",
        )
        .into());
    };
    let group = &*found.key.name;
    let protects = given.managed_termination_protection == Some(ManagedTerminationProtection::Enabled);
    if protects && !found.protects_new {
        return Err(ClientException::new(
            "The managed termination protection setting for the capacity provider is invalid. To enable managed \
             termination protection for a capacity provider, the Auto Scaling group must have instance protection \
             from scale in enabled.",
        )
        .into());
    }
    let same = |provider: &CapacityProvider| {
        let arn = provider.auto_scaling().and_then(|own| own.auto_scaling_group_arn.as_deref());
        provider.key.scope == *scope && arn.and_then(|arn| group_name(scope, arn)) == Some(group)
    };
    if state.capacity_providers.values().any(|provider| provider.is_active() && same(provider)) {
        return Err(ClientException::new(
            "The specified Auto Scaling group ARN is already being used by another capacity provider. Specify a unique \
             Auto Scaling group ARN and try again.",
        )
        .into());
    }
    Ok(Kind::AutoScaling(complete(AutoScalingGroupProvider { auto_scaling_group_arn: Some(found.arn()), ..given })?))
}

fn managed_instances(
    tx: &mut Transaction,
    scope: &Scope,
    name: &str,
    cluster: &str,
    given: CreateManagedInstancesProviderConfiguration,
) -> Result<Kind, CommonError> {
    let mut cluster = Cluster::clone(lookup::active_cluster(tx, scope, Some(cluster))?);
    let provider = check_new(given)?;
    let of = cluster.key.name.clone();
    cluster.capacity_providers.push(name.to_owned());
    tx.put(cluster);
    Ok(Kind::ManagedInstances { cluster: of, provider })
}

#[cfg(test)]
mod tests;
