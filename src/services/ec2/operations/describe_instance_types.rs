//! DescribeInstanceTypes: the types there are, and what they have.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html>

use api_models::ec2::{
    CommonError, DescribeInstanceTypesError, DescribeInstanceTypesRequest, DescribeInstanceTypesResult, EbsInfo,
    EbsOptimizedInfo, GpuDeviceInfo, GpuDeviceMemoryInfo, GpuInfo, InstanceStorageInfo, InstanceTypeInfo, MemoryInfo,
    NetworkInfo, ProcessorInfo, VCpuInfo,
};

use crate::services::Context;
use crate::services::ec2::instance_types::{self, Accelerator, InstanceType};
use crate::services::ec2::resources::errors::{combination, error, page_size, unless_dry};
use crate::services::ec2::resources::filters::{Field, Filters};
use crate::services::ec2::resources::paging;

/// Types may be named with wildcards.
pub(crate) async fn handle(
    _: Context,
    input: DescribeInstanceTypesRequest,
) -> Result<DescribeInstanceTypesResult, DescribeInstanceTypesError> {
    let filters = Filters::new(input.filters)?;
    let names = input.instance_types.unwrap_or_default();
    if !names.is_empty() && input.max_results.is_some() {
        return Err(combination("The parameter instanceTypes cannot be used with the parameter maxResults").into());
    }
    let unknown: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| instance_types::find(name).is_none()).collect();
    if !unknown.is_empty() {
        let message = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(CommonError::from(error("InvalidInstanceType", message)).into());
    }
    let size = page_size(input.max_results, 5, 100)?;
    unless_dry(input.dry_run)?;
    let mut found = Vec::new();
    for kind in instance_types::all().iter().filter(|kind| names.is_empty() || names.contains(&kind.name)) {
        if filters.pass(|name| field(kind, name))? {
            found.push(kind);
        }
    }
    let (found, next_token) =
        paging::cut("DescribeInstanceTypes", size, input.next_token, found, |kind| kind.name.clone())?;
    Ok(DescribeInstanceTypesResult { instance_types: Some(found.into_iter().map(shown).collect()), next_token })
}

fn field(kind: &InstanceType, name: &str) -> Field {
    match name {
        "instance-type" => Field::one(kind.name.clone()),
        "current-generation" => Field::one(kind.current.to_string()),
        "bare-metal" => Field::one(kind.metal.to_string()),
        "burstable-performance-supported" => Field::one(kind.burstable.to_string()),
        "hypervisor" => Field::maybe(kind.hypervisor.clone()),
        "memory-info.size-in-mib" => Field::one(kind.memory.to_string()),
        "vcpu-info.default-vcpus" => Field::one(kind.vcpus.to_string()),
        "vcpu-info.default-cores" => Field::maybe(kind.cores.map(|cores| cores.to_string())),
        "processor-info.supported-architecture" => Field::many(kind.arch.clone()),
        "instance-storage-supported" => Field::one(kind.storage.is_some().to_string()),
        "network-info.maximum-network-interfaces" => Field::one(kind.enis.to_string()),
        "network-info.ipv4-addresses-per-interface" => Field::one(kind.ips.to_string()),
        "network-info.network-performance" => Field::one(kind.network.clone()),
        "supported-usage-class" => Field::many(kind.usage.clone()),
        _ => Field::Unknown,
    }
}

fn shown(kind: &InstanceType) -> InstanceTypeInfo {
    let int = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    let long = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let cores = kind.cores.unwrap_or(kind.vcpus).max(1);
    InstanceTypeInfo {
        instance_type: Some(kind.name.clone()),
        current_generation: Some(kind.current),
        supported_usage_classes: Some(kind.usage.iter().map(|usage| usage.as_str().into()).collect()),
        bare_metal: Some(kind.metal),
        hypervisor: kind.hypervisor.as_deref().map(Into::into),
        processor_info: Some(Box::new(ProcessorInfo {
            supported_architectures: Some(kind.arch.iter().map(|arch| arch.as_str().into()).collect()),
            sustained_clock_speed_in_ghz: kind.ghz,
            supported_features: None,
            manufacturer: Some(kind.maker.clone()),
        })),
        v_cpu_info: Some(Box::new(VCpuInfo {
            default_v_cpus: Some(int(kind.vcpus)),
            default_cores: Some(int(cores)),
            default_threads_per_core: Some(int(kind.vcpus / cores)),
            ..VCpuInfo::default()
        })),
        memory_info: Some(Box::new(MemoryInfo { size_in_mi_b: Some(long(kind.memory)) })),
        instance_storage_supported: Some(kind.storage.is_some()),
        instance_storage_info: kind.storage.as_ref().map(|storage| {
            Box::new(InstanceStorageInfo {
                total_size_in_gb: Some(long(storage.gb)),
                nvme_support: Some(if storage.nvme { "required" } else { "unsupported" }.into()),
                ..InstanceStorageInfo::default()
            })
        }),
        ebs_info: kind.ebs_mbps.map(|mbps| {
            let info = EbsOptimizedInfo { baseline_bandwidth_in_mbps: Some(int(mbps)), ..EbsOptimizedInfo::default() };
            Box::new(EbsInfo { ebs_optimized_info: Some(Box::new(info)), ..EbsInfo::default() })
        }),
        network_info: Some(Box::new(NetworkInfo {
            network_performance: Some(kind.network.clone()),
            maximum_network_interfaces: Some(int(kind.enis)),
            ipv4_addresses_per_interface: Some(int(kind.ips)),
            ..NetworkInfo::default()
        })),
        gpu_info: (!kind.gpus.is_empty()).then(|| {
            let total = kind.gpus.iter().map(|gpu| gpu.memory * u64::from(gpu.count)).sum::<u64>();
            Box::new(GpuInfo {
                gpus: Some(kind.gpus.iter().map(gpu).collect()),
                total_gpu_memory_in_mi_b: i32::try_from(total).ok(),
            })
        }),
        burstable_performance_supported: Some(kind.burstable),
        ..InstanceTypeInfo::default()
    }
}

fn gpu(gpu: &Accelerator) -> GpuDeviceInfo {
    let memory = GpuDeviceMemoryInfo { size_in_mi_b: i32::try_from(gpu.memory).ok() };
    GpuDeviceInfo {
        name: Some(gpu.name.clone()),
        manufacturer: Some(gpu.maker.clone()),
        count: i32::try_from(gpu.count).ok(),
        memory_info: Some(Box::new(memory)),
        ..GpuDeviceInfo::default()
    }
}
