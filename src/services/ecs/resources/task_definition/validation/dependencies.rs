//! The order in which containers start.

use std::collections::BTreeMap;

use api_models::ecs::{ContainerCondition, ContainerDefinition, LogDriver};

use super::{Checked, Subject, ensure, list, name, refuse, text};

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    for container in subject.containers {
        for dependency in list(&container.depends_on) {
            let named = text(&dependency.container_name);
            let Some(on) = subject.container(named) else {
                // The stray plus sign is ECS's own.
                return refuse(format!("Cannot depend on container + '{named}' because it does not exist"));
            };
            match &dependency.condition {
                Some(ContainerCondition::Success | ContainerCondition::Complete) => {
                    ensure(!on.essential.unwrap_or(true), || {
                        "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container"
                            .into()
                    })?;
                }
                Some(ContainerCondition::Healthy) => ensure(on.health_check.is_some(), || {
                    "A dependency container with HEALTHY condition must have health check configured".into()
                })?,
                _ => {}
            }
        }
    }
    ensure(!has_cycle(subject.containers), || "Container dependency cannot have a cycle.".into()) // (ours)
}

/// Takes away containers that wait for nobody left, until none goes: what stays waits in a circle.
fn has_cycle(containers: &[ContainerDefinition]) -> bool {
    let router = containers.iter().find(|container| container.firelens_configuration.is_some()).map(name);
    let mut waiting: BTreeMap<&str, Vec<&str>> = containers
        .iter()
        .map(|container| {
            let on = list(&container.depends_on).iter().map(|dependency| text(&dependency.container_name));
            // Containers wait for those whose links and volumes they use as well, and for who routes their logs.
            let links = list(&container.links).iter().map(|link| link.split(':').next().unwrap_or_default());
            let volumes = list(&container.volumes_from).iter().map(|volumes| text(&volumes.source_container));
            let log = container.log_configuration.as_ref();
            let routed = log.is_some_and(|log| log.log_driver == Some(LogDriver::Awsfirelens));
            let router = router.filter(|router| routed && *router != name(container));
            (name(container), on.chain(links).chain(volumes).chain(router).collect())
        })
        .collect();
    loop {
        let free: Vec<&str> = waiting
            .iter()
            .filter(|(_, on)| on.iter().all(|name| !waiting.contains_key(name)))
            .map(|(name, _)| *name)
            .collect();
        if free.is_empty() {
            return !waiting.is_empty();
        }
        waiting.retain(|name, _| !free.contains(name));
    }
}
