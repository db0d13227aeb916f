//! RunInstances: instances, from a request, a launch template or both.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html>

use api_models::ec2::{ClientError, CommonError, Reservation, ResourceType, RunInstancesError, RunInstancesRequest};

use crate::services::Context;
use crate::services::ec2::resources::errors::{combination, error, missing, unless_dry, unsupported};
use crate::services::ec2::resources::instance::{Instance, instances_of};
use crate::services::ec2::resources::launch::{Batch, LaunchSpec, launch};
use crate::services::ec2::resources::{tags, template};
use crate::services::sensitive::Sensitive;

/// How many instances one request may ask for: more than this is a mistake on one machine.
const MOST: i32 = 1000;

pub(crate) async fn handle(context: Context, input: RunInstancesRequest) -> Result<Reservation, RunInstancesError> {
    refuse(&input)?;
    let (least, most) = (input.min_count.unwrap_or_default(), input.max_count.unwrap_or_default());
    if least < 1 || most < least {
        return Err(combination("MaxCount must be at least MinCount, and MinCount at least 1.").into());
    }
    if most > MOST {
        let message =
            format!("You have requested more instances ({most}) than your current instance limit of {MOST} allows.");
        return Err(error("InstanceLimitExceeded", message).into());
    }
    let kinds = [
        ResourceType::Instance,
        ResourceType::Volume,
        ResourceType::NetworkInterface,
        ResourceType::SpotInstancesRequest,
    ];
    let mut own = of_request(&input)?;
    own.tags = tags::specified(input.tag_specifications.as_deref(), &ResourceType::Instance, &kinds)?;
    let scope = &context.scope;
    let token = input.client_token.clone().filter(|token| !token.is_empty());
    let launched = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            if let Some(token) = &token {
                let again: Vec<Instance> = instances_of(tx, scope)
                    .filter(|instance| instance.client_token.as_ref() == Some(token))
                    .map(|instance| Instance::clone(instance))
                    .collect();
                if !again.is_empty() {
                    return Ok(again);
                }
            }
            let spec = match input.launch_template.as_deref() {
                Some(given) => {
                    let (id, name) = (given.launch_template_id.as_deref(), given.launch_template_name.as_deref());
                    template::find(tx, scope, id, name)?.spec(given.version.as_deref())?.overlaid(own)
                }
                None => own,
            };
            let checked = spec.check(scope)?;
            unless_dry(input.dry_run)?;
            let batch = Batch { reservation: context.ids().ec2_id("r"), client_token: token, group: None };
            Ok((0..most).map(|index| launch(tx, &context.shared, scope, &checked, &batch, index)).collect())
        })
        .await?;
    Ok(Reservation {
        reservation_id: launched.first().map(|instance| instance.reservation.clone()),
        owner_id: Some(scope.account.to_string()),
        requester_id: None,
        groups: Some(Vec::new()),
        instances: Some(launched.iter().map(Instance::shown).collect()),
    })
}

/// What a request asks for by itself.
fn of_request(input: &RunInstancesRequest) -> Result<LaunchSpec, ClientError> {
    let interface = input.network_interfaces.as_ref().and_then(|interfaces| interfaces.first());
    if interface.is_some() && (input.subnet_id.is_some() || input.security_group_ids.is_some()) {
        return Err(combination(
            "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same \
             request",
        ));
    }
    let groups = input.security_group_ids.clone().or_else(|| input.security_groups.clone());
    let profile = input.iam_instance_profile.as_ref();
    Ok(LaunchSpec {
        image_id: input.image_id.clone(),
        instance_type: input.instance_type.clone(),
        subnet: input.subnet_id.clone().or_else(|| interface.and_then(|interface| interface.subnet_id.clone())),
        zone: input.placement.as_ref().and_then(|placement| placement.availability_zone.clone()),
        security_groups: groups.or_else(|| interface.and_then(|interface| interface.groups.clone())),
        key_name: input.key_name.clone(),
        profile: profile.and_then(|profile| profile.arn.clone().or_else(|| profile.name.clone())),
        user_data: input.user_data.clone().map(Sensitive::new),
        monitoring: input.monitoring.as_ref().and_then(|monitoring| monitoring.enabled),
        ebs_optimized: input.ebs_optimized,
        disable_api_termination: input.disable_api_termination,
        spot: input.instance_market_options.as_ref().map(|_| true),
        ..LaunchSpec::default()
    })
}

/// What would mean something on AWS that a share of the local engine can't have. What is left out without an effect that
/// anybody could see is in docs/limits.md.
fn refuse(input: &RunInstancesRequest) -> Result<(), ClientError> {
    if input.launch_template.is_none() && input.image_id.is_none() {
        return Err(missing("ImageId"));
    }
    let hibernates = input.hibernation_options.as_ref().is_some_and(|options| options.configured == Some(true));
    let enclaves = input.enclave_options.as_ref().is_some_and(|options| options.enabled == Some(true));
    let asked = [
        (input.private_ip_address.is_some(), "addresses of instances (PrivateIpAddress)"),
        (input.ipv6_address_count.is_some() || input.ipv6_addresses.is_some(), "IPv6 addresses of instances"),
        (input.kernel_id.is_some() || input.ramdisk_id.is_some(), "kernels and RAM disks of instances"),
        (input.elastic_gpu_specification.is_some(), "elastic GPUs"),
        (input.elastic_inference_accelerators.is_some(), "elastic inference accelerators"),
        (input.license_specifications.is_some(), "license configurations"),
        (input.secondary_interfaces.is_some(), "secondary interfaces"),
        (input.operator.is_some(), "instances managed by another service (Operator)"),
        (hibernates, "hibernation"),
        (enclaves, "Nitro Enclaves"),
        (input.network_interfaces.as_ref().is_some_and(|all| all.len() > 1), "more than one network interface"),
    ];
    asked.iter().find(|(is, _)| *is).map_or(Ok(()), |(_, what)| Err(unsupported(what)))
}
