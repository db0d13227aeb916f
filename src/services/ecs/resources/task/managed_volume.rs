//! Amazon EBS volumes that a task or service configures at launch: their settings, and a task's own.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ebs-volumes.html>

use api_models::ecs::{
    self, Attachment, CommonError, Compatibility, EBSTagSpecification, InvalidParameterException, KeyValuePair,
    ServiceVolumeConfiguration, TaskFilesystemType, TaskVolumeConfiguration,
};
use serde::{Deserialize, Serialize};

use crate::ids::IdSource;
use crate::services::ecs::resources::tags;

/// What RunTask, StartTask or a service says of a volume; the three say it alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VolumeRequest {
    /// As the task definition calls it.
    name: String,
    /// `None` when the request has no `managedEBSVolume`.
    managed: Option<Managed>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Managed {
    role_arn: Option<String>,
    volume_type: Option<String>,
    size_in_gib: Option<i32>,
    snapshot_id: Option<String>,
    initialization_rate: Option<i32>,
    iops: Option<i32>,
    throughput: Option<i32>,
    file_system: Option<TaskFilesystemType>,
    tags: Vec<EBSTagSpecification>,
    /// Unless the request says otherwise, it goes with the task.
    delete_on_termination: bool,
}

impl From<TaskVolumeConfiguration> for VolumeRequest {
    fn from(given: TaskVolumeConfiguration) -> Self {
        let managed = given.managed_ebs_volume.map(|ebs| Managed {
            role_arn: ebs.role_arn,
            volume_type: ebs.volume_type,
            size_in_gib: ebs.size_in_gi_b,
            snapshot_id: ebs.snapshot_id,
            initialization_rate: ebs.volume_initialization_rate,
            iops: ebs.iops,
            throughput: ebs.throughput,
            file_system: ebs.filesystem_type,
            tags: ebs.tag_specifications.unwrap_or_default(),
            delete_on_termination: ebs.termination_policy.and_then(|policy| policy.delete_on_termination)
                != Some(false),
        });
        Self { name: given.name.unwrap_or_default(), managed }
    }
}

impl From<ServiceVolumeConfiguration> for VolumeRequest {
    /// The volumes of a service's tasks always go with them.
    fn from(given: ServiceVolumeConfiguration) -> Self {
        let managed = given.managed_ebs_volume.map(|ebs| Managed {
            role_arn: ebs.role_arn,
            volume_type: ebs.volume_type,
            size_in_gib: ebs.size_in_gi_b,
            snapshot_id: ebs.snapshot_id,
            initialization_rate: ebs.volume_initialization_rate,
            iops: ebs.iops,
            throughput: ebs.throughput,
            file_system: ebs.filesystem_type,
            tags: ebs.tag_specifications.unwrap_or_default(),
            delete_on_termination: true,
        });
        Self { name: given.name.unwrap_or_default(), managed }
    }
}

/// What a task's managed volume is to be. Size, type, speed and encryption were checked; there is nothing here that
/// they could change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedVolume {
    /// As the task definition calls it.
    pub name: String,
    pub role_arn: String,
    pub delete_on_termination: bool,
    pub snapshot_id: Option<String>,
}

/// A managed volume of one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeAttachment {
    /// A UUID.
    pub id: String,
    pub status: String,
    /// Why it is FAILED.
    pub status_reason: Option<String>,
    /// `vol-...`
    pub volume_id: String,
    pub settings: ManagedVolume,
}

fn invalid(message: impl Into<String>) -> CommonError {
    InvalidParameterException::new(message).into()
}

/// `message` unless `valid`.
fn ensure(valid: bool, message: impl FnOnce() -> String) -> Result<(), CommonError> {
    if valid { Ok(()) } else { Err(invalid(message())) }
}

