//! The language by example: what is selected, and what is refused with which words.

use super::*;

fn attribute(name: &str, value: &str) -> Attribute {
    Attribute { name: Some(name.into()), value: Some(value.into()), ..Attribute::default() }
}

fn selects(expression: &str) -> bool {
    let attributes = [
        attribute("ecs.instance-type", "t2.small"),
        attribute("ecs.availability-zone", "us-east-1a"),
        attribute("stack", ""),
        attribute("disks", "12"),
        attribute("note", "a b, [c]"),
    ];
    let groups = ["service:production".into(), "family:job".into()];
    let facts = Facts {
        agent_connected: true,
        agent_version: Some("1.105.0"),
        attributes: &attributes,
        ec2_instance_id: Some("i-abcd1234"),
        // 2024-05-01T12:00:00Z
        registered_at: Timestamp::from_millis(1_714_564_800_000),
        running_tasks: 3,
        groups: &groups,
    };
    match Expression::parse(expression) {
        Ok(parsed) => parsed.selects(&facts),
        Err(error) => panic!("{expression}: {error}"),
    }
}

#[test]
fn the_examples_of_the_page() {
    for (expression, selected) in [
        ("attribute:ecs.instance-type == t2.small", true),
        ("attribute:ecs.availability-zone in [us-east-1a, us-east-1b]", true),
        ("attribute:ecs.availability-zone not_in [us-east-1a, us-east-1b]", false),
        ("attribute:ecs.instance-type =~ g2.* and attribute:ecs.availability-zone != us-east-1d", false),
        ("attribute:ecs.instance-type =~ t2.* and attribute:ecs.availability-zone != us-east-1d", true),
        ("task:group == service:production", true),
        ("not(task:group == database)", true),
        ("runningTasksCount > 3", false),
        ("runningTasksCount >= 3", true),
        ("agentVersion < 1.17.1", false),
        ("agentVersion >= 1.17", true),
        ("registeredAt < 2018-01-01", false),
        ("registeredAt >= 2024-05-01T12:00:00+00:00", true),
        ("registeredAt > 2024-05-01T13:59:59+02:00", true),
        ("registeredAt == '2024-05-01 12:00:00'", true),
        ("ec2InstanceId in ['i-abcd1234', 'i-wxyx7890']", true),
        ("(attribute:ecs.instance-type == t2.nano || runningTasksCount==3) && !(agentConnected == false)", true),
    ] {
        assert_eq!(selects(expression), selected, "{expression}");
    }
}

#[test]
fn operators_by_symbol_and_by_name() {
    for (expression, selected) in [
        ("attribute:stack exists", true),
        ("attribute:stack !exists", false),
        ("attribute:nope not_exists", true),
        ("attribute:nope exists", false),
        ("attribute:stack equals ''", true),
        ("attribute:nope == ''", false),
        ("attribute:nope != prod", true),
        ("attribute:nope !in [a]", true),
        ("attribute:nope !~ .*", true),
        ("attribute:nope =~ .*", false),
        ("attribute:disks greater_than 9", true),
        ("attribute:disks less_than_equal 12", true),
        ("attribute:disks < 12", false),
        ("attribute:ecs.availability-zone greater_than_equal us-east-1", true),
        ("attribute:ecs.instance-type matches 't2.(small|nano)'", true),
        ("attribute:ecs.instance-type =~ t2.(small|nano)", true),
        ("attribute:ecs.instance-type =~ t2", false),
        ("attribute:ecs.instance-type not_matches small|nano", true),
        ("attribute:note == 'a b, [c]'", true),
        ("attribute:note in [\"a b, [c]\",x]", true),
        ("task:group =~ service:.*", true),
        ("task:group != service:production", false),
        ("task:group not_in [a, b]", true),
        ("agentConnected in [false]", false),
        ("agentConnected =~ t.*", true),
        ("agentVersion == v1.105", true),
        ("runningTasksCount not_equals 3", false),
    ] {
        assert_eq!(selects(expression), selected, "{expression}");
    }
}

