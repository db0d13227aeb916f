//! DeleteLaunchTemplateVersions: versions go, but never the default one.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteLaunchTemplateVersions.html>

use api_models::ec2::{
    CommonError, DeleteLaunchTemplateVersionsError, DeleteLaunchTemplateVersionsRequest,
    DeleteLaunchTemplateVersionsResponseErrorItem, DeleteLaunchTemplateVersionsResponseSuccessItem,
    DeleteLaunchTemplateVersionsResult, LaunchTemplateErrorCode, ResponseError,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{missing, unless_dry};
use crate::services::ec2::resources::{LaunchTemplate, template};

pub(crate) async fn handle(
    context: Context,
    input: DeleteLaunchTemplateVersionsRequest,
) -> Result<DeleteLaunchTemplateVersionsResult, DeleteLaunchTemplateVersionsError> {
    let versions =
        input.versions.filter(|versions| !versions.is_empty()).ok_or_else(|| missing("LaunchTemplateVersion"))?;
    let (id, name) = (input.launch_template_id, input.launch_template_name);
    let answer = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            let found = template::find(tx, &context.scope, id.as_deref(), name.as_deref())?;
            let mut found = LaunchTemplate::clone(found);
            unless_dry(input.dry_run)?;
            let (mut done, mut failed) = (Vec::new(), Vec::new());
            for text in versions {
                match delete(&mut found, &text) {
                    Ok(number) => done.push(DeleteLaunchTemplateVersionsResponseSuccessItem {
                        launch_template_id: Some(found.id().to_owned()),
                        launch_template_name: Some(found.name.clone()),
                        version_number: Some(number),
                    }),
                    Err((code, message)) => failed.push(DeleteLaunchTemplateVersionsResponseErrorItem {
                        launch_template_id: Some(found.id().to_owned()),
                        launch_template_name: Some(found.name.clone()),
                        version_number: text.parse().ok(),
                        response_error: Some(Box::new(ResponseError { code: Some(code), message: Some(message) })),
                    }),
                }
            }
            tx.put(found);
            Ok(DeleteLaunchTemplateVersionsResult {
                successfully_deleted_launch_template_versions: Some(done),
                unsuccessfully_deleted_launch_template_versions: Some(failed),
            })
        })
        .await?;
    Ok(answer)
}

fn delete(template: &mut LaunchTemplate, text: &str) -> Result<i64, (LaunchTemplateErrorCode, String)> {
    let known = text.parse().ok().filter(|number| template.versions.contains_key(number));
    let number = known.ok_or_else(|| {
        let message = format!("The specified launch template version {text} does not exist.");
        (LaunchTemplateErrorCode::LaunchTemplateVersionDoesNotExist, message)
    })?;
    if number == template.default {
        let message =
            "The default version of a launch template can not be deleted. Make another one the default first.";
        return Err((LaunchTemplateErrorCode::UnexpectedError, message.to_owned()));
    }
    template.versions.remove(&number);
    if number == template.latest {
        // `$Latest` is the newest that is left; the next one still gets a number of its own.
        template.reserved = template.reserved.max(number);
        template.latest = template.versions.keys().next_back().copied().unwrap_or(template.default);
    }
    Ok(number)
}
