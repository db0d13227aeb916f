//! Failures of container instances, on request (`/_localecs/faults`).

use serde::Deserialize;

use super::{Refusal, find};
use crate::services::Shared;
use crate::services::ecs::resources::container_instance::{Origin, ending};
use crate::store::Transaction;

/// What happens to an instance: its EC2 instance id, its container instance id, or its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "fault", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum InstanceFault {
    /// EC2 terminates it: its tasks stop, it is INACTIVE.
    InstanceTerminated {
        instance: String,
    },
    /// It is stopped: its tasks stop, and its agent is gone.
    InstanceStopped {
        instance: String,
    },
    /// It is started again after it was stopped.
    InstanceStarted {
        instance: String,
    },
    /// Its agent can't reach ECS: tasks go on, and nothing more is known of them.
    AgentDisconnected {
        instance: String,
    },
    AgentConnected {
        instance: String,
    },
}

/// Makes it happen.
///
/// # Errors
/// There is no such instance, or EC2 has the say over it.
pub fn inject(tx: &mut Transaction, shared: &Shared, fault: &InstanceFault) -> Result<(), Refusal> {
    let now = shared.clock.now();
    let (InstanceFault::InstanceTerminated { instance }
    | InstanceFault::InstanceStopped { instance }
    | InstanceFault::InstanceStarted { instance }
    | InstanceFault::AgentDisconnected { instance }
    | InstanceFault::AgentConnected { instance }) = fault;
    let found = find(tx, instance)?;
    let of_agent = matches!(fault, InstanceFault::AgentDisconnected { .. } | InstanceFault::AgentConnected { .. });
    if found.origin == Origin::Ec2 && !of_agent {
        return Err(Refusal::OfEc2(instance.clone()));
    }
    match fault {
        InstanceFault::InstanceTerminated { .. } => ending::terminate(tx, &found.key, now).is_some(),
        InstanceFault::InstanceStopped { .. } => ending::stop(tx, &found.key, now),
        InstanceFault::AgentDisconnected { .. } => ending::connect(tx, &found.key, false),
        InstanceFault::InstanceStarted { .. } | InstanceFault::AgentConnected { .. } => {
            ending::connect(tx, &found.key, true)
        }
    };
    Ok(())
}
