//! The form of the answers, as the ECS agent and Fargate write them.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html>

use std::collections::BTreeMap;

use serde::Serialize;

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Task {
    pub(super) cluster: String,
    #[serde(rename = "TaskARN")]
    pub(super) task_arn: String,
    pub(super) family: String,
    pub(super) revision: String,
    pub(super) desired_status: &'static str,
    pub(super) known_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limits: Option<Limits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pull_started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pull_stopped_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) execution_stopped_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) availability_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) launch_type: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) containers: Vec<Container>,
    #[serde(rename = "VPCID", skip_serializing_if = "Option::is_none")]
    pub(super) vpc_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) task_tags: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) container_instance_tags: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clock_drift: Option<ClockDrift>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ephemeral_storage_metrics: Option<EphemeralStorageMetrics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault_injection_enabled: Option<bool>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Container {
    pub(super) docker_id: String,
    pub(super) name: String,
    pub(super) docker_name: String,
    pub(super) image: String,
    #[serde(rename = "ImageID")]
    pub(super) image_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ports: Vec<Port>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<String, String>,
    pub(super) desired_status: &'static str,
    pub(super) known_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit_code: Option<i32>,
    pub(super) limits: Limits,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) finished_at: Option<String>,
    /// NORMAL, or CNI_PAUSE.
    #[serde(rename = "Type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) health: Option<Health>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) volumes: Vec<Volume>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log_driver: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) log_options: BTreeMap<String, String>,
    #[serde(rename = "ContainerARN", skip_serializing_if = "Option::is_none")]
    pub(super) container_arn: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) networks: Vec<Network>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) snapshotter: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restart_count: Option<u32>,
}

/// CPU in vCPUs for a task, in units for a container; memory in MiB.
#[derive(Debug, Default, Serialize)]
pub(super) struct Limits {
    #[serde(rename = "CPU", skip_serializing_if = "Option::is_none")]
    pub(super) cpu: Option<Number>,
    #[serde(rename = "Memory", skip_serializing_if = "Option::is_none")]
    pub(super) memory: Option<i64>,
}

/// A number that is written without a fraction when it has none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number(pub(super) f64);

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 { serializer.serialize_i64(self.0 as i64) } else { serializer.serialize_f64(self.0) }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Port {
    pub(super) container_port: i32,
    pub(super) protocol: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host_port: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) host_ip: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Health {
    pub(super) status: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Volume {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) docker_name: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) source: String,
    pub(super) destination: String,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Network {
    pub(super) network_mode: String,
    #[serde(rename = "IPv4Addresses", skip_serializing_if = "Vec::is_empty")]
    pub(super) ipv4_addresses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attachment_index: Option<u8>,
    #[serde(rename = "MACAddress", skip_serializing_if = "Option::is_none")]
    pub(super) mac_address: Option<String>,
    #[serde(rename = "IPv4SubnetCIDRBlock", skip_serializing_if = "Option::is_none")]
    pub(super) ipv4_subnet_cidr_block: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) domain_name_servers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) domain_name_search_list: Vec<String>,
    #[serde(rename = "PrivateDNSName", skip_serializing_if = "Option::is_none")]
    pub(super) private_dns_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subnet_gateway_ipv4_address: Option<String>,
}

/// Fargate only; the bound is in milliseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ClockDrift {
    pub(super) clock_error_bound: f64,
    pub(super) reference_timestamp: String,
    pub(super) clock_synchronization_status: &'static str,
}

/// Fargate only; MiB.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EphemeralStorageMetrics {
    pub(super) utilized: u64,
    pub(super) reserved: u64,
}