#[test]
fn and_binds_closer_than_or_and_not_closest() {
    assert!(selects("agentConnected==true or agentConnected==true and agentConnected==false"));
    assert!(!selects("(agentConnected==true or agentConnected==true) and agentConnected==false"));
    assert!(selects("not agentConnected==false and agentConnected==true"));
    assert!(selects("!!agentConnected==true"));
    assert!(selects("not(agentConnected==false)and(agentConnected==true)"));
}

#[test]
fn what_is_wrong_is_said_with_its_position() {
    for (expression, error) in [
        ("", "expected a subject, such as attribute:ecs.instance-type at position 1"),
        ("attribute:", "'attribute:' is no subject"),
        ("cpu > 3", "'cpu' is no subject"),
        ("attribute:a", "expected an operator at position 12"),
        ("attribute:a = b", "expected an operator at position 13"),
        ("attribute:a ==", "expected a value at position 15"),
        ("attribute:a == b c", "expected 'and', 'or' or the end at position 18"),
        ("attribute:a == b and", "expected a subject, such as attribute:ecs.instance-type at position 21"),
        ("(attribute:a == b", "this parenthesis is not closed at position 1"),
        ("(attribute:a == b c)", "expected 'and', 'or' or ')' at position 19"),
        ("attribute:a == b)", "this parenthesis closes nothing at position 17"),
        ("attribute:a in b", "expected a list, such as [us-east-1a, us-east-1b] at position 16"),
        ("attribute:a in []", "expected a value at position 17"),
        ("attribute:a in [b", "this bracket is not closed at position 16"),
        ("attribute:a in [b c]", "expected ',' or ']' at position 19"),
        ("attribute:é == 'b", "this quote is not closed at position 16"),
        ("attribute:a =~ [", "'[' is no regular expression: unclosed character class, at position 16"),
        ("attribute:a =~ 'a)(b'", "'a)(b' is no regular expression: unopened group, at position 16"),
        ("agentConnected > true", "the operator '>' cannot be used with 'agentConnected' at position 16"),
        ("runningTasksCount =~ 3", "the operator '=~' cannot be used with 'runningTasksCount' at position 19"),
        ("task:group exists", "the operator 'exists' cannot be used with 'task:group' at position 12"),
        ("runningTasksCount == many", "'many' is not a number, at position 22"),
        ("agentConnected == yes", "'yes' is not true or false, at position 19"),
        ("agentVersion > one", "'one' is not a version, such as 1.16.0, at position 16"),
        ("registeredAt > yesterday", "'yesterday' is not a date, such as 2016-02-18T22:28:28+00:00 or 2016-02-18, at"),
    ] {
        let found = Expression::parse(expression).expect_err(expression).to_string();
        assert!(found.starts_with(error), "{expression}: {found}");
    }
    assert!(Expression::parse(&format!("attribute:a == {}", "b".repeat(1985))).is_ok());
    assert!(Expression::parse(&format!("attribute:a == {}", "b".repeat(1986))).is_err());
    let nested = |depth: usize| format!("{}agentConnected == true{}", "(".repeat(depth), ")".repeat(depth));
    assert!(Expression::parse(&nested(60)).is_ok());
    assert!(Expression::parse(&nested(900)).expect_err("too deep").message.contains("too deeply"));
    assert!(Expression::parse("attribute:a =~ '(((a{1000}){1000}){1000})'").is_err());
}

#[test]
fn which_expressions_depend_on_tasks() {
    let depends = |text: &str| Expression::parse(text).expect("valid").depends_on_tasks();
    assert!(depends("attribute:a exists and not (task:group == a or attribute:b exists)"));
    assert!(depends("runningTasksCount < 3"));
    assert!(!depends("attribute:a exists and agentConnected == true"));
}
