//! Groups, instances and clusters together, through the operations.

use std::sync::Arc;

use api_models::autoscaling::{
    AutoScalingGroup, AutoScalingGroupNamesType, CreateAutoScalingGroupType, DeleteAutoScalingGroupType,
    DescribeScalingActivitiesType, LaunchTemplateSpecification, SetDesiredCapacityType,
    TerminateInstanceInAutoScalingGroupType,
};
use api_models::ec2::{CreateLaunchTemplateRequest, RequestLaunchTemplateData};
use api_models::ecs::CreateClusterRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::GroupKeeper;
use crate::reconcile::Reconciler;
use crate::services::Context;
use crate::services::autoscaling::operations as ops;
use crate::services::ec2::lifecycle::InstanceLifecycle;
use crate::services::ec2::operations::create_launch_template;
use crate::services::ecs::operations::create_cluster;
use crate::testing::context;

const NAME: &str = "web";

/// A cluster, a template whose user data names it, and a group that wants so many.
async fn scene(desired: i32) -> Context {
    let context = context();
    create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
    let script = "#!/bin/bash\necho ECS_CLUSTER=default >> /etc/ecs/ecs.config\n";
    let data = RequestLaunchTemplateData {
        image_id: Some("ami-12345678".into()),
        instance_type: Some("m5.large".into()),
        user_data: Some(STANDARD.encode(script)),
        ..RequestLaunchTemplateData::default()
    };
    let template = CreateLaunchTemplateRequest {
        launch_template_name: Some(NAME.into()),
        launch_template_data: Some(Box::new(data)),
        ..CreateLaunchTemplateRequest::default()
    };
    create_launch_template::handle(context.clone(), template).await.expect("a template");
    let specification = LaunchTemplateSpecification {
        launch_template_name: Some(NAME.into()),
        ..LaunchTemplateSpecification::default()
    };
    let group = CreateAutoScalingGroupType {
        auto_scaling_group_name: Some(NAME.into()),
        launch_template: Some(Box::new(specification)),
        min_size: Some(0),
        max_size: Some(5),
        desired_capacity: Some(desired),
        availability_zones: Some(["us-east-1a", "us-east-1b", "us-east-1c"].map(str::to_owned).into()),
        ..CreateAutoScalingGroupType::default()
    };
    ops::create_auto_scaling_group::handle(context.clone(), group).await.expect("a group");
    settle(&context).await;
    context
}

/// Runs both reconcilers until nothing changes.
async fn settle(context: &Context) {
    let shared = context.shared.clone();
    let (keeper, lifecycle) = (GroupKeeper { shared: shared.clone() }, InstanceLifecycle { shared });
    let mut last = None;
    loop {
        let state = context.snapshot();
        if last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &state)) {
            return;
        }
        last = Some(state);
        for key in keeper.initial(&context.snapshot()) {
            keeper.reconcile(&key).await.expect("reconciled");
        }
        for key in lifecycle.initial(&context.snapshot()) {
            lifecycle.reconcile(&key).await.expect("reconciled");
        }
    }
}

async fn group(context: &Context) -> Option<AutoScalingGroup> {
    let answer = ops::describe_auto_scaling_groups::handle(context.clone(), AutoScalingGroupNamesType::default());
    answer.await.expect("groups").auto_scaling_groups.expect("groups").pop()
}

async fn instances(context: &Context) -> Vec<(String, String)> {
    let instances = group(context).await.and_then(|group| group.instances).unwrap_or_default();
    let one = |it: api_models::autoscaling::Instance| {
        assert_eq!(it.lifecycle_state.map(|state| state.to_string()).as_deref(), Some("InService"));
        (it.instance_id.expect("an id"), it.availability_zone.expect("a zone"))
    };
    instances.into_iter().map(one).collect()
}

fn active(context: &Context) -> usize {
    context.snapshot().container_instances.values().filter(|it| it.status == "ACTIVE").count()
}

#[tokio::test]
async fn a_group_fills_its_cluster_and_replaces_what_goes() {
    let context = scene(3).await;
    let mut zones: Vec<String> = instances(&context).await.into_iter().map(|(_, zone)| zone).collect();
    zones.sort();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c"]);
    assert_eq!(active(&context), 3);
    let (gone, zone) = instances(&context).await.swap_remove(0);
    let request = TerminateInstanceInAutoScalingGroupType {
        instance_id: Some(gone.clone()),
        should_decrement_desired_capacity: Some(false),
        ..TerminateInstanceInAutoScalingGroupType::default()
    };
    let answer = ops::terminate_instance_in_auto_scaling_group::handle(context.clone(), request).await;
    let activity = answer.expect("an answer").activity.expect("an activity");
    assert_eq!(activity.description, Some(format!("Terminating EC2 instance: {gone}")));
    settle(&context).await;
    let now = instances(&context).await;
    assert!(now.len() == 3 && now.iter().all(|(id, _)| *id != gone));
    assert!(now.iter().any(|(_, of)| *of == zone), "the new one is where the old one was");
    assert_eq!(active(&context), 3);
    let activities =
        ops::describe_scaling_activities::handle(context.clone(), DescribeScalingActivitiesType::default());
    let activities = activities.await.expect("activities").activities.expect("activities");
    assert_eq!(activities.len(), 5);
    assert!(activities.iter().all(|it| it.progress == Some(100)), "{activities:?}");
    let from_none = activities.iter().filter_map(|it| it.cause.as_deref());
    assert_eq!(from_none.filter(|cause| cause.ends_with("increasing the capacity from 0 to 3.")).count(), 3);
    let first = activities.last().and_then(|it| it.cause.as_deref()).expect("a cause");
    assert!(first.contains("a user request created an AutoScalingGroup changing the desired capacity from 0 to 3."));
}

#[tokio::test]
async fn a_group_shrinks_to_nothing_and_goes() {
    let context = scene(2).await;
    let to = |desired| SetDesiredCapacityType {
        auto_scaling_group_name: Some(NAME.into()),
        desired_capacity: Some(desired),
        honor_cooldown: None,
    };
    let error = ops::set_desired_capacity::handle(context.clone(), to(6)).await.expect_err("too many").to_string();
    assert_eq!(error, "New SetDesiredCapacity value 6 is above max value 5 for the AutoScalingGroup.");
    let delete =
        |force| DeleteAutoScalingGroupType { auto_scaling_group_name: Some(NAME.into()), force_delete: Some(force) };
    let error = ops::delete_auto_scaling_group::handle(context.clone(), delete(false)).await.expect_err("in use");
    assert!(error.to_string().starts_with("You cannot delete an AutoScalingGroup while there are instances"));
    ops::set_desired_capacity::handle(context.clone(), to(0)).await.expect("set");
    settle(&context).await;
    assert_eq!((instances(&context).await.len(), active(&context)), (0, 0));
    ops::set_desired_capacity::handle(context.clone(), to(2)).await.expect("set");
    settle(&context).await;
    assert_eq!(active(&context), 2);
    ops::delete_auto_scaling_group::handle(context.clone(), delete(true)).await.expect("deleted");
    settle(&context).await;
    assert!(group(&context).await.is_none());
    assert_eq!(active(&context), 0);
    assert!(context.snapshot().scaling_activities.is_empty());
}
