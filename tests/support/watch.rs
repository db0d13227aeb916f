//! Waiting for what a runtime tells, with a deadline in place of a fixed sleep.

use std::sync::Arc;
use std::time::Duration;

use localecs::runtime::{ContainerId, ContainerObservation, ContainerRuntime, Exit, ObservedState, RuntimeEvent};
use tokio::sync::mpsc;

/// Far longer than anything takes, far shorter than a build's patience.
const DEADLINE: Duration = Duration::from_secs(60);

pub struct Watch {
    runtime: Arc<dyn ContainerRuntime>,
    events: mpsc::UnboundedReceiver<RuntimeEvent>,
}

impl Watch {
    /// Subscribes. `real` engines ask for another resync when their stream is open: only then nothing is missed.
    pub(super) async fn new(runtime: Arc<dyn ContainerRuntime>, real: bool) -> Self {
        let events = runtime.subscribe();
        let mut watch = Self { runtime, events };
        for _ in 0..1 + usize::from(real) {
            assert_eq!(watch.next().await, RuntimeEvent::Resync, "a new subscriber is told to list the containers");
        }
        watch
    }

    /// The next event.
    pub async fn next(&mut self) -> RuntimeEvent {
        let next = tokio::time::timeout(DEADLINE, self.events.recv());
        next.await.expect("an event comes in time").expect("the runtime lives")
    }

    /// Waits until an event shows the container in a state that `holds`.
    pub async fn until(
        &mut self,
        id: &ContainerId,
        holds: impl Fn(&ContainerObservation) -> bool,
    ) -> ContainerObservation {
        loop {
            let seen = match self.next().await {
                RuntimeEvent::Changed(seen) if seen.id == *id => Some(*seen),
                RuntimeEvent::Resync => self.runtime.inspect_container(id).await.expect("the engine answers"),
                RuntimeEvent::Changed(_) | RuntimeEvent::Removed { .. } => None,
            };
            if let Some(seen) = seen
                && holds(&seen)
            {
                return seen;
            }
        }
    }

    /// Waits until an event shows how the container ended.
    pub async fn exit(&mut self, id: &ContainerId) -> Exit {
        match self.until(id, |seen| matches!(seen.state, ObservedState::Exited(_))).await.state {
            ObservedState::Exited(exit) => exit,
            other => panic!("{other:?} is no end"),
        }
    }
}
