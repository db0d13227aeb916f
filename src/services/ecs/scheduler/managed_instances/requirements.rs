//! Whether an instance type is one that `instanceRequirements` allow.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_InstanceRequirementsRequest.html>
//!
//! What has a price is not known here, and neither is which types can hibernate: those members allow every type.

use api_models::ecs::{InstanceGeneration, InstanceRequirementsRequest};

use crate::services::ec2::instance_types::{Accelerator, InstanceType};

/// Whether the requirements allow the type. Without any, types of the current generation for general use, computing or
/// much memory are taken.
#[must_use]
pub fn allows(required: Option<&InstanceRequirementsRequest>, it: &InstanceType) -> bool {
    let Some(required) = required else {
        let general =
            it.name.starts_with(['c', 'm', 'r']) && it.name[1..].starts_with(|next: char| next.is_ascii_digit());
        return general && it.current && !it.metal && !it.burstable;
    };
    size(required, it) && kind(required, it) && accelerators(required, it) && disks_and_network(required, it)
}

fn within<T: PartialOrd>(value: T, minimum: Option<T>, maximum: Option<T>) -> bool {
    minimum.is_none_or(|minimum| value >= minimum) && maximum.is_none_or(|maximum| value <= maximum)
}

fn size(required: &InstanceRequirementsRequest, it: &InstanceType) -> bool {
    let cpus = required.v_cpu_count.as_deref();
    let memory = required.memory_mi_b.as_deref();
    let ratio = required.memory_gi_b_per_v_cpu.as_deref();
    within(i64::from(it.vcpus), cpus.and_then(|it| it.min).map(i64::from), cpus.and_then(|it| it.max).map(i64::from))
        && within(
            i128::from(it.memory),
            memory.and_then(|it| it.min).map(i128::from),
            memory.and_then(|it| it.max).map(i128::from),
        )
        && within(
            it.memory as f64 / 1024.0 / f64::from(it.vcpus.max(1)),
            ratio.and_then(|it| it.min),
            ratio.and_then(|it| it.max),
        )
}

/// `included`, `required` or `excluded`; what AWS takes when nothing is said.
fn inclusion(given: Option<&str>, default: &str, has: bool) -> bool {
    match given.unwrap_or(default) {
        "required" => has,
        "excluded" => !has,
        _ => true,
    }
}

fn kind(required: &InstanceRequirementsRequest, it: &InstanceType) -> bool {
    let named = |list: &Option<Vec<String>>| {
        list.as_ref().is_some_and(|list| list.iter().any(|pattern| matches(pattern, &it.name)))
    };
    let only = required.allowed_instance_types.as_ref().is_some_and(|list| !list.is_empty());
    let maker = match it.maker.as_str() {
        "Intel" => "intel",
        "AMD" => "amd",
        _ => "amazon-web-services",
    };
    let makers = required.cpu_manufacturers.as_deref().unwrap_or_default();
    let generations = required.instance_generations.as_deref().unwrap_or_default();
    let generation = if it.current { InstanceGeneration::Current } else { InstanceGeneration::Previous };
    (!only || named(&required.allowed_instance_types))
        && !named(&required.excluded_instance_types)
        && (makers.is_empty() || makers.iter().any(|known| known.as_str() == maker))
        && (generations.is_empty() || generations.contains(&generation))
        && inclusion(required.bare_metal.as_ref().map(|it| it.as_str()), "excluded", it.metal)
        && inclusion(required.burstable_performance.as_ref().map(|it| it.as_str()), "excluded", it.burstable)
}

/// `m5.*` and the like: `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut open = false;
    for part in parts {
        open = true;
        if part.is_empty() {
            continue;
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
        open = false;
    }
    rest.is_empty() || open || (pattern.contains('*') && pattern.ends_with('*'))
}

fn accelerators(required: &InstanceRequirementsRequest, it: &InstanceType) -> bool {
    let all = || it.gpus.iter().map(|one| ("gpu", one)).chain(it.accelerators.iter().map(|one| (kind_of(one), one)));
    let count = all().map(|(_, one)| i64::from(one.count)).sum::<i64>();
    let memory = all().map(|(_, one)| i128::from(one.memory) * i128::from(one.count)).sum::<i128>();
    let counts = required.accelerator_count.as_deref();
    let sizes = required.accelerator_total_memory_mi_b.as_deref();
    let kinds = required.accelerator_types.as_deref().unwrap_or_default();
    let makers = required.accelerator_manufacturers.as_deref().unwrap_or_default();
    let names = required.accelerator_names.as_deref().unwrap_or_default();
    within(count, counts.and_then(|it| it.min).map(i64::from), counts.and_then(|it| it.max).map(i64::from))
        && within(memory, sizes.and_then(|it| it.min).map(i128::from), sizes.and_then(|it| it.max).map(i128::from))
        && (kinds.is_empty() || all().any(|(kind, _)| kinds.iter().any(|known| known.as_str() == kind)))
        && (makers.is_empty() || all().any(|(_, one)| makers.iter().any(|known| known.as_str() == maker_of(one))))
        && (names.is_empty() || all().any(|(_, one)| names.iter().any(|known| known.as_str() == name_of(one))))
}

