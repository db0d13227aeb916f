//! Launching instances: what is asked for, by a request or a launch template, and what becomes of it.

use std::collections::BTreeMap;

use api_models::ec2::{ClientError, RequestLaunchTemplateData, ResourceType, Tag};

use super::errors::{combination, error, invalid_value, is_id, missing, unsupported};
use super::images;
use super::instance::{Instance, InstanceKey, Phase, TemplateUse};
use crate::identity::Scope;
use crate::services::Shared;
use crate::services::ec2::instance_types::{self, InstanceType};
use crate::services::ecs::network;
use crate::services::sensitive::Sensitive;
use crate::store::Transaction;

/// What is asked for; what is `None` is left to somebody else, or to the default.
#[derive(Clone, Debug, Default)]
pub struct LaunchSpec {
    pub image_id: Option<String>,
    pub instance_type: Option<String>,
    pub subnet: Option<String>,
    pub zone: Option<String>,
    pub security_groups: Option<Vec<String>>,
    pub key_name: Option<String>,
    /// The name or ARN of the instance profile.
    pub profile: Option<String>,
    /// Base64.
    pub user_data: Option<Sensitive<String>>,
    pub monitoring: Option<bool>,
    pub ebs_optimized: Option<bool>,
    pub disable_api_termination: Option<bool>,
    pub spot: Option<bool>,
    /// Those of the instance.
    pub tags: BTreeMap<String, String>,
    pub template: Option<TemplateUse>,
}

impl LaunchSpec {
    /// What a launch template asks for. The rest of it has no meaning here; docs/limits.md says so.
    #[must_use]
    pub fn of_template(data: &RequestLaunchTemplateData, template: TemplateUse) -> Self {
        let interface = data.network_interfaces.as_ref().and_then(|interfaces| interfaces.first());
        let groups = data.security_group_ids.clone().or_else(|| data.security_groups.clone());
        let profile = data.iam_instance_profile.as_ref();
        let tags = data.tag_specifications.iter().flatten();
        Self {
            image_id: data.image_id.clone(),
            instance_type: data.instance_type.clone(),
            subnet: interface.and_then(|interface| interface.subnet_id.clone()),
            zone: data.placement.as_ref().and_then(|placement| placement.availability_zone.clone()),
            security_groups: groups.or_else(|| interface.and_then(|interface| interface.groups.clone())),
            key_name: data.key_name.clone(),
            profile: profile.and_then(|profile| profile.arn.clone().or_else(|| profile.name.clone())),
            user_data: data.user_data.clone().map(Sensitive::new),
            monitoring: data.monitoring.as_ref().and_then(|monitoring| monitoring.enabled),
            ebs_optimized: data.ebs_optimized,
            disable_api_termination: data.disable_api_termination,
            spot: data.instance_market_options.as_ref().map(|_| true),
            tags: tags
                .filter(|it| it.resource_type == Some(ResourceType::Instance))
                .flat_map(|it| pairs(it.tags.as_deref()))
                .collect(),
            template: Some(template),
        }
    }

    /// The same with what `over` asks for in its place.
    #[must_use]
    pub fn overlaid(mut self, over: Self) -> Self {
        self.tags.extend(over.tags);
        // A place of the request's own takes the template's away, whichever of the two it is.
        let moved = over.subnet.is_some() || over.zone.is_some();
        Self {
            image_id: over.image_id.or(self.image_id),
            instance_type: over.instance_type.or(self.instance_type),
            subnet: if moved { over.subnet } else { self.subnet },
            zone: if moved { over.zone } else { self.zone },
            security_groups: over.security_groups.or(self.security_groups),
            key_name: over.key_name.or(self.key_name),
            profile: over.profile.or(self.profile),
            user_data: over.user_data.or(self.user_data),
            monitoring: over.monitoring.or(self.monitoring),
            ebs_optimized: over.ebs_optimized.or(self.ebs_optimized),
            disable_api_termination: over.disable_api_termination.or(self.disable_api_termination),
            spot: over.spot.or(self.spot),
            tags: self.tags,
            template: over.template.or(self.template),
        }
    }

    /// Checks it, and fills in what EC2 fills in.
    ///
    /// # Errors
    /// What RunInstances answers: no image, no such type, zone or id.
    pub fn check(self, scope: &Scope) -> Result<Checked, ClientError> {
        let image_id = self.image_id.clone().filter(|id| !id.is_empty()).ok_or_else(|| missing("ImageId"))?;
        if image_id.starts_with("resolve:") {
            return Err(unsupported("AMI ids that are to be resolved (resolve:ssm:...)"));
        }
        if !is_id("ami", &image_id) {
            return Err(error("InvalidAMIID.Malformed", format!("Invalid id: \"{image_id}\"")));
        }
        let name = self.instance_type.clone().unwrap_or_else(|| DEFAULT_TYPE.to_owned());
        let Some(instance_type) = instance_types::find(&name) else {
            return Err(error("InvalidParameterValue", format!("Invalid value '{name}' for InstanceType.")));
        };
        if let Some(architecture) = images::architecture(&scope.region, &image_id)
            && architecture != instance_type.architecture()
        {
            let message = format!(
                "The architecture '{}' of the specified instance type does not match the architecture '{architecture}' of \
                 the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. \
                 You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance \
                 type or AMI.",
                instance_type.architecture()
            );
            return Err(error("InvalidParameterValue", message));
        }
        let (zone, subnet) = place(scope, self.zone.as_deref(), self.subnet.as_deref())?;
        let security_groups = match &self.security_groups {
            Some(groups) if !groups.is_empty() => groups.clone(),
            _ => vec![network::default_security_group(scope)],
        };
        Ok(Checked { image_id, instance_type, zone, subnet, security_groups, spec: self })
    }
}

