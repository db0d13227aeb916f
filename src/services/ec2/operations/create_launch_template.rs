//! CreateLaunchTemplate: what instances are to be launched from.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html>

use api_models::ec2::{
    CommonError, CreateLaunchTemplateError, CreateLaunchTemplateRequest, CreateLaunchTemplateResult, ResourceType,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{error, missing, unless_dry};
use crate::services::ec2::resources::{LaunchTemplate, TemplateKey, TemplateVersion, tags, template};

pub(crate) async fn handle(
    context: Context,
    input: CreateLaunchTemplateRequest,
) -> Result<CreateLaunchTemplateResult, CreateLaunchTemplateError> {
    let name = input.launch_template_name.unwrap_or_default();
    if !template::is_name(&name) {
        let message = format!("Launch template name {name} is malformed: 3 to 128 of the characters a-zA-Z0-9().-/_");
        return Err(error("InvalidLaunchTemplateName.MalformedException", message).into());
    }
    let data = *input.launch_template_data.ok_or_else(|| missing("LaunchTemplateData"))?;
    template::check(&data)?;
    let kinds = [ResourceType::LaunchTemplate];
    let tags = tags::specified(input.tag_specifications.as_deref(), &ResourceType::LaunchTemplate, &kinds)?;
    unless_dry(input.dry_run)?;
    let (now, caller) = (context.now(), context.caller_arn());
    let version =
        TemplateVersion { description: input.version_description, data, created_at: now, created_by: caller.clone() };
    let template = LaunchTemplate {
        key: TemplateKey { scope: context.scope.clone(), id: context.ids().ec2_id("lt").into() },
        name,
        created_at: now,
        created_by: caller,
        default: 1,
        latest: 1,
        reserved: 0,
        versions: [(1, version)].into(),
        tags,
    };
    let shown = template.shown();
    context
        .store()
        .transact(|tx| -> Result<(), CommonError> {
            if template::templates_of(tx, &context.scope).any(|known| known.name == template.name) {
                let code = "InvalidLaunchTemplateName.AlreadyExistsException";
                return Err(error(code, "Launch template name already in use.").into());
            }
            tx.put(template);
            Ok(())
        })
        .await?;
    Ok(CreateLaunchTemplateResult { launch_template: Some(Box::new(shown)), warning: None })
}
