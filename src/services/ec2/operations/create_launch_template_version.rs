//! CreateLaunchTemplateVersion: another version, perhaps made from one there is.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html>

use api_models::ec2::{
    CommonError, CreateLaunchTemplateVersionError, CreateLaunchTemplateVersionRequest,
    CreateLaunchTemplateVersionResult,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{missing, unless_dry, unsupported};
use crate::services::ec2::resources::{LaunchTemplate, TemplateVersion, template};

pub(crate) async fn handle(
    context: Context,
    input: CreateLaunchTemplateVersionRequest,
) -> Result<CreateLaunchTemplateVersionResult, CreateLaunchTemplateVersionError> {
    if input.resolve_alias == Some(true) {
        return Err(unsupported("aliases of images (ResolveAlias)").into());
    }
    let given = *input.launch_template_data.ok_or_else(|| missing("LaunchTemplateData"))?;
    template::check(&given)?;
    let (now, caller) = (context.now(), context.caller_arn());
    let (id, name) = (input.launch_template_id, input.launch_template_name);
    let shown = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let found = template::find(tx, &context.scope, id.as_deref(), name.as_deref())?;
            let mut found = LaunchTemplate::clone(found);
            let data = match input.source_version.as_deref() {
                Some(source) => {
                    let source = found.select(Some(source))?;
                    let base = found.versions.get(&source).map(|version| &version.data);
                    base.map_or_else(|| Ok(given.clone()), |base| template::merged(base, &given))?
                }
                None => given,
            };
            unless_dry(input.dry_run)?;
            let number = found.latest.max(found.reserved) + 1;
            found.latest = number;
            let version =
                TemplateVersion { description: input.version_description, data, created_at: now, created_by: caller };
            found.versions.insert(number, version);
            let shown = found.shown_version(number)?;
            tx.put(found);
            Ok(shown)
        })
        .await?;
    Ok(CreateLaunchTemplateVersionResult { launch_template_version: shown.map(Box::new), warning: None })
}
