//! The default VPC: subnets, zones, addresses and names, all computed. Nothing has to be made before a task can run.
//!
//! Any subnet id is taken. Each stands for one of three zones of its region, always the same one; the VPC's address
//! range is cut into four equal parts, the first three of which are the zones' subnets. As on AWS, the first four
//! addresses of a subnet and its last are reserved.

use std::net::Ipv4Addr;
use std::sync::Arc;

use parking_lot::RwLock;
use sha2::{Digest, Sha256};

use crate::identity::{Region, Scope};

/// The zones of a region, as the last letter of their names.
const ZONES: [char; 3] = ['a', 'b', 'c'];
/// How many addresses at the start of a subnet AWS keeps: network, router, DNS, future use.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>
const RESERVED_AT_START: u32 = 4;
/// The last one: broadcast.
const RESERVED_AT_END: u32 = 1;

/// Where the daemons of a container instance are found by the instance's other tasks.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/managed-daemons-task-definitions.html>
pub const DAEMONS_ADDRESS: Ipv4Addr = Ipv4Addr::new(169, 254, 172, 2);

/// A subnet that every account has in every region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultSubnet {
    /// `subnet-0` and 16 hexadecimal digits.
    pub id: String,
    /// `us-east-1a`
    pub availability_zone: String,
}

/// The default VPC's subnets, one for each zone, in the zones' order; the same ids each time.
#[must_use]
pub fn default_subnets(scope: &Scope) -> Vec<DefaultSubnet> {
    (0..ZONES.len())
        .map(|zone| {
            // An id's zone follows from the id alone, so an id that means this zone is looked for.
            let mut attempt = 0;
            loop {
                let id = ec2_id("subnet", scope, &format!("{zone}/{attempt}"));
                if zone_index(&id) == zone {
                    return DefaultSubnet { id, availability_zone: zone_name(&scope.region, zone) };
                }
                attempt += 1;
            }
        })
        .collect()
}

/// The default VPC's id: `vpc-0` and 16 hexadecimal digits.
#[must_use]
pub fn default_vpc(scope: &Scope) -> String {
    ec2_id("vpc", scope, "default")
}

/// The id of the default VPC's default security group.
#[must_use]
pub fn default_security_group(scope: &Scope) -> String {
    ec2_id("sg", scope, "default")
}

/// The zone a subnet lies in: `us-east-1a`.
#[must_use]
pub fn zone_of_subnet(region: &Region, subnet_id: &str) -> String {
    zone_name(region, zone_index(subnet_id))
}

/// Which of the three zones a subnet lies in: 0, 1 or 2.
#[must_use]
pub fn zone_index(subnet_id: &str) -> usize {
    usize::from(Sha256::digest(subnet_id)[0]) % ZONES.len()
}

/// Which of the three zones of its region a zone is, by its name.
#[must_use]
pub fn index_of_zone(zone: &str) -> Option<usize> {
    ZONES.iter().position(|letter| zone.ends_with(*letter))
}

/// The names of the region's zones.
#[must_use]
pub fn zones(region: &Region) -> Vec<String> {
    (0..ZONES.len()).map(|zone| zone_name(region, zone)).collect()
}

/// The id of a zone, which is the same for all accounts: `use1-az1` for `us-east-1a`. (On AWS an account's zones are
/// mixed up with the ids; here `a` is always the first.)
#[must_use]
pub fn zone_id(zone: &str) -> Option<String> {
    let mut parts: Vec<&str> = zone.split('-').collect();
    let last = parts.pop()?;
    let (number, letter) = last.split_at(last.len().checked_sub(1)?);
    let index = ZONES.iter().position(|known| letter.starts_with(*known))?;
    let area = parts.remove(0);
    // `southeast` → `se`, `gov` and `west` → `gw`.
    let short = |part: &&str| match *part {
        "northeast" => "ne".to_owned(),
        "northwest" => "nw".to_owned(),
        "southeast" => "se".to_owned(),
        "southwest" => "sw".to_owned(),
        other => other.chars().take(1).collect(),
    };
    let directions: String = parts.iter().map(short).collect();
    Some(format!("{area}{directions}{number}-az{}", index + 1))
}

