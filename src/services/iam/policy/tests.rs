//! Policies: what is read, what is refused, and what they allow.

use proptest::prelude::*;

use super::wildcard::{matches, matches_arn};
use super::*;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},
    "Action":"sts:AssumeRole","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:ecs:us-east-1:123456789012:*"},
    "StringEquals":{"aws:SourceAccount":"123456789012"}}}]}"#;

fn identity(statement: &str) -> PolicyDocument {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
    check(&text, Kind::Identity).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn decide(statement: &str, action: &str, resource: &str) -> Decision {
    decide_with(statement, action, resource, &Facts::default())
}

fn decide_with(statement: &str, action: &str, resource: &str, facts: &Facts) -> Decision {
    evaluate(&[identity(statement)], Request { action, resource, facts })
}

#[test]
fn one_value_is_as_good_as_a_list() {
    let one = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#;
    let list = r#"[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["*"]}]"#;
    assert_eq!(identity(one), identity(list));
}

#[test]
fn actions_and_resources_have_wildcards() {
    let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf";
    let allowed = |action: &str, resource: &str| {
        let statement = format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#);
        decide(&statement, "secretsmanager:GetSecretValue", secret) == Decision::Allowed
    };
    assert!(allowed("secretsmanager:GetSecretValue", secret));
    assert!(allowed("SecretsManager:getsecretvalue", "*"));
    assert!(allowed("secretsmanager:Get*", "arn:aws:secretsmanager:*:*:secret:db-??????"));
    assert!(allowed("*", "arn:aws:secretsmanager:us-east-1:123456789012:*"));
    assert!(!allowed("secretsmanager:Put*", "*"));
    assert!(!allowed("*", "arn:aws:secretsmanager:us-east-1:123456789012:secret:DB-*"));
    // A wildcard does not reach over the parts of an ARN.
    assert!(!allowed("*", "arn:aws:secretsmanager:*:secret:db-AbCdEf"));
}

#[test]
fn not_action_and_not_resource_are_all_others() {
    let statement = r#"{"Effect":"Allow","NotAction":"iam:*","NotResource":"arn:aws:s3:::secret/*"}"#;
    assert_eq!(decide(statement, "s3:GetObject", "arn:aws:s3:::open/a"), Decision::Allowed);
    assert_eq!(decide(statement, "s3:GetObject", "arn:aws:s3:::secret/a"), Decision::ImplicitDeny);
    assert_eq!(decide(statement, "iam:GetRole", "arn:aws:s3:::open/a"), Decision::ImplicitDeny);
}

#[test]
fn conditions_compare_what_is_known() {
    let facts = Facts::default()
        .with("aws:SourceIp", "10.1.2.3")
        .with("aws:PrincipalArn", "arn:aws:iam::123456789012:role/web")
        .with("aws:CurrentTime", "2026-06-01T00:00:00Z")
        .with("aws:Number", "7")
        .with("aws:TagKeys", "a")
        .with("aws:TagKeys", "b");
    let holds = |condition: &str| {
        let statement = format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}"#);
        decide_with(&statement, "s3:GetObject", "*", &facts) == Decision::Allowed
    };
    for good in [
        r#"{"StringEquals":{"AWS:principalarn":["x","arn:aws:iam::123456789012:role/web"]}}"#,
        r#"{"StringLike":{"aws:PrincipalArn":"*:role/w?b"}}"#,
        r#"{"StringNotEquals":{"aws:PrincipalArn":"x"}}"#,
        r#"{"StringNotEquals":{"aws:Missing":"x"}}"#,
        r#"{"StringEqualsIfExists":{"aws:Missing":"x"}}"#,
        r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}"#,
        r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#,
        r#"{"NotIpAddress":{"aws:SourceIp":"192.168.0.0/16"}}"#,
        r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}}"#,
        r#"{"DateLessThan":{"aws:CurrentTime":1900000000}}"#,
        r#"{"NumericLessThanEquals":{"aws:Number":7}}"#,
        r#"{"Null":{"aws:Missing":true,"aws:Number":"false"}}"#,
        r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b","c"]}}"#,
        r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":"b"}}"#,
        r#"{"StringEquals":{"aws:SourceIp":"${aws:SourceIp}"}}"#,
    ] {
        assert!(holds(good), "{good}");
    }
    for bad in [
        r#"{"StringEquals":{"aws:PrincipalArn":"x"}}"#,
        r#"{"StringEquals":{"aws:Missing":"x"}}"#,
        r#"{"StringEquals":{"aws:SourceIp":"${aws:Missing}"}}"#,
        r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}"#,
        r#"{"IpAddress":{"aws:SourceIp":"10.1.2.4"}}"#,
        r#"{"NumericLessThan":{"aws:Number":7}}"#,
        r#"{"Null":{"aws:Missing":"false"}}"#,
        r#"{"Bool":{"aws:Missing":"true"}}"#,
    ] {
        assert!(!holds(bad), "{bad}");
    }
}

#[test]
fn a_trust_policy_names_who_is_trusted() {
    let trust = check(TRUST, Kind::Trust).expect("a trust policy");
    let facts = |account: &str| {
        Facts::default()
            .with("aws:SourceAccount", account)
            .with("aws:SourceArn", format!("arn:aws:ecs:us-east-1:{account}:*"))
    };
    assert!(trusts(&trust, "ecs-tasks.amazonaws.com", &facts("123456789012")));
    assert!(!trusts(&trust, "ecs-tasks.amazonaws.com", &facts("210987654321")));
    assert!(!trusts(&trust, "ec2.amazonaws.com", &facts("123456789012")));
}

