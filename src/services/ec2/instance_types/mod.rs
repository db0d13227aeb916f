//! The instance types of EC2: `m5.large` has 2 vCPUs and 8 GiB.
//!
//! `types.jsonl.gz` has one type a line, sorted by name: the facts that
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html> answers, of all current and
//! previous types that run Linux. It is unpacked when somebody first asks.

use std::io::Read;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use serde::Deserialize;

static PACKED: &[u8] = include_bytes!("types.jsonl.gz");

static TYPES: LazyLock<Vec<InstanceType>> = LazyLock::new(|| {
    let mut text = String::new();
    if let Err(error) = GzDecoder::new(PACKED).read_to_string(&mut text) {
        tracing::error!(%error, "the table of instance types can't be unpacked");
    }
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
});

/// One type.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceType {
    /// `m5.large`
    pub name: String,
    pub vcpus: u32,
    /// Physical cores.
    pub cores: Option<u32>,
    /// MiB, as advertised; see [`InstanceType::usable_memory`].
    pub memory: u64,
    /// `x86_64`, `arm64`; old ones `i386` too.
    pub arch: Vec<String>,
    /// Who made the processor: `Intel`, `AMD`, `AWS`.
    pub maker: String,
    /// The processor's sustained clock speed.
    pub ghz: Option<f64>,
    /// Whether it is of the current generation.
    pub current: bool,
    #[serde(default)]
    pub metal: bool,
    #[serde(default)]
    pub burstable: bool,
    /// `nitro` or `xen`; nothing on metal.
    pub hypervisor: Option<String>,
    #[serde(default)]
    pub gpus: Vec<Accelerator>,
    /// All that are no GPUs.
    #[serde(default)]
    pub accelerators: Vec<Accelerator>,
    /// Disks of its own.
    pub storage: Option<InstanceStorage>,
    /// `Up to 10 Gigabit`
    pub network: String,
    /// Gigabits a second that its network always has.
    pub gbps: Option<f64>,
    /// How many network interfaces it may have.
    pub enis: u32,
    /// IPv4 addresses for each of them.
    pub ips: u32,
    /// Megabits a second to EBS that it always has.
    pub ebs_mbps: Option<u32>,
    /// `on-demand`, `spot`, `capacity-block`
    pub usage: Vec<String>,
}

/// GPUs or other accelerators of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Accelerator {
    /// `inference`, `fpga` or `media`; nothing for GPUs.
    pub kind: Option<String>,
    /// `A10G`
    pub name: String,
    /// `NVIDIA`
    pub maker: String,
    pub count: u32,
    /// MiB of each.
    pub memory: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct InstanceStorage {
    pub gb: u64,
    /// `ssd` or `hdd`
    pub kind: String,
    pub nvme: bool,
}

/// All of them, sorted by name.
#[must_use]
pub fn all() -> &'static [InstanceType] {
    &TYPES
}

/// The one of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static InstanceType> {
    TYPES.binary_search_by(|known| known.name.as_str().cmp(name)).ok().map(|index| &TYPES[index])
}

/// Names that are close to one that is none, for messages: the same family, else the same size.
#[must_use]
pub fn similar(name: &str) -> Vec<&'static str> {
    let (family, size) = name.split_once('.').unwrap_or((name, ""));
    let of_family = || TYPES.iter().filter(|known| known.family() == family);
    let alike = |known: &&InstanceType| {
        known.current && family.chars().next().is_some_and(|first| known.name.starts_with(first))
    };
    let of_size = || TYPES.iter().filter(alike).filter(|known| known.name.ends_with(&format!(".{size}")));
    let found: Vec<_> = of_family().map(|known| known.name.as_str()).take(8).collect();
    if found.is_empty() { of_size().map(|known| known.name.as_str()).take(8).collect() } else { found }
}

impl InstanceType {
    /// `m5`
    #[must_use]
    pub fn family(&self) -> &str {
        self.name.split_once('.').map_or(self.name.as_str(), |(family, _)| family)
    }

    /// `x86_64` or `arm64`: what an ECS-optimized image on it runs.
    #[must_use]
    pub fn architecture(&self) -> &'static str {
        if self.arch.iter().any(|known| known == "arm64") { "arm64" } else { "x86_64" }
    }

    #[must_use]
    pub fn gpu_count(&self) -> u32 {
        self.gpus.iter().map(|gpu| gpu.count).sum()
    }

    /// MiB that Linux finds on it, which is what the ECS agent registers: less than advertised.
    /// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/memory-management.html>
    ///
    /// A 64th describes the pages; Xen and the kernel take about 80 MiB more. So an m4.large has the 7984 MiB that AWS's
    /// example shows, and all Xen types what they were seen to register. Nitro's firmware takes more: an m5.large has
    /// about 7680 MiB. There the sum is an approximation, some tens of MiB off.
    #[must_use]
    pub fn usable_memory(&self) -> u64 {
        let pages = self.memory / 64;
        let lost = match self.hypervisor.as_deref() {
            Some("nitro") => self.memory / 25 + (self.memory / 44).min(188),
            _ if self.memory < 4096 => pages + 15,
            _ => pages + 80,
        };
        self.memory.saturating_sub(lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_what_users_name() {
        assert!(all().len() > 1000);
        assert!(all().is_sorted_by(|one, other| one.name < other.name));
        for (name, vcpus, memory, architecture, gpus) in [
            ("t3.micro", 2, 1024, "x86_64", 0),
            ("t4g.small", 2, 2048, "arm64", 0),
            ("m5.large", 2, 8192, "x86_64", 0),
            ("m7g.xlarge", 4, 16384, "arm64", 0),
            ("c6i.2xlarge", 8, 16384, "x86_64", 0),
            ("r6a.48xlarge", 192, 1_572_864, "x86_64", 0),
            ("g5.xlarge", 4, 16384, "x86_64", 1),
            ("p4d.24xlarge", 96, 1_179_648, "x86_64", 8),
        ] {
            let found = find(name).unwrap_or_else(|| panic!("no {name}"));
            assert_eq!((found.vcpus, found.memory, found.gpu_count()), (vcpus, memory, gpus), "{name}");
            assert_eq!(found.architecture(), architecture, "{name}");
        }
        assert!(find("m5.huge").is_none() && find("").is_none());
    }

    #[test]
    fn memory_is_what_agents_report() {
        // As seen on ECS-optimized images.
        for (name, registered) in [
            ("t2.micro", 993),
            ("t2.small", 2001),
            ("t2.medium", 3952),
            ("m4.large", 7984),
            ("m4.xlarge", 16048),
            ("m4.16xlarge", 257_953),
            ("m5.large", 7680),
            ("m5.xlarge", 15550),
            ("inf1.xlarge", 7679),
        ] {
            let usable = find(name).expect(name).usable_memory();
            assert!(usable.abs_diff(registered) <= 20, "{name}: {usable}");
        }
        assert!(all().iter().all(|known| known.usable_memory() > known.memory * 9 / 10));
    }

    #[test]
    fn a_slip_gets_a_hint() {
        assert!(similar("m5.huge").contains(&"m5.large"));
        let large = similar("m99.large");
        assert!(!large.is_empty() && large.iter().all(|name| name.starts_with('m') && name.ends_with(".large")));
        assert!(similar("").is_empty() && similar("größe").is_empty());
    }
}
