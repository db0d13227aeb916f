//! What each field of a task definition does to a task: the one table of it. The [warnings](super::warnings) follow
//! from it; tests hold it against the API's model, and docs/task-definition.md against it.

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Treatment {
    /// A task runs that way.
    Applied,
    /// Stored and answered, without effect: the user is warned when a task starts with it.
    Kept,
    /// Stored and answered; there is nothing on one machine it could change.
    Shown,
    /// RegisterTaskDefinition answers ClientException.
    Refused,
    /// In answers only: ECS says it.
    Answered,
}

use Treatment::{Answered, Applied, Kept, Refused, Shown};

/// Members of TaskDefinition and RegisterTaskDefinitionRequest, by their names in the API.
pub const TASK: &[(&str, Treatment)] = &[
    ("family", Applied),
    ("containerDefinitions", Applied),
    ("networkMode", Applied),
    ("cpu", Applied),
    ("memory", Applied),
    ("requiresCompatibilities", Applied),
    ("placementConstraints", Applied),
    ("tags", Applied),
    ("executionRoleArn", Shown),
    ("runtimePlatform", Applied),
    ("taskRoleArn", Applied),
    ("volumes", Applied),
    ("pidMode", Applied),
    ("ipcMode", Applied),
    ("proxyConfiguration", Kept),
    ("ephemeralStorage", Shown),
    ("enableFaultInjection", Kept),
    ("trustedExecutionConfiguration", Shown),
    ("inferenceAccelerators", Refused),
    ("taskDefinitionArn", Answered),
    ("revision", Answered),
    ("status", Answered),
    ("requiresAttributes", Answered),
    ("compatibilities", Answered),
    ("registeredAt", Answered),
    ("registeredBy", Answered),
    ("deregisteredAt", Answered),
    ("deleteRequestedAt", Answered),
];

/// Members of ContainerDefinition. Where the members of a member differ, each of them has a line.
pub const CONTAINER: &[(&str, Treatment)] = &[
    ("name", Applied),
    ("image", Applied),
    ("essential", Applied),
    ("entryPoint", Applied),
    ("command", Applied),
    ("environment", Applied),
    ("workingDirectory", Applied),
    ("user", Applied),
    ("hostname", Applied),
    ("disableNetworking", Applied),
    ("cpu", Applied),
    ("memory", Applied),
    ("memoryReservation", Applied),
    ("portMappings.containerPort", Applied),
    ("portMappings.hostPort", Applied),
    ("portMappings.protocol", Applied),
    ("portMappings.containerPortRange", Kept),
    ("portMappings.name", Kept),
    ("portMappings.appProtocol", Kept),
    ("dockerLabels", Applied),
    ("stopTimeout", Applied),
    ("dependsOn", Applied),
    ("startTimeout", Applied),
    ("healthCheck", Applied),
    ("restartPolicy", Applied),
    ("secrets", Applied),
    ("environmentFiles", Applied),
    ("repositoryCredentials", Applied),
    ("mountPoints", Applied),
    ("volumesFrom", Applied),
    ("linuxParameters", Applied),
    ("ulimits", Applied),
    ("systemControls", Applied),
    ("privileged", Applied),
    ("readonlyRootFilesystem", Applied),
    ("dockerSecurityOptions", Applied),
    ("dnsServers", Applied),
    ("dnsSearchDomains", Applied),
    ("extraHosts", Applied),
    ("links", Applied),
    ("interactive", Applied),
    ("pseudoTerminal", Applied),
    ("logConfiguration.logDriver", Applied),
    ("logConfiguration.options", Applied),
    ("logConfiguration.secretOptions", Applied),
    ("firelensConfiguration", Applied),
    ("resourceRequirements", Applied),
    ("credentialSpecs", Refused),
    ("versionConsistency", Applied),
];

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use api_models::ecs::schema;
    use api_models::schema::{Schema, StructureSchema};

    use super::*;

    /// Every field once, and no field that the API does not have.
    fn compare(table: &[(&str, Treatment)], structures: &[&StructureSchema]) {
        let names: BTreeSet<_> = table.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), table.len(), "a field stands in the table twice");
        let mut known = BTreeSet::new();
        for member in structures.iter().flat_map(|structure| structure.members) {
            let within = format!("{}.", member.name);
            if names.iter().any(|name| name.starts_with(&within)) {
                known.extend(inner(member.schema).members.iter().map(|inner| format!("{within}{}", inner.name)));
            } else {
                known.insert(member.name.to_owned());
            }
        }
        let names: BTreeSet<_> = names.into_iter().map(ToOwned::to_owned).collect();
        let missing: Vec<_> = known.difference(&names).collect();
        assert!(missing.is_empty(), "the table does not say what becomes of {missing:?}");
        let unknown: Vec<_> = names.difference(&known).collect();
        assert!(unknown.is_empty(), "the API has no {unknown:?}");
    }

    fn inner(schema: Schema) -> &'static StructureSchema {
        match schema {
            Schema::Structure(structure) => structure,
            Schema::List(list) => inner(list.member),
            other => panic!("{} has no members", other.kind()),
        }
    }

    #[test]
    fn every_field_of_the_api_is_in_the_table() {
        compare(TASK, &[&schema::TASK_DEFINITION, &schema::REGISTER_TASK_DEFINITION_REQUEST]);
        compare(CONTAINER, &[&schema::CONTAINER_DEFINITION]);
    }

    /// The first two columns of the tables under a heading: `| a, b | kept |`, `| a: b, c | kept |` for a.b and a.c.
    fn documented(heading: &str) -> BTreeMap<String, String> {
        let guide = include_str!("../../../../docs/task-definition.md");
        let section = guide.split("\n## ").find(|section| section.starts_with(heading)).expect("the section");
        let mut fields = BTreeMap::new();
        for line in section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Field")) {
            let mut columns = line.split('|').skip(1).map(str::trim);
            let (names, treatment) = (columns.next().expect("names"), columns.next().expect("what becomes of it"));
            let (prefix, names) = match names.split_once(": ") {
                Some((prefix, names)) => (format!("{prefix}."), names),
                None => (String::new(), names),
            };
            for name in names.split(", ") {
                let before = fields.insert(format!("{prefix}{name}"), treatment.to_owned());
                assert_eq!(before, None, "{name} stands in the guide twice");
            }
        }
        fields
    }

    #[test]
    fn the_guide_says_the_same() {
        for (heading, table) in [("Task\n", TASK), ("Containers\n", CONTAINER)] {
            let table: BTreeMap<_, _> = table
                .iter()
                .map(|(name, treatment)| ((*name).to_owned(), format!("{treatment:?}").to_lowercase()))
                .collect();
            assert_eq!(documented(heading), table);
        }
    }
}
