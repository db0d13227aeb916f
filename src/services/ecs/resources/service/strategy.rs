//! Which deployment strategies, with what settings and lifecycle hooks, are accepted.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>

use api_models::Untyped;
use api_models::ecs::{
    CommonError, DeploymentConfiguration, DeploymentLifecycleHook, DeploymentLifecycleHookAction,
    DeploymentLifecycleHookStage, DeploymentLifecycleHookTargetType, DeploymentStrategy, ServiceRevisionCleanup,
    UnsupportedFeatureException,
};

use super::Scheduling;
use super::checks::invalid;
use super::course::{DEFAULT_CANARY, DEFAULT_STEP};
use crate::identity::Arn;

const MAX_BAKE_MINUTES: i32 = 1440;
/// Of each kind.
const MAX_HOOKS: usize = 10;
/// How long a Lambda function's hook may take; a PAUSE may take [`MAX_PAUSE_MINUTES`].
const MAX_LAMBDA_MINUTES: i32 = 1440;
const MAX_PAUSE_MINUTES: i32 = 20_160;

/// Checks what a configuration says of its strategy, and fills in the defaults. A strategy without `bakeTimeInMinutes`
/// does not bake: the API reference asks for it, and AWS's own tools leave it out.
///
/// # Errors
/// InvalidParameterException for what does not go together, UnsupportedFeatureException for what is not there.
pub(super) fn check(configuration: &mut DeploymentConfiguration, scheduling: Scheduling) -> Result<(), CommonError> {
    let strategy = configuration.strategy.get_or_insert(DeploymentStrategy::Rolling).clone();
    if let DeploymentStrategy::Unrecognized(_) = strategy {
        return Err(invalid("strategy should be one of [ROLLING,BLUE_GREEN,LINEAR,CANARY]"));
    }
    if scheduling == Scheduling::Daemon && strategy != DeploymentStrategy::Rolling {
        return Err(invalid(format!(
            "The daemon scheduling strategy does not support the {strategy} deployment strategy. Use ROLLING and try again."
        )));
    }
    check_steps(configuration, &strategy)?;
    let hooks = configuration.lifecycle_hooks.get_or_insert_default();
    if strategy == DeploymentStrategy::Rolling && !hooks.is_empty() {
        return Err(UnsupportedFeatureException::new(
            "LocalECS does not provide lifecycle hooks of the ROLLING deployment strategy yet. Remove lifecycleHooks and \
             try again.",
        )
        .into());
    }
    let pauses = hooks.iter().filter(|hook| hook.target_type == Some(DeploymentLifecycleHookTargetType::Pause)).count();
    if pauses > MAX_HOOKS || hooks.len() - pauses > MAX_HOOKS {
        return Err(invalid(format!(
            "You can configure a maximum of {MAX_HOOKS} pause hooks and {MAX_HOOKS} Lambda hooks per service."
        )));
    }
    hooks.iter_mut().try_for_each(check_hook)?;
    if hooks.is_empty() {
        configuration.lifecycle_hooks = None;
    }
    check_early(configuration, &strategy)?;
    let minutes = *configuration.bake_time_in_minutes.get_or_insert(0);
    if !(0..=MAX_BAKE_MINUTES).contains(&minutes) {
        return Err(invalid(format!("bakeTimeInMinutes must be between 0 and {MAX_BAKE_MINUTES}.")));
    }
    Ok(())
}

fn check_early(configuration: &DeploymentConfiguration, strategy: &DeploymentStrategy) -> Result<(), CommonError> {
    let criteria = configuration.early_success_criteria.as_deref();
    let Some(criteria) = criteria.filter(|criteria| criteria.enable == Some(true)) else { return Ok(()) };
    if *strategy != DeploymentStrategy::Rolling {
        return Err(invalid("earlySuccessCriteria can only be used with the ROLLING deployment strategy."));
    }
    let (Some(percent), Some(cleanup)) = (criteria.healthy_percent, &criteria.source_service_revision_cleanup) else {
        return Err(invalid(
            "healthyPercent and sourceServiceRevisionCleanup must be specified when earlySuccessCriteria is enabled.",
        ));
    };
    if let ServiceRevisionCleanup::Unrecognized(_) = cleanup {
        return Err(invalid("sourceServiceRevisionCleanup should be one of [BLOCKING,DEFERRED]"));
    }
    if !(configuration.minimum_healthy_percent.unwrap_or(0)..=100).contains(&percent) {
        return Err(invalid("earlySuccessCriteria.healthyPercent must be between minimumHealthyPercent and 100."));
    }
    Ok(())
}

