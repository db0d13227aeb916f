//! What is known of a task's containers: from the answers of calls, from the engine's events, and from its list of
//! containers. Kept in memory only; the store gets what DescribeTasks shows.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::by_name::ByName;
use crate::runtime::{ContainerId, ContainerObservation, Exit, ObservedHealth, ObservedState, PublishedPort};
use crate::services::ecs::resources::ContainerInstanceKey;
use crate::time::Timestamp;

/// All that is known of one task.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ObservedTask {
    /// By name; one that is not in it has not been created.
    pub(super) containers: ByName<Seen>,
    /// By the container's name; one that is not in it has not been looked for.
    pub(super) images: ByName<Image>,
    /// Under which name the engine has a container's image, where that is not the definition's.
    pub(super) references: ByName<String>,
    /// The container that owns the namespaces which the others share.
    pub(super) pause: Option<Seen>,
    /// The container instance whose daemons the task is among: `pause` is theirs together.
    pub(super) among_daemons_of: Option<Box<ContainerInstanceKey>>,
    /// Why the task can't have a network.
    pub(super) network_failure: Option<String>,
    pub(super) volumes: SeenVolumes,
    /// Why its containers can't have what they are to be given.
    pub(super) configuration_failure: Option<String>,
    pub(super) pull_started_at: Option<Timestamp>,
    pub(super) pull_stopped_at: Option<Timestamp>,
    /// A call was given up: the engine may hold containers that are not known here.
    pub(super) uncertain: bool,
    /// Containers that ended, were to be started again, and could not be.
    pub(super) given_up: BTreeSet<Arc<str>>,
}

/// A task's volumes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SeenVolumes {
    /// All are there.
    pub(super) ready: bool,
    /// Why they can't be.
    pub(super) failure: Option<String>,
    /// Those that go with the task and the engine may have, by the engine's names.
    pub(super) held: BTreeSet<String>,
}

/// One container.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    /// `None` when the engine has none.
    pub(super) id: Option<ContainerId>,
    pub(super) state: SeenState,
    pub(super) health: ObservedHealth,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum SeenState {
    Created,
    Running {
        /// By the engine's clock.
        started_at: Option<Timestamp>,
        ports: Vec<PublishedPort>,
        /// Its own, on the network it is attached to.
        address: Option<Ipv4Addr>,
        mac_address: Option<String>,
    },
    Exited(Exit),
    /// It never ran; the reason in ECS's words.
    Failed(String),
    /// It ran, and the engine does not know it any more.
    Vanished,
}

/// The image of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Image {
    /// The engine has it.
    Here { digest: Option<Arc<str>> },
    /// To be pulled, not before `next`; `attempts` failed so far.
    Missing { attempts: u32, next: Option<Timestamp> },
}

impl Seen {
    #[must_use]
    pub(super) fn created(id: ContainerId) -> Self {
        Self { id: Some(id), state: SeenState::Created, health: ObservedHealth::None }
    }

    #[must_use]
    pub(super) fn failed(id: Option<ContainerId>, reason: String) -> Self {
        Self { id, state: SeenState::Failed(reason), health: ObservedHealth::None }
    }

    #[must_use]
    pub(super) fn is_created(&self) -> bool {
        self.state == SeenState::Created
    }

    #[must_use]
    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, SeenState::Running { .. })
    }

    /// Whether it runs or ran.
    #[must_use]
    pub(super) fn has_run(&self) -> bool {
        matches!(self.state, SeenState::Running { .. } | SeenState::Exited(_) | SeenState::Vanished)
    }

    /// When its process was started, by the engine's clock. A container that is started again lives anew.
    #[must_use]
    pub(super) fn started_at(&self) -> Option<Timestamp> {
        match &self.state {
            SeenState::Running { started_at, .. } => *started_at,
            SeenState::Exited(exit) => exit.started_at,
            SeenState::Created | SeenState::Failed(_) | SeenState::Vanished => None,
        }
    }

    /// How far its life has come: it never goes back.
    fn stage(&self) -> u8 {
        match self.state {
            SeenState::Created => 0,
            SeenState::Running { .. } => 1,
            SeenState::Exited(_) | SeenState::Failed(_) | SeenState::Vanished => 2,
        }
    }
}

impl From<&ContainerObservation> for Seen {
    fn from(observation: &ContainerObservation) -> Self {
        let state = match &observation.state {
            ObservedState::Created => SeenState::Created,
            ObservedState::Running { started_at } => SeenState::Running {
                started_at: *started_at,
                ports: observation.ports.clone(),
                address: match observation.address {
                    Some(IpAddr::V4(address)) => Some(address),
                    Some(IpAddr::V6(_)) | None => None,
                },
                mac_address: observation.mac_address.clone(),
            },
            ObservedState::Exited(exit) => SeenState::Exited(exit.clone()),
        };
        Self { id: Some(observation.id.clone()), state, health: observation.health }
    }
}

/// Which of a task's containers is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Pause,
    Container(Arc<str>),
}

impl ObservedTask {
    #[must_use]
    pub(super) fn seen(&self, slot: &Slot) -> Option<&Seen> {
        match slot {
            Slot::Pause => self.pause.as_ref(),
            Slot::Container(name) => self.containers.get(name),
        }
    }

    fn put(&mut self, slot: Slot, seen: Seen) {
        match slot {
            Slot::Pause => self.pause = Some(seen),
            Slot::Container(name) => {
                self.containers.insert(name, seen);
            }
        }
    }

