//! Keeps groups at their desired capacity: carries out what [`plan`] says, in one transaction, until nothing is left to
//! be done. Instances are only records here; [`InstanceLifecycle`](crate::services::ec2::lifecycle) does the rest, and
//! wakes the group when one of them changes.

mod aside;
mod launch;
mod perform;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use api_models::Unexpected;
use async_trait::async_trait;

use super::plan::{self, Plan, View};
use super::resources::group::{Group, GroupKey};
use crate::reconcile::{Next, Reconciler};
use crate::services::Shared;
use crate::services::ec2::resources::{InstanceKey, Phase};
use crate::store::{Change, State, Transaction};
use crate::time::Timestamp;

pub use aside::{Aside, set_aside};
pub use perform::{delete, take as take_out};

/// Rounds of planning in one transaction; a group settles in a few.
const ROUNDS: usize = 32;

/// Looks at one group.
pub struct GroupKeeper {
    pub shared: Arc<Shared>,
}

fn phases(state: &State, group: &Group) -> BTreeMap<String, Phase> {
    let phase =
        |id: &String| Some((id.clone(), state.ec2_instances.get(&InstanceKey::new(&group.key.scope, id))?.phase));
    group.members.keys().filter_map(phase).collect()
}

fn plan_of(state: &State, group: &Group, now: Timestamp) -> Plan {
    plan::plan(&View { group, phases: &phases(state, group), now })
}

impl GroupKeeper {
    fn settle(&self, tx: &mut Transaction, key: &GroupKey) -> Option<Timestamp> {
        let now = self.shared.clock.now();
        for _ in 0..ROUNDS {
            let mut group = Group::clone(tx.auto_scaling_groups.get(key)?);
            let plan = plan_of(tx, &group, now);
            if plan.steps.is_empty() {
                return plan.wake;
            }
            let before = group.capacity();
            for step in &plan.steps {
                perform::perform(tx, &self.shared, &mut group, step, before, now);
            }
            if plan.steps.contains(&plan::Step::Delete) {
                delete(tx, key);
                return None;
            }
            // What was said of the capacity is told once.
            if plan.steps.iter().any(|step| matches!(step, plan::Step::Launch { .. } | plan::Step::Take { .. })) {
                group.cause = None;
            }
            tx.put(group);
        }
        Some(now)
    }
}

#[async_trait]
impl Reconciler for GroupKeeper {
    type Key = GroupKey;

    fn name(&self) -> &'static str {
        "auto-scaling-groups"
    }

    fn initial(&self, state: &State) -> Vec<GroupKey> {
        state.auto_scaling_groups.keys().cloned().collect()
    }

    fn touched(&self, change: &Change, state: &State) -> Vec<GroupKey> {
        match change {
            Change::AutoScalingGroup(key) => vec![key.clone()],
            Change::Ec2Instance(key) => {
                let group = state.ec2_instances.get(key).and_then(|instance| instance.group.as_deref());
                group.map(|name| GroupKey::new(&key.scope, name)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    async fn reconcile(&self, key: &GroupKey) -> Result<Next, Unexpected> {
        let state = self.shared.store.snapshot();
        let Some(group) = state.auto_scaling_groups.get(key) else { return Ok(Next::Idle) };
        let plan = plan_of(&state, group, self.shared.clock.now());
        if plan.steps.is_empty() {
            return Ok(plan.wake.map_or(Next::Idle, Next::At));
        }
        let work = |tx: &mut Transaction| Ok::<_, Unexpected>(self.settle(tx, key));
        Ok(self.shared.store.transact(work).await?.map_or(Next::Idle, Next::At))
    }
}
