//! DescribeLaunchTemplates: launch templates, by id, name or tag.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplates.html>

use api_models::ec2::{
    CommonError, DescribeLaunchTemplatesError, DescribeLaunchTemplatesRequest, DescribeLaunchTemplatesResult,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{page_size, unless_dry};
use crate::services::ec2::resources::filters::{Field, Filters, of_tags};
use crate::services::ec2::resources::{paging, template};

pub(crate) async fn handle(
    context: Context,
    input: DescribeLaunchTemplatesRequest,
) -> Result<DescribeLaunchTemplatesResult, DescribeLaunchTemplatesError> {
    let filters = Filters::new(input.filters)?;
    let size = page_size(input.max_results, 1, 200)?;
    unless_dry(input.dry_run)?;
    let state = context.snapshot();
    let ids = input.launch_template_ids.unwrap_or_default();
    let names = input.launch_template_names.unwrap_or_default();
    for (id, name) in ids.iter().map(|id| (Some(id), None)).chain(names.iter().map(|name| (None, Some(name)))) {
        let found = template::find(&state, &context.scope, id.map(String::as_str), name.map(String::as_str));
        found.map_err(CommonError::from)?;
    }
    let mut found = Vec::new();
    for template in template::templates_of(&state, &context.scope) {
        let named = ids.iter().any(|id| *id == *template.key.id) || names.contains(&template.name);
        let passes = filters.pass(|name| match name {
            "launch-template-name" => Field::one(template.name.clone()),
            "create-time" => Field::one(template.created_at.to_rfc3339()),
            name => of_tags(name, &template.tags),
        })?;
        if passes && (named || (ids.is_empty() && names.is_empty())) {
            found.push(template);
        }
    }
    let (found, next_token) =
        paging::cut("DescribeLaunchTemplates", size, input.next_token, found, |it| it.id().to_owned())?;
    let shown = found.into_iter().map(|template| template.shown()).collect();
    Ok(DescribeLaunchTemplatesResult { launch_templates: Some(shown), next_token })
}
