//! DescribeLaunchTemplateVersions: versions of one template, or the newest or default ones of all.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplateVersions.html>

use api_models::ec2::{
    ClientError, DescribeLaunchTemplateVersionsError, DescribeLaunchTemplateVersionsRequest,
    DescribeLaunchTemplateVersionsResult, LaunchTemplateVersion,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{invalid_value, missing, page_size, unless_dry, unsupported};
use crate::services::ec2::resources::filters::{Field, Filters};
use crate::services::ec2::resources::{LaunchTemplate, paging, template};

pub(crate) async fn handle(
    context: Context,
    input: DescribeLaunchTemplateVersionsRequest,
) -> Result<DescribeLaunchTemplateVersionsResult, DescribeLaunchTemplateVersionsError> {
    if input.resolve_alias == Some(true) {
        return Err(unsupported("aliases of images (ResolveAlias)").into());
    }
    let filters = Filters::new(input.filters)?;
    let size = page_size(input.max_results, 1, 200)?;
    unless_dry(input.dry_run)?;
    let (id, name) = (input.launch_template_id.as_deref(), input.launch_template_name.as_deref());
    let wanted = input.versions.unwrap_or_default();
    let bound = |parameter: &str, text: Option<&str>| -> Result<Option<i64>, ClientError> {
        text.map(|text| text.parse().map_err(|_| invalid_value(parameter, text))).transpose()
    };
    let least = bound("minVersion", input.min_version.as_deref())?.unwrap_or(i64::MIN);
    let most = bound("maxVersion", input.max_version.as_deref())?.unwrap_or(i64::MAX);
    let state = context.snapshot();
    let templates = match (id, name) {
        (None, None) => {
            // Of all templates, only the newest and the default versions can be asked for.
            if wanted.is_empty() || wanted.iter().any(|version| !matches!(&**version, "$Latest" | "$Default")) {
                return Err(missing("LaunchTemplateId").into());
            }
            template::templates_of(&state, &context.scope).collect()
        }
        _ => vec![template::find(&state, &context.scope, id, name)?],
    };
    let mut found = Vec::new();
    for template in templates {
        for number in numbers(template, &wanted)?.into_iter().filter(|number| (least..=most).contains(number)) {
            let Some(version) = template.shown_version(number)? else { continue };
            if filters.pass(|name| field(&version, name))? {
                found.push(version);
            }
        }
    }
    let (found, next_token) = paging::cut("DescribeLaunchTemplateVersions", size, input.next_token, found, cursor)?;
    Ok(DescribeLaunchTemplateVersionsResult { launch_template_versions: Some(found), next_token })
}

/// The newest first, as EC2 has them.
fn numbers(template: &LaunchTemplate, wanted: &[String]) -> Result<Vec<i64>, ClientError> {
    if wanted.is_empty() {
        return Ok(template.versions.keys().rev().copied().collect());
    }
    let mut numbers = wanted.iter().map(|version| template.select(Some(version))).collect::<Result<Vec<_>, _>>()?;
    numbers.sort_unstable_by(|one, two| two.cmp(one));
    numbers.dedup();
    Ok(numbers)
}

/// Templates in the order of their ids, versions from the newest to the oldest.
fn cursor(version: &LaunchTemplateVersion) -> String {
    let number = version.version_number.unwrap_or_default();
    format!("{}/{:020}", version.launch_template_id.as_deref().unwrap_or_default(), i64::MAX - number)
}

fn field(version: &LaunchTemplateVersion, name: &str) -> Field {
    let data = version.launch_template_data.as_deref();
    match name {
        "create-time" => Field::maybe(version.create_time.map(|time| time.to_rfc3339())),
        "is-default-version" => Field::one(version.default_version.unwrap_or(false).to_string()),
        "image-id" => Field::maybe(data.and_then(|data| data.image_id.clone())),
        "instance-type" => Field::maybe(data.and_then(|data| data.instance_type.clone())),
        "ebs-optimized" => Field::maybe(data.and_then(|data| data.ebs_optimized).map(|is| is.to_string())),
        "iam-instance-profile" => {
            let profile = data.and_then(|data| data.iam_instance_profile.as_ref());
            Field::maybe(profile.and_then(|profile| profile.arn.clone().or_else(|| profile.name.clone())))
        }
        _ => Field::Unknown,
    }
}
