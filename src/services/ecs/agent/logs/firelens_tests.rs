//! The configurations that routers get, whole.

use super::*;
use crate::services::ecs::agent::fixtures;

fn definition(mode: &str, router: &str, options: &str) -> ecs::TaskDefinition {
    let json = format!(
        r#"{{"networkMode":"{mode}","containerDefinitions":[
            {{"name":"app","logConfiguration":{{"logDriver":"awsfirelens","options":{options}}}}},
            {{"name":"router","firelensConfiguration":{router}}}]}}"#
    );
    serde_json::from_str(&json).expect("a definition")
}

fn made(mode: &str, router_json: &str, options: &str) -> Result<String, String> {
    let definition = definition(mode, router_json, options);
    let task = fixtures::task(&definition, 1);
    let router = router(&definition).expect("a router");
    assert_eq!(router.name, "router");
    configuration(&task, &definition, &router).map(|text| text.replace(&task.key.arn(), "TASK_ARN"))
}

#[test]
fn fluent_bit_gets_the_agent_s_configuration() {
    let options = r#"{"Name":"firehose","region":"us-west-2","delivery_stream":"my-stream","include-pattern":"^ERROR",
        "exclude-pattern":"DEBUG","log-driver-buffer-limit":"1000"}"#;
    let router = r#"{"type":"fluentbit","options":{"config-file-type":"file","config-file-value":"/extra.conf"}}"#;
    assert_eq!(made("bridge", router, options).as_deref(), Ok(include_str!("firelens_fluentbit.conf")));
}

#[test]
fn fluentd_gets_the_agent_s_configuration() {
    let options = r#"{"@type":"kinesis_firehose","delivery_stream_name":"my-stream","include-pattern":"^ERROR"}"#;
    assert_eq!(made("awsvpc", r#"{"type":"fluentd"}"#, options).as_deref(), Ok(include_str!("firelens_fluentd.conf")));
}

#[test]
fn what_is_left_out_is_left_out() {
    let router = r#"{"type":"fluentbit","options":{"enable-ecs-log-metadata":"false"}}"#;
    let expected = "[INPUT]\n    Name forward\n    unix_path /var/run/fluent.sock\n";
    assert_eq!(made("host", router, "{}").as_deref(), Ok(expected));
}

#[test]
fn options_without_a_plugin_fail() {
    let error = made("bridge", r#"{"type":"fluentbit"}"#, r#"{"region":"us-west-2"}"#).expect_err("no plugin");
    assert!(error.ends_with("missing output key Name which is required for firelens configuration of type fluentbit"));
    let s3 =
        r#"{"type":"fluentbit","options":{"config-file-type":"s3","config-file-value":"arn:aws:s3:::b/folder/k"}}"#;
    let text = made("bridge", s3, "{}").expect("a configuration");
    assert!(text.contains("\n@INCLUDE /fluent-bit/etc/external.conf\n"), "{text}");
    let definition = definition("bridge", s3, "{}");
    assert_eq!(router(&definition).expect("a router").s3_object(), Some(("b", "folder/k")));
}

#[test]
fn secret_options_are_variables_of_the_router() {
    for (kind, plugin, value) in [
        ("fluentbit", r#""Name":"datadog""#, "    apikey ${apikey_0}\n"),
        ("fluentd", r#""@type":"datadog""#, "    apikey \"#{ENV['apikey_0']}\"\n"),
    ] {
        let secrets = r#"[{"name":"apikey","valueFrom":"key"}]"#;
        let options = format!(r#"{{{plugin}}},"secretOptions":{secrets}"#);
        let text = made("host", &format!(r#"{{"type":"{kind}"}}"#), &options).expect("a configuration");
        assert!(text.contains(value), "{text}");
    }
}

#[test]
fn the_engine_s_driver_sends_to_the_router_s_socket() {
    let definition = definition("bridge", r#"{"type":"fluentd"}"#, r#"{"log-driver-buffer-limit":"1000"}"#);
    let task = fixtures::task(&definition, 1);
    let containers = definition.container_definitions.as_deref().expect("containers");
    assert!(is_routed(&containers[0]) && !is_routed(&containers[1]));
    let options = driver_options(&task, &containers[0], "/volumes/x/_data").0;
    assert_eq!(options["tag"], format!("app-firelens-{}", task.key.id));
    assert_eq!(options["fluentd-address"], "unix:///volumes/x/_data/fluent.sock");
    assert_eq!(options["fluentd-buffer-limit"], "1000");
}