fn check_steps(configuration: &mut DeploymentConfiguration, strategy: &DeploymentStrategy) -> Result<(), CommonError> {
    if configuration.linear_configuration.is_some() && *strategy != DeploymentStrategy::Linear {
        return Err(invalid("linearConfiguration is only valid when the deployment strategy is LINEAR."));
    }
    if configuration.canary_configuration.is_some() && *strategy != DeploymentStrategy::Canary {
        return Err(invalid("canaryConfiguration is only valid when the deployment strategy is CANARY."));
    }
    match strategy {
        DeploymentStrategy::Linear => {
            let linear = configuration.linear_configuration.get_or_insert_default();
            let percent = *linear.step_percent.get_or_insert(DEFAULT_STEP.0);
            check_percent(percent, 3.0, "linearConfiguration.stepPercent")?;
            let minutes = *linear.step_bake_time_in_minutes.get_or_insert(DEFAULT_STEP.1);
            check_minutes(minutes, "linearConfiguration.stepBakeTimeInMinutes")
        }
        DeploymentStrategy::Canary => {
            let canary = configuration.canary_configuration.get_or_insert_default();
            let percent = *canary.canary_percent.get_or_insert(DEFAULT_CANARY.0);
            check_percent(percent, 0.1, "canaryConfiguration.canaryPercent")?;
            let minutes = *canary.canary_bake_time_in_minutes.get_or_insert(DEFAULT_CANARY.1);
            check_minutes(minutes, "canaryConfiguration.canaryBakeTimeInMinutes")
        }
        _ => Ok(()),
    }
}

/// A multiple of 0.1, from `least` to 100.
fn check_percent(percent: f64, least: f64, name: &str) -> Result<(), CommonError> {
    let tenths = percent * 10.0;
    if !(least..=100.0).contains(&percent) || (tenths - tenths.round()).abs() > 1e-6 {
        return Err(invalid(format!("{name} must be a multiple of 0.1 between {least:.1} and 100.0.")));
    }
    Ok(())
}

fn check_minutes(minutes: i32, name: &str) -> Result<(), CommonError> {
    match (0..=MAX_BAKE_MINUTES).contains(&minutes) {
        true => Ok(()),
        false => Err(invalid(format!("{name} must be between 0 and {MAX_BAKE_MINUTES}."))),
    }
}

