//! Account settings: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html>

use aws_sdk_ecs::types::{SettingName, SettingType};
use compat_tests::{Ecs, refusal};

on_simulated!(life_of_a_setting, defaults_and_effective_settings, wrong_values);

async fn life_of_a_setting(ecs: Ecs) {
    let none = ecs.list_account_settings().send().await.expect("listed");
    assert_eq!(none.settings(), []);

    let put = ecs.put_account_setting().name(SettingName::ContainerInsights).value("enabled").send().await;
    let put = put.expect("put").setting.expect("a setting");
    assert_eq!(put.name(), Some(&SettingName::ContainerInsights));
    assert_eq!(put.value(), Some("enabled"));
    assert_eq!(put.r#type(), Some(&SettingType::User));
    let principal = put.principal_arn().expect("a principal").to_owned();

    let listed = ecs.list_account_settings().send().await.expect("listed");
    assert_eq!(listed.settings().len(), 1);
    assert_eq!(listed.settings()[0].value(), Some("enabled"));

    let deleted = ecs.delete_account_setting().name(SettingName::ContainerInsights).send().await;
    let deleted = deleted.expect("deleted").setting.expect("a setting");
    assert_eq!((deleted.value(), deleted.principal_arn()), (Some("enabled"), Some(principal.as_str())));
    assert_eq!(ecs.list_account_settings().send().await.expect("listed").settings(), []);
}

async fn defaults_and_effective_settings(ecs: Ecs) {
    let root = format!("arn:aws:iam::{}:root", ecs.account);
    let put = ecs.put_account_setting_default().name(SettingName::AwsvpcTrunking).value("enabled").send().await;
    assert_eq!(put.expect("put").setting.expect("a setting").principal_arn(), Some(root.as_str()));

    let mut names = vec![];
    let mut token = None;
    loop {
        let page = ecs.list_account_settings().effective_settings(true).set_next_token(token).send().await;
        let page = page.expect("listed");
        for setting in page.settings() {
            let name = setting.name().expect("a name").as_str().to_owned();
            let expected = match name.as_str() {
                "awsvpcTrunking" => Some("enabled"),
                "containerInsights" => Some("disabled"),
                "taskLongArnFormat" => Some("enabled"),
                "defaultLogDriverMode" => Some("non-blocking"),
                _ => setting.value(),
            };
            assert_eq!(setting.value(), expected, "{name}");
            names.push(name);
        }
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    let mut sorted = names.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), names.len(), "each name once: {names:?}");
    for name in ["awsvpcTrunking", "containerInsights", "serviceLongArnFormat", "taskLongArnFormat"] {
        assert!(sorted.iter().any(|known| known == name), "{name} in {sorted:?}");
    }

    let one = ecs.list_account_settings().effective_settings(true).name(SettingName::AwsvpcTrunking).send().await;
    let one = one.expect("listed");
    assert_eq!(one.settings().len(), 1);
    assert_eq!(one.settings()[0].value(), Some("enabled"));
}

async fn wrong_values(ecs: Ecs) {
    let wrong = ecs.put_account_setting().name(SettingName::ContainerInsights).value("ENABLED").send().await;
    assert_eq!(refusal(wrong), ("InvalidParameterException".into(), "Invalid setting 'value'".into()));
    let unknown = ecs.put_account_setting().name(SettingName::from("fancy")).value("enabled").send().await;
    let (code, message) = refusal(unknown);
    assert_eq!(code, "InvalidParameterException");
    assert!(message.contains("should be one of [") && message.contains("serviceLongArnFormat"), "{message}");
}