fn zone_name(region: &Region, zone: usize) -> String {
    format!("{region}{}", ZONES[zone])
}

/// An id in EC2's form that is the same for the same scope and purpose.
fn ec2_id(kind: &str, scope: &Scope, purpose: &str) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(format!("{kind}/{}/{}/{purpose}", scope.account, scope.region));
    digest[..8].iter().fold(format!("{kind}-0"), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// The name AWS's DNS gives an address: `ip-10-192-0-5.ec2.internal`, elsewhere
/// `ip-10-192-0-5.eu-west-1.compute.internal`.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html>
#[must_use]
pub fn private_dns_name(region: &Region, address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    match region.as_str() {
        "us-east-1" => format!("ip-{a}-{b}-{c}-{d}.ec2.internal"),
        region => format!("ip-{a}-{b}-{c}-{d}.{region}.compute.internal"),
    }
}

/// A range of addresses in CIDR notation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    base: u32,
    prefix: u8,
}

/// The range that is tried first unless another one is configured: 10.192.0.0/16.
pub const FIRST_RANGE: Cidr = Cidr { base: 0x0ac0_0000, prefix: 16 };

/// The default VPC's range, once the engine has a network for it.
#[derive(Clone, Debug, Default)]
pub struct VpcRange(Arc<RwLock<Option<Cidr>>>);

impl VpcRange {
    /// The engine's network has these addresses.
    pub fn tell(&self, range: Cidr) {
        *self.0.write() = Some(range);
    }

    #[must_use]
    pub fn known(&self) -> Option<Cidr> {
        *self.0.read()
    }
}

/// A text that is not a CIDR a VPC can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an IPv4 CIDR between /8 and /24, such as 10.192.0.0/16")]
pub struct InvalidCidr;

impl std::str::FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let (address, prefix) = text.split_once('/').ok_or(InvalidCidr)?;
        let address: Ipv4Addr = address.parse().map_err(|_| InvalidCidr)?;
        let prefix: u8 = prefix.parse().map_err(|_| InvalidCidr)?;
        if !(8..=24).contains(&prefix) {
            return Err(InvalidCidr);
        }
        let base = address.to_bits() & (u32::MAX << (32 - prefix));
        Ok(Self { base, prefix })
    }
}

impl std::fmt::Display for Cidr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.base), self.prefix)
    }
}

impl Cidr {
    fn size(self) -> u32 {
        1 << (32 - self.prefix)
    }

    /// The VPC's router: the first address after its base.
    #[must_use]
    pub fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.base + 1)
    }

    #[must_use]
    pub fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits().wrapping_sub(self.base) < self.size()
    }

    /// The subnet of a zone (0, 1 or 2).
    #[must_use]
    pub fn subnet(self, zone: usize) -> Self {
        let part = self.size() / 4;
        Self { base: self.base + part * u32::try_from(zone).unwrap_or(0), prefix: self.prefix + 2 }
    }

    /// How many addresses interfaces can have, if this is a subnet.
    #[must_use]
    pub fn usable(self) -> u32 {
        self.size() - RESERVED_AT_START - RESERVED_AT_END
    }

    /// The address an interface can have at place `place`, counted from 0 and below [`Cidr::usable`].
    #[must_use]
    pub fn usable_address(self, place: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.base + RESERVED_AT_START + place)
    }

    /// The place of an address, if an interface can have it.
    #[must_use]
    pub fn place_of(self, address: Ipv4Addr) -> Option<u32> {
        let place = address.to_bits().checked_sub(self.base + RESERVED_AT_START)?;
        (place < self.usable()).then_some(place)
    }
}

