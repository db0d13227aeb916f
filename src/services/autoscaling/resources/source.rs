//! What a group launches: from its launch configuration, launch template or mixed instances policy to what EC2 takes.

use api_models::autoscaling::{CommonError, LaunchTemplateSpecification, MixedInstancesPolicy};
use api_models::ec2::ClientError;

use super::configuration::{ConfigurationKey, LaunchConfiguration};
use super::errors::{invalid, unsupported};
use super::group::{Made, Source, TemplateChoice};
use crate::identity::Scope;
use crate::services::ec2::resources::errors;
use crate::services::ec2::resources::launch::LaunchSpec;
use crate::services::ec2::resources::template;
use crate::store::State;
use crate::time::Timestamp;

/// What is to be launched, and what it is shown to be launched from.
#[derive(Clone, Debug)]
pub struct Resolved {
    pub spec: LaunchSpec,
    pub made: Made,
    pub made_at: Option<Timestamp>,
}

/// Looks the source up.
///
/// # Errors
/// It is gone, or its version is; in EC2's words.
pub fn resolve(state: &State, scope: &Scope, source: &Source) -> Result<Resolved, ClientError> {
    match source {
        Source::Configuration(name) => {
            let configuration = state.launch_configurations.get(&ConfigurationKey::new(scope, name));
            let Some(configuration) = configuration else {
                return Err(errors::error("ValidationError", format!("Launch configuration {name} does not exist.")));
            };
            let made = Made::Configuration(name.clone());
            Ok(Resolved {
                spec: LaunchConfiguration::spec(configuration),
                made,
                made_at: Some(configuration.created_at),
            })
        }
        Source::Template(choice) => of_template(state, scope, choice),
        Source::Mixed(policy) => {
            let template = policy.launch_template.as_ref();
            let first = template.and_then(|template| template.overrides.as_ref()?.first());
            let own = first.and_then(|first| first.launch_template_specification.as_ref());
            let given = own.or_else(|| template.and_then(|template| template.launch_template_specification.as_ref()));
            let choice = given.map(|given| found(state, scope, given)).transpose()?;
            let Some(choice) = choice else { return Err(errors::missing("LaunchTemplate")) };
            let mut resolved = of_template(state, scope, &choice)?;
            if let Some(first) = first {
                let over = LaunchSpec {
                    instance_type: first.instance_type.clone(),
                    image_id: first.image_id.clone(),
                    ..LaunchSpec::default()
                };
                resolved.spec = resolved.spec.overlaid(over);
            }
            Ok(resolved)
        }
    }
}

fn of_template(state: &State, scope: &Scope, choice: &TemplateChoice) -> Result<Resolved, ClientError> {
    let template = template::find(state, scope, Some(&choice.id), None)?;
    let version = template.select(choice.version.as_deref())?;
    let spec = template.spec(choice.version.as_deref())?;
    let made_at = template.versions.get(&version).map(|version| version.created_at);
    Ok(Resolved { spec, made: Made::Template { id: choice.id.clone(), name: template.name.clone(), version }, made_at })
}

/// The template a request names, by id and name both.
fn found(state: &State, scope: &Scope, given: &LaunchTemplateSpecification) -> Result<TemplateChoice, ClientError> {
    let (id, name) = (given.launch_template_id.as_deref(), given.launch_template_name.as_deref());
    // Answers have both, and clients send them back so.
    let name = name.filter(|_| id.is_none());
    let template = template::find(state, scope, id, name)?;
    Ok(TemplateChoice { id: template.id().to_owned(), name: template.name.clone(), version: given.version.clone() })
}

/// The one source that a request names, checked as far as a launch would check it. `None` when it names none.
///
/// # Errors
/// There are more than one, or it can't be launched.
pub fn given(
    state: &State,
    scope: &Scope,
    configuration: Option<&str>,
    template: Option<&LaunchTemplateSpecification>,
    mixed: Option<&MixedInstancesPolicy>,
) -> Result<Option<Source>, CommonError> {
    let configuration = configuration.filter(|name| !name.is_empty());
    let count = usize::from(configuration.is_some()) + usize::from(template.is_some()) + usize::from(mixed.is_some());
    if count > 1 {
        return Err(invalid(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or \
             MixedInstancesPolicy parameter.",
        ));
    }
    if let Some(name) = configuration {
        if !state.launch_configurations.contains_key(&ConfigurationKey::new(scope, name)) {
            return Err(invalid(format!(
                "Launch configuration name not found - Launch configuration {name} not found"
            )));
        }
        return Ok(Some(Source::Configuration(name.to_owned())));
    }
    let of_ec2 = |error: ClientError| {
        let message = error.message.unwrap_or_default();
        invalid(format!("You must use a valid fully-formed launch template. {message}"))
    };
    let source = match (template, mixed) {
        (Some(template), _) => Source::Template(found(state, scope, template).map_err(of_ec2)?),
        (None, Some(mixed)) => {
            check_mixed(mixed)?;
            Source::Mixed(Box::new(mixed.clone()))
        }
        (None, None) => return Ok(None),
    };
    let resolved = resolve(state, scope, &source).map_err(of_ec2)?;
    resolved.spec.check(scope).map_err(of_ec2)?;
    Ok(Some(source))
}

fn check_mixed(policy: &MixedInstancesPolicy) -> Result<(), CommonError> {
    let template = policy.launch_template.as_ref();
    for given in template.iter().flat_map(|template| template.overrides.iter().flatten()) {
        if given.weighted_capacity.is_some() {
            return Err(unsupported("weights of instance types (WeightedCapacity)"));
        }
        if given.instance_requirements.is_some() {
            return Err(unsupported("instance types chosen by their attributes (InstanceRequirements)"));
        }
    }
    Ok(())
}
