//! What CreateCapacityProvider and UpdateCapacityProvider accept for a provider with an Auto Scaling group.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AutoScalingGroupProvider.html>

use api_models::ecs::{
    AutoScalingGroupProvider, AutoScalingGroupProviderUpdate, CommonError, InvalidParameterException, ManagedDraining,
    ManagedScaling, ManagedScalingStatus, ManagedTerminationProtection,
};

use crate::identity::{Arn, Scope};

/// The settings with AWS's defaults filled in.
///
/// # Errors
/// InvalidParameterException for a number out of its bounds, or a protection that can't work.
pub fn complete(given: AutoScalingGroupProvider) -> Result<AutoScalingGroupProvider, CommonError> {
    let scaling = given.managed_scaling.map(|scaling| *scaling).unwrap_or_default();
    let complete = AutoScalingGroupProvider {
        auto_scaling_group_arn: given.auto_scaling_group_arn,
        managed_scaling: Some(Box::new(ManagedScaling {
            status: scaling.status.or(Some(ManagedScalingStatus::Disabled)),
            target_capacity: scaling.target_capacity.or(Some(100)),
            minimum_scaling_step_size: scaling.minimum_scaling_step_size.or(Some(1)),
            maximum_scaling_step_size: scaling.maximum_scaling_step_size.or(Some(10_000)),
            instance_warmup_period: scaling.instance_warmup_period.or(Some(300)),
        })),
        managed_termination_protection: given
            .managed_termination_protection
            .or(Some(ManagedTerminationProtection::Disabled)),
        managed_draining: given.managed_draining.or(Some(ManagedDraining::Enabled)),
    };
    check(&complete)?;
    Ok(complete)
}

/// The settings after an update: what it does not name stays.
///
/// # Errors
/// As [`complete`] gives them.
pub fn update(
    present: &AutoScalingGroupProvider,
    given: AutoScalingGroupProviderUpdate,
) -> Result<AutoScalingGroupProvider, CommonError> {
    let before = present.managed_scaling.as_deref().cloned().unwrap_or_default();
    let scaling = given.managed_scaling.map(|scaling| *scaling).unwrap_or_default();
    complete(AutoScalingGroupProvider {
        auto_scaling_group_arn: present.auto_scaling_group_arn.clone(),
        managed_scaling: Some(Box::new(ManagedScaling {
            status: scaling.status.or(before.status),
            target_capacity: scaling.target_capacity.or(before.target_capacity),
            minimum_scaling_step_size: scaling.minimum_scaling_step_size.or(before.minimum_scaling_step_size),
            maximum_scaling_step_size: scaling.maximum_scaling_step_size.or(before.maximum_scaling_step_size),
            instance_warmup_period: scaling.instance_warmup_period.or(before.instance_warmup_period),
        })),
        managed_termination_protection: given
            .managed_termination_protection
            .or_else(|| present.managed_termination_protection.clone()),
        managed_draining: given.managed_draining.or_else(|| present.managed_draining.clone()),
    })
}

fn check(provider: &AutoScalingGroupProvider) -> Result<(), CommonError> {
    let refuse = |message: String| Err(InvalidParameterException::new(message).into());
    let one_of_both =
        |what: &str, other: &str| refuse(format!("{what} should be one of [ENABLED,DISABLED], not {other}"));
    if let Some(ManagedTerminationProtection::Unrecognized(other)) = &provider.managed_termination_protection {
        return one_of_both("managedTerminationProtection", other);
    }
    if let Some(ManagedDraining::Unrecognized(other)) = &provider.managed_draining {
        return one_of_both("managedDraining", other);
    }
    let Some(scaling) = provider.managed_scaling.as_deref() else { return Ok(()) };
    if let Some(ManagedScalingStatus::Unrecognized(other)) = &scaling.status {
        return one_of_both("managedScaling.status", other);
    }
    let bounds = [
        ("targetCapacity", scaling.target_capacity, 1..=100),
        ("minimumScalingStepSize", scaling.minimum_scaling_step_size, 1..=10_000),
        ("maximumScalingStepSize", scaling.maximum_scaling_step_size, 1..=10_000),
        ("instanceWarmupPeriod", scaling.instance_warmup_period, 0..=10_000),
    ];
    for (name, value, bounds) in bounds {
        if value.is_some_and(|value| !bounds.contains(&value)) {
            return refuse(format!(
                "The specified managed scaling {name} is invalid. It must be between {} and {}.",
                bounds.start(),
                bounds.end()
            ));
        }
    }
    if scaling.minimum_scaling_step_size > scaling.maximum_scaling_step_size {
        return refuse(
            "The specified managed scaling minimumScalingStepSize is invalid. It cannot be greater than the \
             maximumScalingStepSize."
                .to_owned(),
        );
    }
    let protects = provider.managed_termination_protection == Some(ManagedTerminationProtection::Enabled);
    if protects && scaling.status != Some(ManagedScalingStatus::Enabled) {
        return refuse(
            "The managed termination protection setting for the capacity provider is invalid. To enable managed \
             termination protection for a capacity provider, managed scaling must be enabled."
                .to_owned(),
        );
    }
    Ok(())
}

