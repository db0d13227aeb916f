//! Who may speak to 169.254.170.2: the engine's containers and programs of its host.
//!
//! The kernel takes packets for any of its addresses on any interface, so a machine of the same network could send
//! some here. Its own address gives it away: an address in one of the engine's networks would get no answer there.

use std::net::Ipv4Addr;
use std::time::Duration;

use parking_lot::Mutex;

use crate::runtime::docker::{LINK_LOCAL_ADDRESS, LinkLocal, is_own_address};
use crate::time::stopwatch;

/// How often the engine is asked at most which networks it has.
const PAUSE: Duration = Duration::from_secs(1);

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    base: u32,
    mask: u32,
}

impl Range {
    fn parse(cidr: &str) -> Option<Self> {
        let (address, prefix) = cidr.split_once('/')?;
        let (address, prefix): (Ipv4Addr, u32) = (address.parse().ok()?, prefix.parse().ok()?);
        let mask = u32::MAX.checked_shl(32_u32.checked_sub(prefix)?).unwrap_or(0);
        // A network of everything would let everybody in.
        (mask != 0).then_some(Self { base: address.to_bits() & mask, mask })
    }

    fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.mask == self.base
    }
}

/// Where containers have their addresses, as the engine last said.
pub(super) struct Sources {
    /// `None`: only this machine's own addresses.
    link: Option<LinkLocal>,
    known: Mutex<Vec<Range>>,
    asked: tokio::sync::Mutex<Option<Box<dyn Fn() -> Duration + Send>>>,
}

impl Sources {
    pub(super) fn of_engine(link: LinkLocal) -> Self {
        Self { link: Some(link), known: Mutex::default(), asked: tokio::sync::Mutex::default() }
    }

    #[cfg(test)]
    pub(super) fn own_machine() -> Self {
        Self { link: None, known: Mutex::default(), asked: tokio::sync::Mutex::default() }
    }

    /// Whether a connection from there is to be served.
    pub(super) async fn allow(&self, source: Ipv4Addr) -> bool {
        if self.is_known(source) || source == LINK_LOCAL_ADDRESS || is_own_address(source) {
            return true;
        }
        let Some(link) = &self.link else { return false };
        // One asks, the others wait for its answer.
        let mut asked = self.asked.lock().await;
        if self.is_known(source) {
            return true;
        }
        if asked.as_ref().is_some_and(|age| age() < PAUSE) {
            return false;
        }
        match link.subnets().await {
            Ok(subnets) => *self.known.lock() = subnets.iter().filter_map(|cidr| Range::parse(cidr)).collect(),
            Err(error) => tracing::debug!(%error, "the engine does not say which networks it has"),
        }
        *asked = Some(Box::new(stopwatch()));
        self.is_known(source)
    }

    fn is_known(&self, source: Ipv4Addr) -> bool {
        self.known.lock().iter().any(|range| range.contains(source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_addresses() {
        let range = Range::parse("172.17.0.0/16").expect("a CIDR");
        assert!(range.contains(Ipv4Addr::new(172, 17, 255, 1)) && !range.contains(Ipv4Addr::new(172, 18, 0, 1)));
        for bad in ["", "0.0.0.0/0", "172.17.0.0/33", "fd00::/64", "172.17.0.0"] {
            assert_eq!(Range::parse(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn the_machine_itself_is_allowed_and_others_are_not() {
        let sources = Sources::own_machine();
        assert!(sources.allow(Ipv4Addr::LOCALHOST).await);
        assert!(!sources.allow(Ipv4Addr::new(192, 0, 2, 77)).await);
    }
}