/// The words of AWS's troubleshooting page, where it has any.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html>
fn check_hook(hook: &mut DeploymentLifecycleHook) -> Result<(), CommonError> {
    let kind = hook.target_type.get_or_insert(DeploymentLifecycleHookTargetType::AwsLambda);
    let pause = match kind {
        DeploymentLifecycleHookTargetType::Pause => true,
        DeploymentLifecycleHookTargetType::AwsLambda => false,
        DeploymentLifecycleHookTargetType::Unrecognized(_) => {
            return Err(invalid("Invalid targetType. Valid values are: AWS_LAMBDA, PAUSE"));
        }
    };
    let stages = hook.lifecycle_stages.as_deref().unwrap_or_default();
    if stages.is_empty() {
        return Err(invalid("lifecycleStages can not be empty for a lifecycle hook."));
    }
    for stage in stages {
        match stage {
            DeploymentLifecycleHookStage::Unrecognized(_) => {
                return Err(invalid(
                    "lifecycleStages should be one of [RECONCILE_SERVICE,PRE_SCALE_UP,POST_SCALE_UP,TEST_TRAFFIC_SHIFT,\
                     POST_TEST_TRAFFIC_SHIFT,PRE_PRODUCTION_TRAFFIC_SHIFT,PRODUCTION_TRAFFIC_SHIFT,\
                     POST_PRODUCTION_TRAFFIC_SHIFT]",
                ));
            }
            DeploymentLifecycleHookStage::TestTrafficShift | DeploymentLifecycleHookStage::ProductionTrafficShift
                if pause =>
            {
                return Err(invalid("Invalid lifecycle stage provided for Pause Hook"));
            }
            _ => {}
        }
    }
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    if pause {
        if given(&hook.hook_target_arn) || given(&hook.role_arn) || hook.hook_details.is_some() {
            return Err(invalid(
                "hookTargetArn, roleArn and hookDetails can not be specified for a PAUSE lifecycle hook.",
            ));
        }
    } else {
        let arn = hook.hook_target_arn.as_deref().unwrap_or_default();
        if function_of(arn).is_none() {
            return Err(invalid(
                "hookTargetArn must be the ARN of a Lambda function for an AWS_LAMBDA lifecycle hook.",
            ));
        }
        if !given(&hook.role_arn) {
            return Err(invalid("roleArn can not be blank for an AWS_LAMBDA lifecycle hook."));
        }
        if hook.hook_details.as_ref().is_some_and(|details| !matches!(details, Untyped::Map(_))) {
            return Err(invalid("hookDetails must be a JSON object."));
        }
    }
    let Some(timeout) = &hook.timeout_configuration else { return Ok(()) };
    let most = if pause { MAX_PAUSE_MINUTES } else { MAX_LAMBDA_MINUTES };
    if timeout.timeout_in_minutes.is_some_and(|minutes| !(1..=most).contains(&minutes)) {
        return Err(invalid(format!("timeoutConfiguration.timeoutInMinutes must be between 1 and {most}.")));
    }
    match timeout.action {
        Some(DeploymentLifecycleHookAction::Unrecognized(_)) => {
            Err(invalid("timeoutConfiguration.action should be one of [ROLLBACK,CONTINUE]"))
        }
        _ => Ok(()),
    }
}

/// The name in a Lambda function's ARN, and the version or alias if it names one.
#[must_use]
pub fn function_of(arn: &str) -> Option<(String, Option<String>)> {
    let parsed = Arn::parse(arn).ok()?;
    if parsed.service != "lambda" {
        return None;
    }
    let name = parsed.resource.strip_prefix("function:")?;
    let (name, qualifier) = match name.split_once(':') {
        Some((name, qualifier)) => (name, Some(qualifier.to_owned())),
        None => (name, None),
    };
    (!name.is_empty()).then(|| (name.to_owned(), qualifier))
}

