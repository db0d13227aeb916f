//! Plans for managed instances.

use api_models::ecs::{InfrastructureOptimization, InstanceLaunchTemplate};

use super::*;
use crate::services::ecs::resources::reservation::Needs;
use crate::testing::START;

fn provider(scale_in_after: Option<i32>) -> ManagedInstancesProvider {
    ManagedInstancesProvider {
        instance_launch_template: Some(Box::new(InstanceLaunchTemplate::default())),
        infrastructure_optimization: Some(Box::new(InfrastructureOptimization { scale_in_after })),
        ..ManagedInstancesProvider::default()
    }
}

fn group(cpu: i32, memory: i32, count: usize) -> Group<'static> {
    let needs = Needs { cpu, memory, ..Needs::default() };
    Group { requirements: Requirements { needs, group: "family:web", ..Requirements::default() }, count }
}

fn planned(waiting: Vec<Group<'_>>) -> Plan {
    let subnets = ["a", "b"].map(|zone| (format!("subnet-{zone}"), format!("us-east-1{zone}"))).to_vec();
    let provider = provider(None);
    plan(&View {
        provider: &provider,
        deleted: false,
        instances: Vec::new(),
        waiting,
        daemons: Needs::default(),
        subnets,
        now: START,
    })
}

#[test]
fn waiting_tasks_share_the_smallest_instances_they_fit_on() {
    let made = planned(vec![group(512, 512, 5)]);
    let shapes: Vec<_> = made.launch.iter().map(|it| (it.instance_type.vcpus, it.zone.as_str())).collect();
    // The smallest general type has one vCPU: two of the tasks fit on it.
    let each = made.launch[0].instance_type.vcpus as usize * 2;
    assert_eq!(made.launch.len(), 5_usize.div_ceil(each), "{shapes:?}");
    assert!(
        made.launch.iter().all(|it| it.instance_type.architecture() == "x86_64" && it.instance_type.gpus.is_empty())
    );
    let zones: Vec<_> = made.launch.iter().map(|it| it.zone.as_str()).collect();
    assert_eq!(zones[..2], ["us-east-1a", "us-east-1b"]);

    let large = planned(vec![group(4096, 60_000, 1)]);
    assert_eq!((large.launch.len(), large.launch[0].instance_type.family().starts_with('r')), (1, true));
    let impossible = planned(vec![group(10_000_000, 1, 2)]);
    assert_eq!((impossible.launch.len(), impossible.hopeless), (0, 2));
}

#[test]
fn architecture_and_distinct_instances_count() {
    let mut arm = group(256, 256, 1);
    arm.requirements.cpu_architecture = Some("arm64");
    assert_eq!(planned(vec![arm]).launch[0].instance_type.architecture(), "arm64");
    let mut apart = group(64, 64, 3);
    apart.requirements.distinct_instance = true;
    assert_eq!(planned(vec![apart]).launch.len(), 3);
    let mut gpu = group(64, 64, 1);
    gpu.requirements.needs.gpus = 1;
    let made = planned(vec![gpu]);
    assert_eq!(made.launch.len(), 0, "the types for general use have none");
}
