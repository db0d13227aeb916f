//! Pure: the fields of a task definition that are accepted and shown, but not applied yet.

use api_models::ecs::TaskDefinition;
use api_models::{Encode, View};

use super::fields::{CONTAINER, TASK, Treatment};

/// The fields that are set and have no effect, by their names in the API, each once.
#[must_use]
pub fn not_applied(definition: &TaskDefinition) -> Vec<&'static str> {
    let containers = definition.container_definitions.as_deref().unwrap_or_default();
    let of_task = kept(TASK).filter(|name| is_set(definition, name));
    let of_containers = kept(CONTAINER).filter(|name| containers.iter().any(|container| is_set(container, name)));
    of_task.chain(of_containers).collect()
}

fn kept(table: &'static [(&str, Treatment)]) -> impl Iterator<Item = &'static str> {
    table.iter().filter(|(_, treatment)| *treatment == Treatment::Kept).map(|(name, _)| *name)
}

/// Whether the member at `path` (`portMappings.name`) says anything.
fn is_set(structure: &dyn Encode, path: &str) -> bool {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let member = structure.schema().member(name);
    member.and_then(|(index, _)| structure.field(usize::from(index))).is_some_and(|value| says(&value, rest))
}

/// An empty list says nothing, nor does `false`.
fn says(value: &View<'_>, rest: Option<&str>) -> bool {
    match (value, rest) {
        (View::List(list), None) => !list.is_empty(),
        (View::List(list), Some(_)) => (0..list.len()).any(|index| says(&list.get(index), rest)),
        (View::Structure(structure), Some(rest)) => is_set(*structure, rest),
        (View::Map(map), _) => !map.is_empty(),
        (View::Boolean(value), _) => *value,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use api_models::ecs::{ApplicationProtocol, ContainerDefinition, PortMapping};

    use super::*;

    #[test]
    fn what_is_set_and_not_applied_is_named_once() {
        let app_protocol = Some(ApplicationProtocol::Http);
        let port = PortMapping { name: Some("http".into()), app_protocol, ..PortMapping::default() };
        let container = ContainerDefinition {
            privileged: Some(true),
            secrets: Some(Vec::new()),
            command: Some(vec!["run".into()]),
            port_mappings: Some(vec![PortMapping::default(), port]),
            ..ContainerDefinition::default()
        };
        let definition = TaskDefinition {
            enable_fault_injection: Some(false),
            task_role_arn: Some("role".into()),
            container_definitions: Some(vec![container.clone(), container]),
            ..TaskDefinition::default()
        };
        assert_eq!(not_applied(&definition), ["portMappings.name", "portMappings.appProtocol"]);
        assert!(not_applied(&TaskDefinition::default()).is_empty());
    }
}
