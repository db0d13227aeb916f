//! ModifyLaunchTemplate: another version is the default one.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyLaunchTemplate.html>

use api_models::ec2::{
    CommonError, ModifyLaunchTemplateError, ModifyLaunchTemplateRequest, ModifyLaunchTemplateResult,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{missing, unless_dry};
use crate::services::ec2::resources::{LaunchTemplate, template};

pub(crate) async fn handle(
    context: Context,
    input: ModifyLaunchTemplateRequest,
) -> Result<ModifyLaunchTemplateResult, ModifyLaunchTemplateError> {
    let version = input.default_version.ok_or_else(|| missing("SetDefaultVersion"))?;
    let (id, name) = (input.launch_template_id, input.launch_template_name);
    let shown = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let found = template::find(tx, &context.scope, id.as_deref(), name.as_deref())?;
            let mut found = LaunchTemplate::clone(found);
            found.default = found.select(Some(&version))?;
            unless_dry(input.dry_run)?;
            let shown = found.shown();
            tx.put(found);
            Ok(shown)
        })
        .await?;
    Ok(ModifyLaunchTemplateResult { launch_template: Some(Box::new(shown)) })
}