/// The name of the Auto Scaling group that `given`, its ARN or its name, means in this account and region.
#[must_use]
pub fn group_name<'a>(scope: &Scope, given: &'a str) -> Option<&'a str> {
    if !given.starts_with("arn:") {
        return (!given.is_empty()).then_some(given);
    }
    let arn = Arn::parse(given).ok()?;
    let here = arn.service == "autoscaling"
        && arn.region == scope.region.as_str()
        && arn.account == scope.account.to_string()
        && arn.resource.starts_with("autoScalingGroup:");
    if !here {
        return None;
    }
    given.split_once(":autoScalingGroupName/").map(|(_, name)| name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaling(status: Option<ManagedScalingStatus>, minimum: i32, maximum: i32, target: i32) -> ManagedScaling {
        ManagedScaling {
            status,
            target_capacity: Some(target),
            minimum_scaling_step_size: Some(minimum),
            maximum_scaling_step_size: Some(maximum),
            instance_warmup_period: None,
        }
    }

    #[test]
    fn what_is_not_given_has_awss_defaults_and_stays_in_an_update() {
        let made = complete(AutoScalingGroupProvider::default()).expect("the defaults");
        assert_eq!(made.managed_draining, Some(ManagedDraining::Enabled));
        assert_eq!(made.managed_termination_protection, Some(ManagedTerminationProtection::Disabled));
        let defaults = made.managed_scaling.as_deref().expect("scaling");
        assert_eq!(
            (&defaults.status, defaults.target_capacity, defaults.instance_warmup_period),
            (&Some(ManagedScalingStatus::Disabled), Some(100), Some(300))
        );
        let given = AutoScalingGroupProviderUpdate {
            managed_scaling: Some(Box::new(ManagedScaling {
                status: Some(ManagedScalingStatus::Enabled),
                ..ManagedScaling::default()
            })),
            managed_termination_protection: Some(ManagedTerminationProtection::Enabled),
            ..AutoScalingGroupProviderUpdate::default()
        };
        let updated = update(&made, given).expect("updated");
        let scaling = updated.managed_scaling.expect("scaling");
        assert_eq!(
            (scaling.status, scaling.maximum_scaling_step_size),
            (Some(ManagedScalingStatus::Enabled), Some(10_000))
        );
    }

    #[test]
    fn what_can_not_be_is_refused() {
        let enabled = || Some(ManagedScalingStatus::Enabled);
        for (given, protection, message) in [
            (scaling(enabled(), 1, 10, 0), None, "targetCapacity"),
            (scaling(enabled(), 1, 10, 101), None, "targetCapacity"),
            (scaling(enabled(), 0, 10, 100), None, "minimumScalingStepSize"),
            (scaling(enabled(), 1, 10_001, 100), None, "maximumScalingStepSize"),
            (scaling(enabled(), 11, 10, 100), None, "cannot be greater"),
            (scaling(None, 1, 10, 100), Some(ManagedTerminationProtection::Enabled), "managed scaling must be enabled"),
        ] {
            let provider = AutoScalingGroupProvider {
                managed_scaling: Some(Box::new(given)),
                managed_termination_protection: protection,
                ..AutoScalingGroupProvider::default()
            };
            let error = complete(provider).expect_err(message);
            assert!(error.to_string().contains(message), "{error}");
        }
    }

    #[test]
    fn groups_are_named_or_have_an_arn() {
        let scope = crate::testing::context().scope;
        let arn = "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:5f1a:autoScalingGroupName/web";
        assert_eq!(group_name(&scope, arn), Some("web"));
        assert_eq!(group_name(&scope, "web"), Some("web"));
        for bad in ["", "arn:aws:ecs:us-east-1:123456789012:cluster/web", &arn.replace("us-east-1", "eu-west-1")] {
            assert_eq!(group_name(&scope, bad), None, "{bad}");
        }
    }
}