/// The settings of the volume that the definition leaves to the launch, if it does. Sentences marked `(ours)` follow
/// the pattern of ECS's own.
///
/// # Errors
/// InvalidParameterException for a volume the definition does not have, for one that is not configured, and for
/// settings that Amazon EBS does not take.
pub fn managed_volume(
    definition: &ecs::TaskDefinition,
    requests: &[VolumeRequest],
    launch: &Compatibility,
) -> Result<Option<ManagedVolume>, CommonError> {
    let volumes = definition.volumes.iter().flatten();
    let at_launch: Vec<&str> = volumes
        .filter(|volume| volume.configured_at_launch == Some(true))
        .filter_map(|volume| volume.name.as_deref())
        .collect();
    if let Some(unknown) = requests.iter().find(|request| !at_launch.contains(&request.name.as_str())) {
        let name = if unknown.name.is_empty() { "null" } else { &unknown.name };
        return Err(invalid(format!(
            "The volume name '{name}' in your request does not have a matching volume in your Task Definition that is \
             configurable at launch."
        )));
    }
    let Some(name) = at_launch.first() else { return Ok(None) };
    ensure(requests.len() <= 1, || "Only one volume can be configured at launch.".into())?; // (ours)
    let request = requests.first().and_then(|request| request.managed.as_ref()).ok_or_else(|| {
        // (ours)
        invalid(format!(
            "The volume '{name}' in your Task Definition is configured at launch. Provide a managedEBSVolume for it in \
             volumeConfigurations."
        ))
    })?;
    request.check(launch)?;
    Ok(Some(ManagedVolume {
        name: (*name).to_owned(),
        role_arn: request.role_arn.clone().unwrap_or_default(),
        delete_on_termination: request.delete_on_termination,
        snapshot_id: request.snapshot_id.clone(),
    }))
}

impl Managed {
    /// The rules of
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskManagedEBSVolumeConfiguration.html>; all
    /// sentences are (ours).
    fn check(&self, launch: &Compatibility) -> Result<(), CommonError> {
        let role = self.role_arn.as_deref().unwrap_or_default();
        ensure(role.starts_with("arn:") && role.contains(":role/"), || format!("Role is not valid: '{role}'."))?;
        let kind = self.volume_type.as_deref().unwrap_or("gp3");
        let (sizes, iops) = match kind {
            "gp2" => (1..=16_384, None),
            "gp3" => (1..=16_384, Some(3_000..=16_000)),
            "io1" => (4..=16_384, Some(100..=64_000)),
            "io2" => (4..=16_384, Some(100..=256_000)),
            "st1" | "sc1" => (125..=16_384, None),
            "standard" => (1..=1_024, None),
            _ => return Err(invalid("volumeType should be one of [gp2,gp3,io1,io2,sc1,st1,standard]")),
        };
        ensure(kind != "standard" || *launch != Compatibility::Fargate, || {
            "The standard volume type is not supported on Fargate.".into()
        })?;
        ensure(self.size_in_gib.is_some() || self.snapshot_id.is_some(), || {
            "Either sizeInGiB or snapshotId must be specified for a managed EBS volume.".into()
        })?;
        ensure(self.size_in_gib.is_none_or(|size| sizes.contains(&size)), || {
            format!("sizeInGiB of a {kind} volume must be between {} and {}.", sizes.start(), sizes.end())
        })?;
        match (&iops, self.iops) {
            (Some(range), Some(given)) => ensure(range.contains(&given), || {
                format!("iops of a {kind} volume must be between {} and {}.", range.start(), range.end())
            })?,
            (None, Some(_)) => ensure(kind == "gp2", || format!("iops is not supported for volume type {kind}."))?,
            (_, None) => ensure(!kind.starts_with("io"), || format!("iops is required for volume type {kind}."))?,
        }
        ensure(self.throughput.is_none() || kind == "gp3", || {
            "throughput is only supported for volume type gp3.".into()
        })?;
        ensure(self.throughput.is_none_or(|rate| (1..=1_000).contains(&rate)), || {
            "throughput must be at most 1000 MiB/s.".into()
        })?;
        ensure(self.initialization_rate.is_none() || self.snapshot_id.is_some(), || {
            "volumeInitializationRate can be specified only with a snapshotId.".into()
        })?;
        ensure(self.file_system != Some(TaskFilesystemType::Ntfs), || {
            "filesystemType for Linux tasks should be one of [ext3,ext4,xfs]".into()
        })?;
        for given in &self.tags {
            let tags = given.tags.as_deref().unwrap_or_default();
            tags::validate(tags)?;
            let reserved =
                |tag: &&ecs::Tag| matches!(tag.key.as_deref(), Some("AmazonECSCreated" | "AmazonECSManaged"));
            if let Some(tag) = tags.iter().find(reserved) {
                let key = tag.key.as_deref().unwrap_or_default();
                return Err(invalid(format!("The tag {key} is reserved and can't be used.")));
            }
        }
        Ok(())
    }
}

