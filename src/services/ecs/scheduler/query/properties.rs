//! Random expressions: parsing what is printed, agreement with a naive evaluator, and nothing that panics.

use proptest::prelude::*;

use super::*;

/// An expression as a test makes it.
#[derive(Clone, Debug)]
enum Model {
    Or(Vec<Model>),
    And(Vec<Model>),
    Not(Box<Model>),
    Text { subject: &'static str, operator: &'static str, argument: String },
    List { subject: &'static str, operator: &'static str, arguments: Vec<String> },
    Exists { subject: &'static str, there: bool },
    Count { operator: &'static str, argument: u8 },
}

impl Model {
    fn print(&self) -> String {
        let join = |nodes: &[Self], by: &str| {
            let nodes: Vec<String> = nodes.iter().map(|node| format!("({})", node.print())).collect();
            nodes.join(by)
        };
        match self {
            Self::Or(nodes) => join(nodes, " or "),
            Self::And(nodes) => join(nodes, "&&"),
            Self::Not(node) => format!("not({})", node.print()),
            Self::Text { subject, operator, argument } => format!("{subject} {operator} '{argument}'"),
            Self::List { subject, operator, arguments } => format!("{subject} {operator} [{}]", arguments.join(", ")),
            Self::Exists { subject, there: true } => format!("{subject} exists"),
            Self::Exists { subject, there: false } => format!("{subject} !exists"),
            Self::Count { operator, argument } => format!("runningTasksCount {operator} {argument}"),
        }
    }

    /// What the page says, in the plainest words.
    fn holds(&self, facts: &Facts<'_>) -> bool {
        let values = |subject: &str| -> Vec<String> {
            match subject.strip_prefix("attribute:") {
                Some(name) => facts
                    .attributes
                    .iter()
                    .filter(|attribute| attribute.name.as_deref() == Some(name))
                    .map(|attribute| attribute.value.clone().unwrap_or_default())
                    .collect(),
                None if subject == "task:group" => facts.groups.iter().map(ToString::to_string).collect(),
                None => facts.ec2_instance_id.iter().map(ToString::to_string).collect(),
            }
        };
        match self {
            Self::Or(nodes) => nodes.iter().filter(|node| node.holds(facts)).count() > 0,
            Self::And(nodes) => nodes.iter().filter(|node| !node.holds(facts)).count() == 0,
            Self::Not(node) => !node.holds(facts),
            Self::Text { subject, operator, argument } => match *operator {
                "==" | "equals" => values(subject).contains(argument),
                "!=" | "not_equals" => !values(subject).contains(argument),
                // The arguments are letters: as patterns they fit themselves.
                "=~" | "matches" => values(subject).contains(argument),
                _ => !values(subject).contains(argument),
            },
            Self::List { subject, operator, arguments } => {
                let found = values(subject).iter().any(|value| arguments.contains(value));
                if *operator == "in" { found } else { !found }
            }
            Self::Exists { subject, there } => values(subject).is_empty() != *there,
            Self::Count { operator, argument } => {
                let (count, wanted) = (facts.running_tasks, usize::from(*argument));
                match *operator {
                    "==" => count == wanted,
                    "!=" => count != wanted,
                    ">" => count > wanted,
                    ">=" => count >= wanted,
                    "<" => count < wanted,
                    _ => count <= wanted,
                }
            }
        }
    }
}

fn model() -> impl Strategy<Value = Model> {
    let subject = || prop::sample::select(vec!["attribute:a", "attribute:b.c", "task:group", "ec2InstanceId"]);
    let word = || "[ab]{1,2}";
    let leaf = prop_oneof![
        (
            subject(),
            prop::sample::select(vec!["==", "equals", "!=", "not_equals", "=~", "matches", "!~", "not_matches"]),
            word()
        )
            .prop_map(|(subject, operator, argument)| Model::Text { subject, operator, argument }),
        (subject(), prop::sample::select(vec!["in", "!in", "not_in"]), prop::collection::vec(word(), 1..4))
            .prop_map(|(subject, operator, arguments)| Model::List { subject, operator, arguments }),
        (prop::sample::select(vec!["attribute:a", "attribute:b.c"]), any::<bool>())
            .prop_map(|(subject, there)| Model::Exists { subject, there }),
        (prop::sample::select(vec!["==", "!=", ">", ">=", "<", "<="]), 0_u8..4)
            .prop_map(|(operator, argument)| Model::Count { operator, argument }),
    ];
    leaf.prop_recursive(4, 32, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Model::Or),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Model::And),
            inner.prop_map(|node| Model::Not(Box::new(node))),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_the_naive_evaluator(
        model in model(),
        a in prop::option::of("[ab]{1,2}"),
        b in prop::option::of("[ab]{1,2}"),
        id in prop::option::of("[ab]{1,2}"),
        groups in prop::collection::vec("[ab]{1,2}", 0..3),
        running_tasks in 0_usize..4,
    ) {
        let attribute =
            |name: &str, value| Attribute { name: Some(name.into()), value: Some(value), ..Attribute::default() };
        let attributes: Vec<_> = [a.map(|a| attribute("a", a)), b.map(|b| attribute("b.c", b))].into_iter().flatten().collect();
        let groups: Vec<Arc<str>> = groups.into_iter().map(Into::into).collect();
        let facts = Facts {
            agent_connected: true,
            agent_version: None,
            attributes: &attributes,
            ec2_instance_id: id.as_deref(),
            registered_at: Timestamp::from_millis(0),
            running_tasks,
            groups: &groups,
        };
        let text = model.print();
        let parsed = Expression::parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(parsed.selects(&facts), model.holds(&facts), "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}") {
        let _ = Expression::parse(&text);
    }

    /// Pieces of the language in any order come further than random characters.
    #[test]
    fn no_order_of_its_pieces_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "attribute:a", "task:group", "runningTasksCount", "agentVersion", "registeredAt", "ec2InstanceId", "==", "!=",
        "=~", "!~", "!exists", "in", "not_in", "[", "]", "(", ")", ",", "and", "||", "!", "not", "'", "\"", "1.2", "é", "a|b",
    ]), 0..12), space in any::<bool>()) {
        if let Err(error) = Expression::parse(&pieces.join(if space { " " } else { "" })) {
            prop_assert!(error.position >= 1);
        }
    }
}
