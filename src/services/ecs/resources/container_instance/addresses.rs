//! The addresses that host ports of container instances are on: each instance has one of its own, so that two of them can
//! both have a port 80.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use super::{ContainerInstance, ContainerInstanceKey};
use crate::store::State;

/// Addresses of this machine that instances get: `127.64.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstanceAddresses {
    first: Ipv4Addr,
    last: Ipv4Addr,
}

/// A text that is no range of addresses for instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an IPv4 CIDR between /8 and /30, such as 127.64.0.0/16")]
pub struct InvalidAddresses;

impl FromStr for InstanceAddresses {
    type Err = InvalidAddresses;

    fn from_str(text: &str) -> Result<Self, InvalidAddresses> {
        let (base, prefix) = text.split_once('/').ok_or(InvalidAddresses)?;
        let base: Ipv4Addr = base.parse().map_err(|_| InvalidAddresses)?;
        let prefix: u32 = prefix.parse().map_err(|_| InvalidAddresses)?;
        if !(8..=30).contains(&prefix) {
            return Err(InvalidAddresses);
        }
        let hosts = u32::MAX >> prefix;
        let base = base.to_bits() & !hosts;
        // Neither the network's address nor that of broadcasts.
        Ok(Self { first: Ipv4Addr::from_bits(base + 1), last: Ipv4Addr::from_bits(base + hosts - 1) })
    }
}

/// Which instance has which address; those that are INACTIVE keep theirs until all tasks have left them.
pub type Taken = imbl::OrdMap<Ipv4Addr, ContainerInstanceKey>;

/// Keeps [`Taken`] up to date when the record of an instance changes.
pub(super) fn follow(state: &mut State, old: Option<&ContainerInstance>, new: Option<&ContainerInstance>) {
    let held = |instance: Option<&ContainerInstance>| {
        instance.filter(|it| it.status != "INACTIVE" || it.remaining != it.registered)?.address
    };
    let (before, after) = (held(old), held(new));
    if before == after {
        return;
    }
    if let Some(address) = before {
        state.instance_addresses.remove(&address);
    }
    if let (Some(address), Some(instance)) = (after, new) {
        state.instance_addresses.insert(address, instance.key.clone());
    }
}

/// The address of a new instance: that on which all ports are published if no other instance has it, else the next free one
/// of the range. `None` (all ports are published on the same address) without a range, or when all of it is taken.
#[must_use]
pub fn next(taken: &Taken, published: IpAddr, range: Option<InstanceAddresses>) -> Option<Ipv4Addr> {
    let range = range?;
    if let IpAddr::V4(published) = published
        && !taken.contains_key(&published)
    {
        return Some(published);
    }
    let (bounds, highest) = (range.first..=range.last, taken.range(range.first..=range.last).next_back());
    match highest {
        None => Some(range.first),
        Some((highest, _)) if *highest < range.last => Some(Ipv4Addr::from_bits(highest.to_bits() + 1)),
        Some(_) => {
            // The end was reached once: there may be gaps.
            let mut free = range.first;
            for (address, _) in taken.range(bounds) {
                if *address > free {
                    return Some(free);
                }
                free = Ipv4Addr::from_bits(address.to_bits().checked_add(1)?);
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{AccountId, Region, Scope};

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn key() -> ContainerInstanceKey {
        let scope = Scope::new(AccountId::DEFAULT, Region::new("us-east-1"));
        ContainerInstanceKey { scope, cluster: "default".into(), id: "a".into() }
    }

    #[test]
    fn each_gets_another_until_none_is_left() {
        let range = "127.64.0.0/30".parse().ok();
        let mut taken = Taken::new();
        let mut given = Vec::new();
        while let Some(address) = next(&taken, LOOPBACK, range) {
            assert!(taken.insert(address, key()).is_none(), "{address} twice");
            given.push(address.to_string());
        }
        assert_eq!(given, ["127.0.0.1", "127.64.0.1", "127.64.0.2"]);
        for free in given {
            let free: Ipv4Addr = free.parse().expect("an address");
            taken.remove(&free);
            assert_eq!(next(&taken, LOOPBACK, range), Some(free), "a gap is found");
            taken.insert(free, key());
        }
        assert_eq!(next(&Taken::new(), LOOPBACK, None), None);
    }

    #[test]
    fn ranges_are_cidrs() {
        let range: InstanceAddresses = "127.64.3.9/24".parse().expect("a range");
        assert_eq!((range.first.to_string(), range.last.to_string()), ("127.64.3.1".into(), "127.64.3.254".into()));
        for wrong in ["", "127.0.0.1", "127.0.0.0/31", "127.0.0.0/7", "::1/64", "a/24"] {
            assert_eq!(wrong.parse::<InstanceAddresses>(), Err(InvalidAddresses), "{wrong}");
        }
    }
}