/// What EC2 takes when nothing is said.
const DEFAULT_TYPE: &str = "m1.small";

/// A spec that can be launched.
#[derive(Clone, Debug)]
pub struct Checked {
    pub image_id: String,
    pub instance_type: &'static InstanceType,
    pub zone: String,
    pub subnet: String,
    pub security_groups: Vec<String>,
    spec: LaunchSpec,
}

/// Zone and subnet from what is given of the two.
fn place(scope: &Scope, zone: Option<&str>, subnet: Option<&str>) -> Result<(String, String), ClientError> {
    let region = &scope.region;
    if let Some(zone) = zone.filter(|zone| !network::zones(region).iter().any(|known| known == zone)) {
        return Err(error("InvalidParameterValue", format!("Invalid availability zone: [{zone}]")));
    }
    match subnet {
        Some(subnet) => {
            let of_subnet = network::zone_of_subnet(region, subnet);
            if zone.is_some_and(|zone| zone != of_subnet) {
                return Err(combination(&format!(
                    "The specified subnet '{subnet}' is not in the specified availability zone; it is in {of_subnet}."
                )));
            }
            Ok((of_subnet, subnet.to_owned()))
        }
        None => {
            let subnets = network::default_subnets(scope);
            let found = subnets.into_iter().find(|known| zone.is_none_or(|zone| known.availability_zone == zone));
            let found = found.ok_or_else(|| invalid_value("availabilityZone", zone.unwrap_or_default()))?;
            Ok((found.availability_zone, found.id))
        }
    }
}

/// Those who are launched together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// `r-0...`
    pub reservation: String,
    pub client_token: Option<String>,
    /// The Auto Scaling group that launches them.
    pub group: Option<String>,
}

/// Writes the record of one instance, in the phase pending.
pub fn launch(
    tx: &mut Transaction,
    shared: &Shared,
    scope: &Scope,
    checked: &Checked,
    batch: &Batch,
    index: i32,
) -> Instance {
    let spec = &checked.spec;
    let profile = spec.profile.as_ref().map(|profile| match profile.starts_with("arn:") {
        true => profile.clone(),
        false => scope.iam_arn(&format!("instance-profile/{profile}")),
    });
    let mut instance = Instance {
        key: InstanceKey::new(scope, &shared.ids.ec2_id("i")),
        reservation: batch.reservation.clone(),
        launch_index: index,
        phase: Phase::Pending,
        reason: None,
        transition: String::new(),
        image_id: checked.image_id.clone(),
        instance_type: checked.instance_type.name.clone(),
        zone: checked.zone.clone(),
        subnet: checked.subnet.clone(),
        security_groups: checked.security_groups.clone(),
        key_name: spec.key_name.clone(),
        profile,
        user_data: spec.user_data.clone(),
        monitoring: spec.monitoring.unwrap_or(false),
        ebs_optimized: spec.ebs_optimized.unwrap_or(false),
        disable_api_termination: spec.disable_api_termination.unwrap_or(false),
        spot: spec.spot.unwrap_or(false),
        tags: spec.tags.clone(),
        template: spec.template.clone(),
        group: batch.group.clone(),
        client_token: batch.client_token.clone(),
        launched_at: shared.clock.now(),
        ended_at: None,
        cluster: None,
        joined: None,
    };
    if let Some(template) = &instance.template {
        instance.tags.insert("aws:ec2launchtemplate:id".to_owned(), template.id.clone());
        instance.tags.insert("aws:ec2launchtemplate:version".to_owned(), template.version.to_string());
    }
    // An image made for ECS has an agent, which joins the cluster `default` when it is told of no other.
    let has_agent = images::architecture(&scope.region, &instance.image_id).is_some();
    let settings = instance.agent_settings();
    instance.cluster = settings.cluster.or_else(|| has_agent.then(|| "default".to_owned()));
    tx.put(instance.clone());
    instance
}

/// Tags as a map.
pub fn pairs(tags: Option<&[Tag]>) -> impl Iterator<Item = (String, String)> + '_ {
    tags.unwrap_or_default()
        .iter()
        .map(|tag| (tag.key.clone().unwrap_or_default(), tag.value.clone().unwrap_or_default()))
}