/// The ranges to try for the default VPC, best first: the one configured, then private ranges that few networks use.
pub fn vpc_candidates(configured: Cidr) -> impl Iterator<Item = Cidr> {
    let sixteen = |a: u8, b: u8| Cidr { base: u32::from_be_bytes([a, b, 0, 0]), prefix: 16 };
    let tens = (192..=255).map(move |b| sixteen(10, b));
    let others = (16..=31).rev().map(move |b| sixteen(172, b));
    std::iter::once(configured).chain(tens.chain(others).filter(move |candidate| *candidate != configured))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::AccountId;

    fn scope(region: &str) -> Scope {
        Scope::new(AccountId::DEFAULT, Region::new(region))
    }

    #[test]
    fn default_subnets_lie_in_their_zones_and_never_change() {
        let subnets = default_subnets(&scope("us-east-1"));
        assert_eq!(subnets, default_subnets(&scope("us-east-1")));
        assert_ne!(subnets, default_subnets(&scope("eu-west-1")));
        for (subnet, zone) in subnets.iter().zip(["us-east-1a", "us-east-1b", "us-east-1c"]) {
            assert_eq!(subnet.id.len(), "subnet-0a1b2c3d4e5f60718".len());
            assert_eq!(subnet.availability_zone, zone);
            assert_eq!(zone_of_subnet(&Region::new("us-east-1"), &subnet.id), zone);
        }
    }

    #[test]
    fn names_of_addresses_follow_the_region() {
        let address = Ipv4Addr::new(10, 192, 0, 5);
        assert_eq!(private_dns_name(&Region::new("us-east-1"), address), "ip-10-192-0-5.ec2.internal");
        assert_eq!(private_dns_name(&Region::new("eu-west-1"), address), "ip-10-192-0-5.eu-west-1.compute.internal");
    }

    #[test]
    fn zones_are_told_by_their_last_letter() {
        assert_eq!(
            zones(&Region::new("eu-west-1")).iter().map(|zone| index_of_zone(zone)).collect::<Vec<_>>(),
            [Some(0), Some(1), Some(2)]
        );
        assert_eq!(index_of_zone(""), None);
    }

    #[test]
    fn zones_have_ids() {
        for (zone, id) in [
            ("us-east-1a", "use1-az1"),
            ("eu-west-3c", "euw3-az3"),
            ("ap-southeast-2b", "apse2-az2"),
            ("us-gov-west-1a", "usgw1-az1"),
        ] {
            assert_eq!(zone_id(zone).as_deref(), Some(id));
        }
        assert_eq!(zone_id(""), None);
        assert_eq!(zone_id("x"), None);
    }

    #[test]
    fn subnets_are_quarters_of_the_vpc_with_reserved_ends() {
        let vpc: Cidr = "10.192.3.4/16".parse().expect("a CIDR");
        assert_eq!(vpc.to_string(), "10.192.0.0/16");
        assert_eq!(vpc.gateway(), Ipv4Addr::new(10, 192, 0, 1));
        let b = vpc.subnet(1);
        assert_eq!(b.to_string(), "10.192.64.0/18");
        assert_eq!(b.usable(), 16_379);
        assert_eq!(b.usable_address(0), Ipv4Addr::new(10, 192, 64, 4));
        assert_eq!(b.usable_address(b.usable() - 1), Ipv4Addr::new(10, 192, 127, 254));
        assert_eq!(b.place_of(Ipv4Addr::new(10, 192, 64, 4)), Some(0));
        assert_eq!(b.place_of(Ipv4Addr::new(10, 192, 64, 3)), None);
        assert_eq!(b.place_of(Ipv4Addr::new(10, 192, 127, 255)), None);
        assert!(vpc.contains(Ipv4Addr::new(10, 192, 255, 255)) && !vpc.contains(Ipv4Addr::new(10, 193, 0, 0)));
    }

    #[test]
    fn odd_ranges_are_refused() {
        for bad in ["", "10.0.0.0", "10.0.0.0/7", "10.0.0.0/25", "10.0.0/16", "x/16"] {
            assert_eq!(bad.parse::<Cidr>(), Err(InvalidCidr), "{bad}");
        }
    }

    #[test]
    fn the_configured_range_is_tried_first_and_none_twice() {
        let configured = "10.200.0.0/16".parse().expect("a CIDR");
        let candidates: Vec<_> = vpc_candidates(configured).collect();
        assert_eq!(candidates[0], configured);
        assert_eq!(candidates.iter().filter(|candidate| **candidate == configured).count(), 1);
        assert_eq!(candidates.len(), 64 + 16);
    }
}
