//! AWS's own public parameters: those that tell the ids of images made for ECS.
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html>

use api_models::ssm::{Parameter, ParameterType};

use crate::identity::Scope;
use crate::services::ec2::resources::images;
use crate::time::Timestamp;

/// 2026-01-01T00:00:00Z, which the images' names have, too.
const MODIFIED: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The public parameter of that name, which may also be its ARN.
#[must_use]
pub fn public_parameter(scope: &Scope, named: &str) -> Option<Parameter> {
    let name = named.split_once(":parameter").map_or(named, |(_, name)| name);
    let value = images::public_parameter(&scope.region, name)?;
    Some(render(scope, name, &value))
}

/// All of them that are known, by name.
#[must_use]
pub fn public_parameters(scope: &Scope) -> Vec<Parameter> {
    images::public_parameters(&scope.region).iter().map(|(name, value)| render(scope, name, value)).collect()
}

fn render(scope: &Scope, name: &str, value: &str) -> Parameter {
    Parameter {
        name: Some(name.to_owned()),
        r#type: Some(ParameterType::String),
        value: Some(value.to_owned()),
        version: Some(1),
        last_modified_date: Some(MODIFIED),
        // They belong to no account.
        arn: Some(format!("arn:{}:ssm:{}::parameter{name}", scope.region.partition(), scope.region)),
        data_type: Some("text".to_owned()),
        ..Parameter::default()
    }
}
