//! PutParameter: a new parameter, or a new version of one.
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>

use std::collections::BTreeMap;

use api_models::ssm::{
    InvalidPolicyTypeException, PutParameterError, PutParameterRequest, PutParameterResult, UnsupportedParameterType,
    ValidationException,
};

use crate::services::Context;
use crate::services::sensitive::Sensitive;
use crate::services::ssm::resources::{Kind, Parameter, ParameterKey, Wanted, check_new_name, checked_tags, plan};

pub(crate) async fn handle(
    context: Context,
    input: PutParameterRequest,
) -> Result<PutParameterResult, PutParameterError> {
    let name = input.name.unwrap_or_default();
    check_new_name(&name)?;
    let value = input.value.unwrap_or_default();
    if value.is_empty() {
        let message = "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have \
                       length greater than or equal to 1.";
        return Err(ValidationException::new(message).into());
    }
    let overwrite = input.overwrite == Some(true);
    let tags = input.tags.unwrap_or_default();
    if overwrite && !tags.is_empty() {
        return Err(ValidationException::new(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove \
             overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or \
             RemoveTagsFromResource.",
        )
        .into());
    }
    if input.policies.as_deref().is_some_and(|policies| policies.trim() != "[]") {
        return Err(InvalidPolicyTypeException::new("LocalECS does not have parameter policies.").into());
    }
    let kind = match &input.r#type {
        None => None,
        Some(given) => {
            Some(Kind::of(given).ok_or_else(|| UnsupportedParameterType::new("The parameter type isn't supported."))?)
        }
    };
    let tags = checked_tags(&BTreeMap::new(), tags)?
        .ok_or_else(|| ValidationException::new("A parameter can have 50 tags at most."))?; // (ours)
    let wanted = Wanted {
        value: Sensitive::new(value),
        kind,
        description: input.description,
        key_id: input.key_id,
        allowed_pattern: input.allowed_pattern,
        tier: input.tier,
        data_type: input.data_type,
        overwrite,
    };
    let key = ParameterKey::new(&context.scope, &name);
    let now = context.now();
    context
        .store()
        .transact(|tx| {
            let present = tx.parameters.get(&key);
            let versions = plan(&name, present.map(AsRef::as_ref), wanted, now)?;
            let tags = present.map_or(tags, |parameter| parameter.tags.clone());
            let newest = versions.last();
            let result = PutParameterResult {
                version: newest.map(|version| version.number),
                tier: newest.map(|version| version.tier.to_api()),
            };
            tx.put(Parameter { key, tags, versions });
            Ok(result)
        })
        .await
}

#[cfg(test)]
mod tests;