fn kind_of(one: &Accelerator) -> &str {
    one.kind.as_deref().unwrap_or("gpu")
}

fn maker_of(one: &Accelerator) -> String {
    if one.maker == "AWS" { "amazon-web-services".to_owned() } else { one.maker.to_ascii_lowercase() }
}

fn name_of(one: &Accelerator) -> String {
    one.name.to_ascii_lowercase().replace(' ', "-")
}

fn disks_and_network(required: &InstanceRequirementsRequest, it: &InstanceType) -> bool {
    let disks = required.local_storage_types.as_deref().unwrap_or_default();
    let kind = it.storage.as_ref().map(|storage| storage.kind.as_str());
    let total = required.total_local_storage_gb.as_deref();
    let gigabytes = it.storage.as_ref().map_or(0.0, |storage| storage.gb as f64);
    let interfaces = required.network_interface_count.as_deref();
    let ebs = required.baseline_ebs_bandwidth_mbps.as_deref();
    let network = required.network_bandwidth_gbps.as_deref();
    inclusion(required.local_storage.as_ref().map(|it| it.as_str()), "included", it.storage.is_some())
        && (disks.is_empty() || kind.is_none_or(|kind| disks.iter().any(|known| known.as_str() == kind)))
        && within(gigabytes, total.and_then(|it| it.min), total.and_then(|it| it.max))
        && within(
            i64::from(it.enis),
            interfaces.and_then(|it| it.min).map(i64::from),
            interfaces.and_then(|it| it.max).map(i64::from),
        )
        && within(
            i64::from(it.ebs_mbps.unwrap_or(0)),
            ebs.and_then(|it| it.min).map(i64::from),
            ebs.and_then(|it| it.max).map(i64::from),
        )
        && within(it.gbps.unwrap_or(0.0), network.and_then(|it| it.min), network.and_then(|it| it.max))
}

#[cfg(test)]
mod tests {
    use api_models::ecs::{
        AcceleratorCountRequest, AcceleratorType, BurstablePerformance, CpuManufacturer, MemoryMiBRequest,
        VCpuCountRangeRequest,
    };

    use super::*;
    use crate::services::ec2::instance_types;

    fn at_least(cpus: i32, memory: i32) -> InstanceRequirementsRequest {
        InstanceRequirementsRequest {
            v_cpu_count: Some(Box::new(VCpuCountRangeRequest { min: Some(cpus), max: None })),
            memory_mi_b: Some(Box::new(MemoryMiBRequest { min: Some(memory), max: None })),
            ..InstanceRequirementsRequest::default()
        }
    }

    fn names(required: &InstanceRequirementsRequest) -> Vec<&'static str> {
        let all = instance_types::all().iter().filter(|it| allows(Some(required), it));
        all.map(|it| it.name.as_str()).collect()
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("m5.large", "m5.large", true),
            ("m5.large", "m5.large2", false),
            ("m5.*", "m5.large", true),
            ("m5*", "m5a.large", true),
            ("*.large", "m5.large", true),
            ("*.large", "m5.xlarge", false),
            ("c*.*large", "c7g.2xlarge", true),
            ("m5.*", "c5.large", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_required_is_what_is_left() {
        let big = names(&at_least(8, 65_536));
        assert!(big.contains(&"r5.2xlarge") && !big.contains(&"m5.2xlarge") && !big.contains(&"t3.2xlarge"));
        let burstable = InstanceRequirementsRequest {
            burstable_performance: Some(BurstablePerformance::Required),
            cpu_manufacturers: Some(vec![CpuManufacturer::AmazonWebServices]),
            ..at_least(1, 0)
        };
        assert!(names(&burstable).iter().all(|name| name.starts_with("t4g.")) && !names(&burstable).is_empty());
        let allowed = InstanceRequirementsRequest {
            allowed_instance_types: Some(vec!["m5.*".into(), "c5.large".into()]),
            ..at_least(2, 4096)
        };
        let allowed = names(&allowed);
        assert!(allowed.contains(&"c5.large") && allowed.contains(&"m5.large") && !allowed.contains(&"m5.metal"));
        let gpus = InstanceRequirementsRequest {
            accelerator_types: Some(vec![AcceleratorType::Gpu]),
            accelerator_count: Some(Box::new(AcceleratorCountRequest { min: Some(4), max: Some(4) })),
            ..at_least(1, 0)
        };
        assert!(names(&gpus).contains(&"g5.12xlarge") && !names(&gpus).contains(&"g5.xlarge"));
    }
}