impl VolumeAttachment {
    pub const CREATED: &'static str = "CREATED";
    pub const ATTACHED: &'static str = "ATTACHED";
    pub const FAILED: &'static str = "FAILED";
    pub const DELETED: &'static str = "DELETED";

    #[must_use]
    pub fn new(settings: ManagedVolume, ids: &IdSource) -> Self {
        let status = Self::CREATED.to_owned();
        Self { id: ids.uuid(), status, status_reason: None, volume_id: ids.ec2_id("vol"), settings }
    }

    /// As DescribeTasks shows it. The volume has an id once it exists.
    #[must_use]
    pub fn render(&self) -> Attachment {
        let settings = &self.settings;
        let exists = self.status != Self::CREATED && self.status != Self::FAILED;
        let mut details = vec![("roleArn", settings.role_arn.clone()), ("volumeName", settings.name.clone())];
        details.extend(exists.then(|| ("volumeId", self.volume_id.clone())));
        details.push(("deleteOnTermination", settings.delete_on_termination.to_string()));
        details.extend(self.status_reason.clone().map(|reason| ("statusReason", reason)));
        let pair = |(name, value): (&str, String)| KeyValuePair { name: Some(name.to_owned()), value: Some(value) };
        Attachment {
            id: Some(self.id.clone()),
            r#type: Some("AmazonElasticBlockStorage".to_owned()),
            status: Some(self.status.clone()),
            details: Some(details.into_iter().map(pair).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use api_models::ecs::{
        ServiceManagedEBSVolumeConfiguration, TaskManagedEBSVolumeConfiguration, TaskManagedEBSVolumeTerminationPolicy,
        Volume,
    };

    use super::*;

    const ROLE: &str = "arn:aws:iam::000000000000:role/ecsInfrastructureRole";

    fn definition() -> ecs::TaskDefinition {
        let volume = |name: &str, at_launch| Volume {
            name: Some(name.to_owned()),
            configured_at_launch: Some(at_launch),
            ..Volume::default()
        };
        ecs::TaskDefinition {
            volumes: Some(vec![volume("scratch", false), volume("data", true)]),
            ..ecs::TaskDefinition::default()
        }
    }

    fn request(change: impl FnOnce(&mut TaskManagedEBSVolumeConfiguration)) -> VolumeRequest {
        let mut ebs = TaskManagedEBSVolumeConfiguration {
            role_arn: Some(ROLE.to_owned()),
            size_in_gi_b: Some(10),
            ..TaskManagedEBSVolumeConfiguration::default()
        };
        change(&mut ebs);
        let given = TaskVolumeConfiguration { name: Some("data".to_owned()), managed_ebs_volume: Some(Box::new(ebs)) };
        given.into()
    }

    fn refusal(requests: &[VolumeRequest], launch: &Compatibility) -> String {
        match managed_volume(&definition(), requests, launch) {
            Err(CommonError::InvalidParameterException(error)) => error.message.unwrap_or_default(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_request_becomes_the_settings_of_the_volume() {
        let settings = |request| managed_volume(&definition(), &[request], &Compatibility::Ec2).expect("valid");
        let expected = ManagedVolume {
            name: "data".to_owned(),
            role_arn: ROLE.to_owned(),
            delete_on_termination: true,
            snapshot_id: None,
        };
        assert_eq!(settings(request(|_| {})), Some(expected.clone()));
        let kept = request(|ebs| {
            let policy = TaskManagedEBSVolumeTerminationPolicy { delete_on_termination: Some(false) };
            ebs.termination_policy = Some(Box::new(policy));
        });
        assert_eq!(settings(kept), Some(ManagedVolume { delete_on_termination: false, ..expected.clone() }));
        let of_service = ServiceVolumeConfiguration {
            name: Some("data".to_owned()),
            managed_ebs_volume: Some(Box::new(ServiceManagedEBSVolumeConfiguration {
                role_arn: Some(ROLE.to_owned()),
                size_in_gi_b: Some(10),
                ..ServiceManagedEBSVolumeConfiguration::default()
            })),
        };
        assert_eq!(settings(of_service.into()), Some(expected));
        let nothing = managed_volume(&ecs::TaskDefinition::default(), &[], &Compatibility::Ec2);
        assert_eq!(nothing.expect("valid"), None);
    }

    #[test]
    fn what_amazon_ebs_does_not_take_is_refused() {
        let unknown = VolumeRequest { name: "scratch".to_owned(), managed: None };
        assert!(refusal(&[unknown], &Compatibility::Ec2).starts_with("The volume name 'scratch' in your request"));
        assert!(refusal(&[], &Compatibility::Ec2).contains("'data' in your Task Definition is configured at launch"));
        let two = [request(|_| {}), request(|_| {})];
        assert_eq!(refusal(&two, &Compatibility::Ec2), "Only one volume can be configured at launch.");
        let refused =
            |change: fn(&mut TaskManagedEBSVolumeConfiguration)| refusal(&[request(change)], &Compatibility::Fargate);
        assert!(refused(|ebs| ebs.role_arn = Some("admin".to_owned())).starts_with("Role is not valid"));
        assert!(refused(|ebs| ebs.size_in_gi_b = None).starts_with("Either sizeInGiB or snapshotId"));
        assert!(refused(|ebs| ebs.size_in_gi_b = Some(16_385)).ends_with("between 1 and 16384."));
        assert!(refused(|ebs| ebs.volume_type = Some("gp9".to_owned())).starts_with("volumeType should be one of"));
        assert!(refused(|ebs| ebs.volume_type = Some("standard".to_owned())).ends_with("on Fargate."));
        assert!(refused(|ebs| ebs.volume_type = Some("io1".to_owned())).starts_with("iops is required"));
        assert!(refused(|ebs| ebs.iops = Some(100)).ends_with("between 3000 and 16000."));
        assert!(refused(|ebs| ebs.throughput = Some(2_000)).starts_with("throughput must be at most"));
        assert!(refused(|ebs| ebs.volume_initialization_rate = Some(100)).ends_with("with a snapshotId."));
        assert!(refused(|ebs| ebs.filesystem_type = Some(TaskFilesystemType::Ntfs)).starts_with("filesystemType"));
    }

    #[test]
    fn an_attachment_shows_its_volume_once_it_exists() {
        let settings = managed_volume(&definition(), &[request(|_| {})], &Compatibility::Ec2).expect("valid");
        let mut attachment = VolumeAttachment::new(settings.expect("a volume"), &IdSource::seeded(1));
        let names = |attachment: &VolumeAttachment| {
            let details = attachment.render().details.unwrap_or_default();
            details.into_iter().filter_map(|pair| pair.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&attachment), ["roleArn", "volumeName", "deleteOnTermination"]);
        VolumeAttachment::ATTACHED.clone_into(&mut attachment.status);
        assert_eq!(names(&attachment), ["roleArn", "volumeName", "volumeId", "deleteOnTermination"]);
        assert!(attachment.volume_id.starts_with("vol-0"));
    }
}
