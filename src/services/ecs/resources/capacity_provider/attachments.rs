//! What connects a cluster to the Auto Scaling groups of its capacity providers, as DescribeClusters shows it.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Attachment.html>

use api_models::ecs::{Attachment, KeyValuePair, ManagedDraining};

use super::{CapacityProvider, active};
use crate::services::ecs::resources::Cluster;
use crate::store::State;

/// The lifecycle hook by which ECS drains instances before they are terminated.
pub const DRAINING_HOOK: &str = "ecs-managed-draining-termination-hook";

/// The attachments of a cluster: the scaling policy of each provider with managed scaling, and the hook of each with
/// managed draining. `status` is what they show: ACTIVE, or DELETING for those that go.
#[must_use]
pub fn attachments(state: &State, cluster: &Cluster, providers: &[String], status: &str) -> Vec<Attachment> {
    let own = providers.iter().filter_map(|name| active(state, &cluster.key.scope, name));
    own.flat_map(|provider| of_provider(provider, status)).collect()
}

fn of_provider(provider: &CapacityProvider, status: &str) -> Vec<Attachment> {
    let ids = &provider.attachment_ids;
    let attachment = |id: &str, kind: &str, name: &str, value: String| Attachment {
        id: Some(id.to_owned()),
        r#type: Some(kind.to_owned()),
        status: Some(status.to_owned()),
        details: Some(vec![pair("capacityProviderName", provider.key.name.to_string()), pair(name, value)]),
    };
    let mut found = Vec::new();
    if provider.has_managed_scaling() {
        let policy = format!("ECSManagedAutoScalingPolicy-{}", ids.policy_name);
        found.push(attachment(&ids.policy, "as_policy", "scalingPolicyName", policy));
    }
    let draining = provider.auto_scaling().and_then(|provider| provider.managed_draining.as_ref());
    if draining == Some(&ManagedDraining::Enabled) {
        let hook = DRAINING_HOOK.to_owned();
        found.push(attachment(&ids.draining, "managed_draining", "autoScalingLifecycleHookName", hook));
    }
    found
}

fn pair(name: &str, value: String) -> KeyValuePair {
    KeyValuePair { name: Some(name.to_owned()), value: Some(value) }
}
