//! AttachInstances: running instances become members of a group, whose capacity grows by them.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_AttachInstances.html>

use api_models::autoscaling::{AttachInstancesError, AttachInstancesQuery, AttachInstancesResponse, CommonError};

use crate::services::Context;
use crate::services::autoscaling::resources::change;
use crate::services::autoscaling::resources::errors::invalid;
use crate::services::autoscaling::resources::group::{Group, Lifecycle, Made, Member};
use crate::services::ec2::resources::{Instance, InstanceKey, Phase};

pub(crate) async fn handle(
    context: Context,
    input: AttachInstancesQuery,
) -> Result<AttachInstancesResponse, AttachInstancesError> {
    let name = input.auto_scaling_group_name.unwrap_or_default();
    let ids = input.instance_ids.unwrap_or_default();
    let scope = &context.scope;
    let now = context.now();
    context
        .store()
        .transact(|tx| -> Result<(), CommonError> {
            let mut group = Group::clone(change::find(tx, scope, &name)?);
            let count = i32::try_from(ids.len()).unwrap_or(i32::MAX);
            if group.desired.saturating_add(count) > group.max {
                let Group { min, max, desired, .. } = group;
                let (what, verb) = if count == 1 { ("instance", "attach 1") } else { ("instances", "attach") };
                return Err(invalid(format!(
                    "AutoScalingGroup {name} has min-size={min}, max-size={max}, and desired-size={desired}. To {verb} \
                     {what}, please update the AutoScalingGroup sizes appropriately."
                )));
            }
            for id in &ids {
                let key = InstanceKey::new(scope, id);
                let found = tx.ec2_instances.get(&key).cloned();
                let instance = found.ok_or_else(|| invalid(format!("Invalid Instance ID(s): [{id}]")))?;
                if instance.phase != Phase::Running {
                    return Err(invalid(format!("Instance {id} is not in correct state.")));
                }
                if let Some(other) = &instance.group {
                    return Err(invalid(format!("Instance {id} is already part of AutoScalingGroup {other}.")));
                }
                if !group.zones.contains(&instance.zone) {
                    return Err(invalid(format!(
                        "The instance {id} is not in an Availability Zone of the AutoScalingGroup."
                    )));
                }
                let member = Member {
                    instance_type: instance.instance_type.clone(),
                    image_id: instance.image_id.clone(),
                    zone: instance.zone.clone(),
                    subnet: instance.subnet.clone(),
                    lifecycle: Lifecycle::InService,
                    healthy: true,
                    protected: group.protects_new,
                    made: Made::Otherwise,
                    made_at: None,
                    launched_at: instance.launched_at,
                    since: now,
                    wait: None,
                    activity: None,
                    rebalances: false,
                };
                group.members.insert(id.clone(), member);
                tx.update(&key, |instance: &mut Instance| {
                    instance.group = Some(name.clone());
                    instance.tags.insert("aws:autoscaling:groupName".to_owned(), name.clone());
                    true
                });
            }
            group.desired += count;
            tx.put(group);
            Ok(())
        })
        .await?;
    Ok(AttachInstancesResponse {})
}
