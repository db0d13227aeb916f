//! CreateAutoScalingGroup: a group of instances; the keeper launches them.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CreateAutoScalingGroup.html>

use std::collections::BTreeMap;

use api_models::autoscaling::{
    AlreadyExistsFault, CommonError, CreateAutoScalingGroupError, CreateAutoScalingGroupResponse,
    CreateAutoScalingGroupType,
};

use crate::services::Context;
use crate::services::autoscaling::resources::errors::invalid;
use crate::services::autoscaling::resources::group::{Group, GroupKey, Kept};
use crate::services::autoscaling::resources::settings::{Asked, hook};
use crate::services::autoscaling::resources::{source, tags};

/// Seconds between changes of the capacity, unless something else is said.
const COOLDOWN: i32 = 300;

pub(crate) async fn handle(
    context: Context,
    input: CreateAutoScalingGroupType,
) -> Result<CreateAutoScalingGroupResponse, CreateAutoScalingGroupError> {
    let asked = Asked::by_create(&input)?;
    let name = input.auto_scaling_group_name.clone().unwrap_or_default();
    if name.contains(':') {
        return Err(CommonError::into(invalid("The name of an Auto Scaling group must not contain a colon.")));
    }
    let mut group_tags = BTreeMap::new();
    for tag in input.tags.unwrap_or_default() {
        tags::add(&mut group_tags, tag)?;
    }
    let now = context.now();
    let scope = &context.scope;
    let work = |tx: &mut crate::store::Transaction| -> Result<(), CommonError> {
        let key = GroupKey::new(scope, &name);
        if tx.auto_scaling_groups.contains_key(&key) {
            let message =
                format!("AutoScalingGroup by this name already exists - A group with the name {name} already exists");
            return Err(AlreadyExistsFault::new(message).into());
        }
        let given = source::given(
            tx,
            scope,
            input.launch_configuration_name.as_deref(),
            input.launch_template.as_deref(),
            input.mixed_instances_policy.as_deref(),
        )?;
        let source = given.ok_or_else(|| {
            invalid(
                "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or \
                 MixedInstancesPolicy parameter.",
            )
        })?;
        let mut group = Group {
            key,
            id: context.ids().uuid(),
            source,
            min: 0,
            max: 0,
            desired: 0,
            cooldown: COOLDOWN,
            grace: 0,
            max_lifetime: None,
            zones: Vec::new(),
            subnets: Vec::new(),
            termination_policies: Vec::new(),
            protects_new: false,
            suspended: BTreeMap::new(),
            tags: group_tags,
            kept: Kept::default(),
            hooks: BTreeMap::new(),
            members: BTreeMap::new(),
            created_at: now,
            deleting: false,
            scaled_at: None,
            cause: None,
            launches_after: None,
        };
        for given in input.lifecycle_hook_specification_list.iter().flatten() {
            let name = given.lifecycle_hook_name.clone().unwrap_or_default();
            group.hooks.insert(name, hook(None, given)?);
        }
        asked.apply(
            &mut group,
            |_, _| format!("At {} a user request created an AutoScalingGroup", now.to_rfc3339()),
            now,
        )?;
        tx.put(group);
        Ok(())
    };
    context.store().transact(work).await?;
    Ok(CreateAutoScalingGroupResponse {})
}
