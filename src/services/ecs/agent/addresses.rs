//! Which addresses of the VPC are taken. In memory: the tasks' records say it again after a restart.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

use crate::services::ecs::network::Cidr;
use crate::services::ecs::resources::{ContainerInstanceKey, TaskKey};

/// Who can have an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    Task(TaskKey),
    /// The daemons of a container instance, all together.
    Daemons(ContainerInstanceKey),
}

impl From<&TaskKey> for Holder {
    fn from(task: &TaskKey) -> Self {
        Self::Task(task.clone())
    }
}

impl From<&ContainerInstanceKey> for Holder {
    fn from(instance: &ContainerInstanceKey) -> Self {
        Self::Daemons(instance.clone())
    }
}

/// The addresses of all subnets of one VPC. No two holders ever have the same one at the same time.
#[derive(Debug)]
pub(super) struct Addresses {
    zones: [Zone; 3],
    by_holder: HashMap<Holder, Ipv4Addr>,
}

#[derive(Debug)]
struct Zone {
    subnet: Cidr,
    /// No place from here on was ever taken.
    end: u32,
    /// Free places below `end`.
    free: BTreeSet<u32>,
}

impl Addresses {
    pub(super) fn new(vpc: Cidr) -> Self {
        let zone = |zone| Zone { subnet: vpc.subnet(zone), end: 0, free: BTreeSet::new() };
        Self { zones: [zone(0), zone(1), zone(2)], by_holder: HashMap::new() }
    }

    /// The lowest free address of a zone's subnet, or the one the holder has; `None` when the subnet is full.
    pub(super) fn take(&mut self, holder: &Holder, zone: usize) -> Option<Ipv4Addr> {
        if let Some(address) = self.by_holder.get(holder) {
            return Some(*address);
        }
        let zone = &mut self.zones[zone];
        let place = match zone.free.pop_first() {
            Some(place) => place,
            None if zone.end < zone.subnet.usable() => {
                zone.end += 1;
                zone.end - 1
            }
            None => return None,
        };
        let address = zone.subnet.usable_address(place);
        self.by_holder.insert(holder.clone(), address);
        Some(address)
    }

    /// Notes an address that somebody has already.
    pub(super) fn claim(&mut self, holder: &Holder, address: Ipv4Addr) {
        if self.by_holder.get(holder) == Some(&address) {
            return;
        }
        self.release(holder);
        for zone in &mut self.zones {
            let Some(place) = zone.subnet.place_of(address) else { continue };
            if place >= zone.end {
                zone.free.extend(zone.end..place);
                zone.end = place + 1;
            } else {
                zone.free.remove(&place);
            }
        }
        self.by_holder.insert(holder.clone(), address);
    }

    /// Gives a holder's address back.
    pub(super) fn release(&mut self, holder: &Holder) {
        if let Some(address) = self.by_holder.remove(holder) {
            self.free(address);
        }
    }

    /// Gives the holder another address the next time, and this one to nobody: something else has it.
    pub(super) fn avoid(&mut self, holder: &Holder) {
        self.by_holder.remove(holder);
    }

    fn free(&mut self, address: Ipv4Addr) {
        for zone in &mut self.zones {
            if let Some(place) = zone.subnet.place_of(address) {
                zone.free.insert(place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{AccountId, Region, Scope};

    fn key(id: u32) -> Holder {
        let scope = Scope::new(AccountId::DEFAULT, Region::new("us-east-1"));
        Holder::Task(TaskKey { scope, cluster: "default".into(), id: format!("{id:032x}").into() })
    }

    #[test]
    fn the_lowest_free_address_is_given() {
        let mut addresses = Addresses::new("10.192.0.0/16".parse().expect("a CIDR"));
        let first = addresses.take(&key(1), 0);
        assert_eq!(first, Some(Ipv4Addr::new(10, 192, 0, 4)));
        assert_eq!(addresses.take(&key(1), 0), first, "a task keeps its address");
        assert_eq!(addresses.take(&key(2), 0), Some(Ipv4Addr::new(10, 192, 0, 5)));
        assert_eq!(addresses.take(&key(3), 2), Some(Ipv4Addr::new(10, 192, 128, 4)));
        addresses.release(&key(1));
        assert_eq!(addresses.take(&key(4), 0), first);
    }

    #[test]
    fn what_is_claimed_is_not_given_and_a_full_subnet_gives_nothing() {
        let mut addresses = Addresses::new("10.0.0.0/24".parse().expect("a CIDR"));
        addresses.claim(&key(0), Ipv4Addr::new(10, 0, 0, 6));
        let mut given: Vec<_> = (1..100).map_while(|id| addresses.take(&key(id), 0)).collect();
        // A /26 less the five reserved and the one claimed.
        assert_eq!(given.len(), 64 - 5 - 1);
        given.sort();
        given.dedup();
        assert_eq!(given.len(), 58);
        assert!(!given.contains(&Ipv4Addr::new(10, 0, 0, 6)));
    }
}