    /// Takes in news; news that is older than what is known (answers and events overtake each other) changes
    /// nothing. Returns whether anything changed.
    pub(super) fn take(&mut self, slot: Slot, news: Seen) -> bool {
        if let Some(old) = self.seen(&slot) {
            let lives = news.started_at().zip(old.started_at()).map(|(news, old)| news.cmp(&old));
            let again = news.id == old.id && lives == Some(Ordering::Greater);
            let stale = match (news.id == old.id, old.id.is_some()) {
                (true, _) => match lives {
                    Some(Ordering::Less) => true,
                    Some(Ordering::Greater) => false,
                    Some(Ordering::Equal) | None => news.stage() < old.stage(),
                },
                // A container of the same place under another id: one that was removed meanwhile.
                (false, known) => known && old.stage() > 0,
            };
            let settled = old.stage() == 2 && !again && !matches!(news.state, SeenState::Exited(_));
            if stale || settled || *old == news {
                return false;
            }
        }
        self.put(slot, news);
        true
    }

    /// The engine does not have the container `id` any more. Returns whether anything changed.
    pub(super) fn gone(&mut self, slot: &Slot, id: &ContainerId) -> bool {
        let Some(old) = self.seen(slot).filter(|old| old.id.as_ref() == Some(id)) else { return false };
        let (state, health) = (old.state.clone(), old.health);
        match state {
            // It never ran: it can be made again.
            SeenState::Created => match slot {
                Slot::Pause => self.pause = None,
                Slot::Container(name) => {
                    self.containers.remove(name);
                }
            },
            SeenState::Running { .. } => self.put(slot.clone(), Seen { id: None, state: SeenState::Vanished, health }),
            ended => self.put(slot.clone(), Seen { id: None, state: ended, health }),
        }
        true
    }

    /// Every container the engine holds for the task, as far as known.
    pub(super) fn ids(&self) -> impl Iterator<Item = (Slot, &ContainerId)> {
        let pause = self.pause.iter().map(|seen| (Slot::Pause, seen));
        let containers = self.containers.iter().map(|(name, seen)| (Slot::Container(name.clone()), seen));
        containers.chain(pause).filter_map(|(slot, seen)| Some((slot, seen.id.as_ref()?)))
    }

    /// Whether the engine may hold anything for the task.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        !self.uncertain
            && self.ids().next().is_none()
            && self.volumes.held.is_empty()
            && self.among_daemons_of.is_none()
    }

    /// The task's address, once its network is up.
    #[must_use]
    pub(super) fn address(&self) -> Option<Ipv4Addr> {
        match &self.pause.as_ref()?.state {
            SeenState::Running { address, .. } => *address,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ContainerId {
        ContainerId(text.into())
    }

    fn running(text: &str) -> Seen {
        running_since(text, None)
    }

    fn running_since(text: &str, started_at: Option<Timestamp>) -> Seen {
        let state = SeenState::Running { started_at, ports: Vec::new(), address: None, mac_address: None };
        Seen { id: Some(id(text)), state, health: ObservedHealth::None }
    }

    fn exited(text: &str) -> Seen {
        exited_after(text, None)
    }

    fn exited_after(text: &str, started_at: Option<Timestamp>) -> Seen {
        let exit = Exit { exit_code: 0, oom_killed: false, error: None, started_at, finished_at: None };
        Seen { id: Some(id(text)), state: SeenState::Exited(exit), health: ObservedHealth::None }
    }

    #[test]
    fn old_news_changes_nothing() {
        let mut task = ObservedTask::default();
        let slot = Slot::Container("web".into());
        assert!(task.take(slot.clone(), Seen::created(id("1"))));
        assert!(task.take(slot.clone(), exited("1")));
        assert!(!task.take(slot.clone(), running("1")), "an event that was overtaken");
        assert!(!task.take(slot.clone(), exited("1")), "the same again");
        assert!(matches!(task.containers["web"].state, SeenState::Exited(_)));
    }

    #[test]
    fn a_container_that_is_started_again_lives_anew() {
        let mut task = ObservedTask::default();
        let slot = Slot::Container("web".into());
        let (first, second) = (Some(Timestamp::from_millis(1)), Some(Timestamp::from_millis(2)));
        task.take(slot.clone(), exited_after("1", first));
        assert!(task.take(slot.clone(), running_since("1", second)));
        assert!(!task.take(slot.clone(), running_since("1", first)), "news of its first life");
        assert!(!task.take(slot.clone(), exited_after("1", first)), "news of its first life");
        assert!(task.take(slot.clone(), exited_after("1", second)));
        assert!(!task.take(slot, running_since("1", second)), "an event that was overtaken");
    }

    #[test]
    fn what_vanishes_while_it_runs_has_vanished_and_what_had_ended_keeps_its_end() {
        let mut task = ObservedTask::default();
        task.take(Slot::Container("a".into()), running("1"));
        task.take(Slot::Container("b".into()), exited("2"));
        task.take(Slot::Container("c".into()), Seen::created(id("3")));
        for (name, gone) in [("a", "1"), ("b", "2"), ("c", "3")] {
            assert!(task.gone(&Slot::Container(name.into()), &id(gone)));
        }
        assert_eq!(task.containers["a"].state, SeenState::Vanished);
        assert!(matches!(task.containers["b"].state, SeenState::Exited(_)));
        assert!(!task.containers.contains_key("c"));
        assert!(task.is_empty());
    }
}
