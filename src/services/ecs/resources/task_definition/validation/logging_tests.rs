//! What ECS says to the options of log drivers.

use crate::identity::{Region, Scope};

/// The sentence that a definition with this log configuration is refused with; nothing when it is accepted.
fn refusal(log: &str) -> String {
    let json = format!(
        r#"{{"family":"web","memory":"512","containerDefinitions":[{{"name":"app","image":"nginx","logConfiguration":{log}}}]}}"#
    );
    let request = serde_json::from_str(&json).expect("a request");
    let scope = Scope::new("123456789012".parse().expect("12 digits"), Region::new("us-east-1"));
    super::super::validate(&request, &scope).err().and_then(|error| error.message).unwrap_or_default()
}

fn awslogs(options: &str) -> String {
    refusal(&format!(r#"{{"logDriver":"awslogs","options":{{"awslogs-group":"g","awslogs-region":"r"{options}}}}}"#))
}

#[test]
fn options_of_awslogs_are_those_ecs_knows() {
    assert_eq!(awslogs(""), "");
    assert_eq!(awslogs(r#","awslogs-stream-prefix":"p","awslogs-create-group":"true","mode":"blocking""#), "");
    assert_eq!(awslogs(r#","awslogs-multiline-pattern":"^\\d""#), "");
    assert_eq!(awslogs(r#","log_key":"log","tag":"x""#), "Log driver awslogs disallows options: log_key, tag");
    assert_eq!(
        awslogs(r#","awslogs-create-group":"false""#),
        "Log driver awslogs option 'awslogs-create-group' should only be set to 'true', else omit option."
    );
    let both = awslogs(r#","awslogs-multiline-pattern":"^x","awslogs-datetime-format":"%Y""#);
    assert!(both.ends_with("at the same time"), "{both}");
}

#[test]
fn options_of_the_engine_s_drivers_are_the_engine_s() {
    assert_eq!(refusal(r#"{"logDriver":"json-file","options":{"colour":"blue"}}"#), "");
}