#[test]
fn what_is_no_policy_is_refused_in_the_words_of_iam() {
    let refused = |text: &str, kind: Kind, message: &str| {
        assert_eq!(check(text, kind).expect_err(text), message, "{text}");
    };
    let identity = |statement: &str, message: &str| {
        refused(&format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#), Kind::Identity, message);
    };
    refused("", Kind::Identity, "This policy contains invalid Json");
    refused("[1]", Kind::Identity, "Syntax errors in policy.");
    refused(r#"{"Statement":[]}"#, Kind::Identity, "Policy document must be version 2012-10-17 or greater.");
    identity("[]", "Syntax errors in policy.");
    identity(r#"{"Effect":"Maybe","Action":"*","Resource":"*"}"#, "Syntax errors in policy.");
    identity(r#"{"Effect":"Allow","Actions":"*","Resource":"*"}"#, "Syntax errors in policy.");
    identity(r#"{"Effect":"Allow","Resource":"*"}"#, "Policy statement must contain actions.");
    identity(r#"{"Effect":"Allow","Action":"*"}"#, "Policy statement must contain resources.");
    identity(
        r#"{"Effect":"Allow","Action":"GetObject","Resource":"*"}"#,
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    );
    identity(
        r#"{"Effect":"Allow","Action":"*","Resource":"bucket"}"#,
        "Resource bucket must be in ARN format or \"*\".",
    );
    identity(
        r#"{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}"#,
        "Policy document should not specify a principal.",
    );
    identity(
        r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Equals":{"a":"b"}}}"#,
        "Invalid Condition type : Equals.",
    );
    let trust = |statement: &str, message: &str| {
        refused(&format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#), Kind::Trust, message);
    };
    trust(r#"{"Effect":"Allow","Action":"sts:AssumeRole"}"#, "Missing required field Principal");
    trust(
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Resource":"*"}"#,
        "Has prohibited field Resource",
    );
    trust(
        r#"{"Effect":"Allow","Action":"s3:GetObject","Principal":"*"}"#,
        "AssumeRole policy may only specify STS AssumeRole actions.",
    );
    trust(
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ecs-tasks"}}"#,
        "Invalid principal in policy: \"SERVICE\":\"ecs-tasks\"",
    );
}

/// Statements over few actions and resources, so that they meet.
fn statement() -> impl Strategy<Value = (bool, String, String)> {
    let action = prop::sample::select(vec!["s3:Get", "s3:Put", "s3:*", "ecs:Run", "*"]);
    let resource = prop::sample::select(vec!["arn:aws:s3:::a", "arn:aws:s3:::b", "arn:aws:s3:::*", "*"]);
    (any::<bool>(), action, resource).prop_map(|(allow, action, resource)| (allow, action.into(), resource.into()))
}

fn policy_of(statements: &[(bool, String, String)]) -> PolicyDocument {
    let statements: Vec<String> = statements
        .iter()
        .map(|(allow, action, resource)| {
            let effect = if *allow { "Allow" } else { "Deny" };
            format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"}}"#)
        })
        .collect();
    identity(&format!("[{}]", statements.join(",")))
}

proptest! {
    #[test]
    fn deny_wins_and_order_does_not_matter(mut statements in prop::collection::vec(statement(), 1..6), cut in 0..6_usize) {
        let facts = Facts::default();
        let request = Request { action: "s3:Get", resource: "arn:aws:s3:::a", facts: &facts };
        let fits = |(_, action, resource): &&(bool, String, String)| {
            matches(action, "s3:Get") && (resource == "*" || matches(resource, "arn:aws:s3:::a"))
        };
        let fitting: Vec<bool> = statements.iter().filter(fits).map(|(allow, ..)| *allow).collect();
        let expected = if fitting.contains(&false) {
            Decision::ExplicitDeny
        } else if fitting.contains(&true) {
            Decision::Allowed
        } else {
            Decision::ImplicitDeny
        };
        prop_assert_eq!(evaluate(&[policy_of(&statements)], request), expected);
        statements.reverse();
        prop_assert_eq!(evaluate(&[policy_of(&statements)], request), expected);
        // One policy or two of the same statements.
        let (one, two) = statements.split_at(cut.min(statements.len()));
        let both: Vec<_> = [one, two].into_iter().filter(|part| !part.is_empty()).map(policy_of).collect();
        prop_assert_eq!(evaluate(&both, request), expected);
    }

    #[test]
    fn wildcards_match_what_they_were_made_from(parts in prop::collection::vec("[a-c]{0,3}", 1..5), fill in "[a-d]{0,4}") {
        let (pattern, text) = (parts.join("*"), parts.join(&fill));
        prop_assert!(matches(&pattern, &text));
        prop_assert!(matches("*", &text));
        let longer = format!("{text}e");
        prop_assert!(!matches(&pattern, &longer) || pattern.ends_with('*'));
        prop_assert_eq!(matches(&text, &text), true);
        prop_assert!(matches_arn(&pattern, &text));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}", kind in prop::sample::select(vec![Kind::Identity, Kind::Trust])) {
        let _ = check(&text, kind);
    }
}
