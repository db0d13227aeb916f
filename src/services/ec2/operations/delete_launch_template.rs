//! DeleteLaunchTemplate: a template goes with all its versions; instances launched from it stay.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteLaunchTemplate.html>

use api_models::ec2::{
    CommonError, DeleteLaunchTemplateError, DeleteLaunchTemplateRequest, DeleteLaunchTemplateResult,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::unless_dry;
use crate::services::ec2::resources::{LaunchTemplate, template};

pub(crate) async fn handle(
    context: Context,
    input: DeleteLaunchTemplateRequest,
) -> Result<DeleteLaunchTemplateResult, DeleteLaunchTemplateError> {
    let (id, name) = (input.launch_template_id, input.launch_template_name);
    let shown = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let found = template::find(tx, &context.scope, id.as_deref(), name.as_deref())?.clone();
            unless_dry(input.dry_run)?;
            tx.delete::<LaunchTemplate>(&found.key);
            Ok(found.shown())
        })
        .await?;
    Ok(DeleteLaunchTemplateResult { launch_template: Some(Box::new(shown)) })
}
