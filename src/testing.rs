//! What the unit tests of operations start from: an empty store in memory, a clock that stands still, seeded ids.

use std::sync::Arc;

use api_models::autoscaling::{CreateAutoScalingGroupType, LaunchTemplateSpecification};
use api_models::ec2::{CreateLaunchTemplateRequest, RequestLaunchTemplateData};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::config::Config;
use crate::identity::{AccountId, Region, Scope};
use crate::ids::IdSource;
use crate::logstore::{DEFAULT_MAX_BYTES_IN_MEMORY, LogStore};
use crate::services::autoscaling::operations::create_auto_scaling_group;
use crate::services::ec2::operations::create_launch_template;
use crate::services::ecs::exec::Sessions;
use crate::services::sts::resources::Caller;
use crate::services::{CallerAddress, Context, Shared};
use crate::store::Store;
use crate::time::{Clock, Timestamp};

/// When the clock of [`context`] stands: 2026-01-01T00:00:00Z.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The account of [`context`].
pub(crate) const ACCOUNT: &str = "123456789012";

/// A request's context in [`ACCOUNT`] and us-east-1 over a store of its own; clones share that store.
pub(crate) fn context() -> Context {
    context_with(Config::default())
}

/// [`context`] with settings of the test's own.
pub(crate) fn context_with(config: Config) -> Context {
    context_seeded(config, 1)
}

/// [`context_with`] with other ids.
pub(crate) fn context_seeded(config: Config, seed: u64) -> Context {
    let ids = IdSource::seeded(seed);
    let (store, clock) = (Arc::new(Store::in_memory(&ids)), Clock::manual(START));
    let account: AccountId = ACCOUNT.parse().expect("12 digits");
    Context {
        shared: Arc::new(Shared { store, logs: logs(&clock), clock, ids, config, exec: Sessions::default() }),
        scope: Scope::new(account, Region::new("us-east-1")),
        request_id: "5f1a2b3c-0000-4000-8000-000000000000".into(),
        caller: Caller::Root,
        caller_address: CallerAddress::default(),
    }
}

/// An empty log store in memory.
pub(crate) fn logs(clock: &Clock) -> Arc<LogStore> {
    Arc::new(LogStore::in_memory(clock.clone(), DEFAULT_MAX_BYTES_IN_MEMORY).expect("a database in memory"))
}

/// An Auto Scaling group of 0 to 10 m5.large in one zone, whose instances join the default cluster.
pub(crate) async fn auto_scaling_group(context: &Context, name: &str, protects_new: bool) {
    let data = RequestLaunchTemplateData {
        image_id: Some("ami-12345678".into()),
        instance_type: Some("m5.large".into()),
        user_data: Some(STANDARD.encode("#!/bin/bash\necho ECS_CLUSTER=default >> /etc/ecs/ecs.config\n")),
        ..RequestLaunchTemplateData::default()
    };
    let template = CreateLaunchTemplateRequest {
        launch_template_name: Some(format!("of-{name}")),
        launch_template_data: Some(Box::new(data)),
        ..CreateLaunchTemplateRequest::default()
    };
    create_launch_template::handle(context.clone(), template).await.expect("a template");
    let specification = LaunchTemplateSpecification {
        launch_template_name: Some(format!("of-{name}")),
        ..LaunchTemplateSpecification::default()
    };
    let group = CreateAutoScalingGroupType {
        auto_scaling_group_name: Some(name.into()),
        launch_template: Some(Box::new(specification)),
        min_size: Some(0),
        max_size: Some(10),
        availability_zones: Some(vec!["us-east-1a".into()]),
        new_instances_protected_from_scale_in: Some(protects_new),
        ..CreateAutoScalingGroupType::default()
    };
    create_auto_scaling_group::handle(context.clone(), group).await.expect("a group");
}

/// The seeds of random lives: `LOCALECS_SEED=17` runs that one alone, `LOCALECS_SEEDS=5000` more than `usual`. Each is
/// named before it runs: a panic in the middle of a life has no other witness.
pub(crate) fn seeds(usual: u64) -> impl Iterator<Item = u64> {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match number("LOCALECS_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("LOCALECS_SEEDS").unwrap_or(usual),
    };
    seeds.inspect(|seed| eprintln!("seed {seed}"))
}