/// What UpdateService leaves as it was because it is not given. What belongs to one strategy goes with it.
pub fn keep(given: &mut DeploymentConfiguration, before: &DeploymentConfiguration) {
    given.bake_time_in_minutes = given.bake_time_in_minutes.or(before.bake_time_in_minutes);
    let same = given.strategy.is_none() || given.strategy == before.strategy;
    given.strategy = given.strategy.take().or_else(|| before.strategy.clone());
    if same {
        given.linear_configuration = given.linear_configuration.take().or_else(|| before.linear_configuration.clone());
        given.canary_configuration = given.canary_configuration.take().or_else(|| before.canary_configuration.clone());
    }
    if given.strategy == Some(DeploymentStrategy::Rolling) {
        given.early_success_criteria =
            given.early_success_criteria.take().or_else(|| before.early_success_criteria.clone());
    } else {
        given.lifecycle_hooks = given.lifecycle_hooks.take().or_else(|| before.lifecycle_hooks.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(configuration: DeploymentConfiguration) -> Option<String> {
        let mut configuration = configuration;
        check(&mut configuration, Scheduling::Replica).err().map(|error| error.to_string())
    }

    fn with(strategy: DeploymentStrategy, hook: Option<DeploymentLifecycleHook>) -> DeploymentConfiguration {
        DeploymentConfiguration {
            strategy: Some(strategy),
            lifecycle_hooks: hook.map(|hook| vec![hook]),
            ..DeploymentConfiguration::default()
        }
    }

    fn pause(stage: &str) -> DeploymentLifecycleHook {
        DeploymentLifecycleHook {
            target_type: Some(DeploymentLifecycleHookTargetType::Pause),
            lifecycle_stages: Some(vec![DeploymentLifecycleHookStage::from(stage)]),
            ..DeploymentLifecycleHook::default()
        }
    }

    fn lambda(arn: &str) -> DeploymentLifecycleHook {
        DeploymentLifecycleHook {
            hook_target_arn: Some(arn.into()),
            role_arn: Some("arn:aws:iam::123456789012:role/hooks".into()),
            lifecycle_stages: Some(vec![DeploymentLifecycleHookStage::PreScaleUp]),
            ..DeploymentLifecycleHook::default()
        }
    }

    #[test]
    fn steps_are_tenths_of_percents_and_defaults_are_filled_in() {
        let mut linear = with(DeploymentStrategy::Linear, None);
        assert!(check(&mut linear, Scheduling::Replica).is_ok());
        let filled = linear.linear_configuration.as_ref().expect("defaults");
        assert_eq!((filled.step_percent, filled.step_bake_time_in_minutes), (Some(10.0), Some(6)));
        for (percent, fine) in [(3.0, true), (33.3, true), (100.0, true), (2.9, false), (10.05, false), (101.0, false)]
        {
            linear.linear_configuration.get_or_insert_default().step_percent = Some(percent);
            assert_eq!(refusal(linear.clone()).is_none(), fine, "{percent}");
        }
        let canary = DeploymentConfiguration { linear_configuration: None, ..with(DeploymentStrategy::Canary, None) };
        assert_eq!(refusal(canary), None);
        let mixed = DeploymentConfiguration { strategy: Some(DeploymentStrategy::BlueGreen), ..linear };
        assert!(
            refusal(mixed).is_some_and(|words| words.contains("only valid when the deployment strategy is LINEAR"))
        );
        let mut daemon = with(DeploymentStrategy::BlueGreen, None);
        assert!(check(&mut daemon, Scheduling::Daemon).is_err());
    }

    #[test]
    fn hooks_are_checked_in_the_words_of_aws() {
        let of = |hook| refusal(with(DeploymentStrategy::BlueGreen, Some(hook)));
        assert_eq!(of(pause("POST_TEST_TRAFFIC_SHIFT")), None);
        assert_eq!(of(lambda("arn:aws:lambda:us-east-1:123456789012:function:check:live")), None);
        let words = of(pause("PRODUCTION_TRAFFIC_SHIFT")).expect("refused");
        assert!(words.contains("Invalid lifecycle stage provided for Pause Hook"), "{words}");
        let other = DeploymentLifecycleHook { target_type: Some("HTTP".into()), ..pause("PRE_SCALE_UP") };
        assert!(of(other).is_some_and(|words| words.contains("Valid values are: AWS_LAMBDA, PAUSE")));
        for arn in ["", "arn:aws:sns:us-east-1:123456789012:topic", "arn:aws:lambda:us-east-1:123456789012:layer:a"] {
            assert!(of(lambda(arn)).is_some(), "{arn}");
        }
        assert!(refusal(with(DeploymentStrategy::Rolling, Some(pause("PRE_SCALE_UP")))).is_some());
    }

    #[test]
    fn what_belongs_to_a_strategy_goes_with_it() {
        let before = with(DeploymentStrategy::BlueGreen, Some(pause("PRE_SCALE_UP")));
        let mut given = DeploymentConfiguration::default();
        keep(&mut given, &before);
        assert_eq!((&given.strategy, &given.lifecycle_hooks), (&before.strategy, &before.lifecycle_hooks));
        let mut given = with(DeploymentStrategy::Rolling, None);
        keep(&mut given, &before);
        assert_eq!(given.lifecycle_hooks, None);
    }
}
