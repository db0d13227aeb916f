//! PutAccountSetting: a setting of one principal.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutAccountSetting.html>

use api_models::ecs::{
    InvalidParameterException, PutAccountSettingError, PutAccountSettingRequest, PutAccountSettingResponse,
};

use crate::services::Context;
use crate::services::ecs::resources::settings;

/// For the root user (which is who asks when no principal is named) this is PutAccountSettingDefault, as on AWS.
pub(crate) async fn handle(
    context: Context,
    input: PutAccountSettingRequest,
) -> Result<PutAccountSettingResponse, PutAccountSettingError> {
    let name = input.name.ok_or_else(|| InvalidParameterException::new("name can not be blank."))?;
    let value = input.value.ok_or_else(|| InvalidParameterException::new("value can not be blank."))?;
    let principal = settings::principal(&context.scope, input.principal_arn.as_deref())?;
    let record = settings::change(&context.scope, principal, &name, &value)?;
    let setting = settings::rendered(&record);
    context
        .store()
        .transact(|tx| {
            tx.put(record);
            Ok(PutAccountSettingResponse { setting: setting.map(Box::new) })
        })
        .await
}

#[cfg(test)]
mod tests {
    use api_models::ecs::{
        DeleteAccountSettingRequest, ListAccountSettingsRequest, PutAccountSettingDefaultRequest, Setting, SettingName,
    };

    use super::*;
    use crate::services::ecs::operations::{
        delete_account_setting as delete, list_account_settings as list, put_account_setting_default as put_default,
    };
    use crate::testing::context;

    const USER: &str = "arn:aws:iam::123456789012:user/ann";
    const ROOT: &str = "arn:aws:iam::123456789012:root";

    async fn put(
        context: &Context,
        name: &str,
        value: &str,
        principal: Option<&str>,
    ) -> Result<Setting, PutAccountSettingError> {
        let request = PutAccountSettingRequest {
            name: Some(SettingName::from(name)),
            value: Some(value.into()),
            principal_arn: principal.map(str::to_owned),
        };
        handle(context.clone(), request).await.map(|answer| *answer.setting.expect("a setting"))
    }

    /// The value and the principal's ARN that ListAccountSettings shows.
    async fn insights(context: &Context, principal: &str, effective: bool) -> Option<(String, String)> {
        let request = ListAccountSettingsRequest {
            name: Some(SettingName::ContainerInsights),
            principal_arn: Some(principal.into()),
            effective_settings: Some(effective),
            ..Default::default()
        };
        let answer = list::handle(context.clone(), request).await.expect("settings");
        let setting = answer.settings?.pop()?;
        Some((setting.value?, setting.principal_arn?))
    }

    #[tokio::test]
    async fn a_principal_s_own_goes_before_the_account_s_and_that_before_aws_s() {
        let context = context();
        let shown = |value: &str, principal: &str| Some((value.to_owned(), principal.to_owned()));
        assert_eq!(insights(&context, USER, false).await, None);
        assert_eq!(insights(&context, USER, true).await, shown("disabled", ROOT));
        let default = PutAccountSettingDefaultRequest {
            name: Some(SettingName::ContainerInsights),
            value: Some("enabled".into()),
        };
        put_default::handle(context.clone(), default).await.expect("a setting");
        assert_eq!(insights(&context, USER, true).await, shown("enabled", ROOT));
        assert_eq!(insights(&context, ROOT, false).await, shown("enabled", ROOT));
        put(&context, "containerInsights", "enhanced", Some(USER)).await.expect("a setting");
        assert_eq!(insights(&context, USER, false).await, shown("enhanced", USER));
        assert_eq!(insights(&context, ROOT, true).await, shown("enabled", ROOT));
        let request = DeleteAccountSettingRequest {
            name: Some(SettingName::ContainerInsights),
            principal_arn: Some(USER.into()),
        };
        let deleted = delete::handle(context.clone(), request).await.expect("deleted").setting.expect("a setting");
        assert_eq!(deleted.value.as_deref(), Some("enhanced"));
        assert_eq!(insights(&context, USER, true).await, shown("enabled", ROOT));
    }

    #[tokio::test]
    async fn names_values_and_principals_are_checked() {
        let context = context();
        for (name, value, principal, message) in [
            ("containerInsights", "ENABLED", None, "Invalid setting 'value'"),
            ("tagResourceAuthorization", "enabled", None, "Invalid setting 'value'"),
            ("fargateTaskRetirementWaitPeriod", "1", None, "Invalid setting 'value'"),
            ("fargateTaskRetirementWaitPeriod", "14", Some(USER), "root user"),
            ("taskLongArnFormat", "disabled", None, "can not be disabled"),
            ("guardDutyActivate", "on", None, "managed by AWS"),
            ("shortNames", "on", None, "shortNames should be one of [serviceLongArnFormat,taskLongArnFormat,"),
            ("awsvpcTrunking", "enabled", Some("ann"), "Invalid principal ARN 'ann'"),
            ("awsvpcTrunking", "enabled", Some("arn:aws:iam::999999999999:root"), "Invalid principal ARN"),
        ] {
            let error = put(&context, name, value, principal).await.expect_err(message);
            assert!(error.to_string().contains(message), "{name} {value}: {error}");
        }
        for (name, value) in [("fargateTaskRetirementWaitPeriod", "14"), ("defaultLogDriverMode", "blocking")] {
            assert_eq!(put(&context, name, value, None).await.expect("set").principal_arn.as_deref(), Some(ROOT));
        }
    }

    #[tokio::test]
    async fn effective_settings_come_in_pages_of_ten_by_name() {
        let context = context();
        let mut request = ListAccountSettingsRequest { effective_settings: Some(true), ..Default::default() };
        let mut names = Vec::new();
        loop {
            let page = list::handle(context.clone(), request.clone()).await.expect("a page");
            names.extend(page.settings.expect("settings").into_iter().filter_map(|it| Some(it.name?.to_string())));
            request.next_token = page.next_token;
            if request.next_token.is_none() {
                break;
            }
            assert_eq!(names.len(), 10);
        }
        assert_eq!((names.len(), names.is_sorted()), (12, true));
    }
}
