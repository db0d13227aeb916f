//! The variables by which a container finds what is inside for it.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint.html>

use super::lookup::endpoint_id;
use crate::services::ecs::resources::{Container, Task};

/// Where the SDKs look for credentials.
const EXACT: &str = "http://169.254.170.2";

/// What containers can reach of LocalECS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// What the paths of the task endpoint follow: `http://169.254.170.2`, with another port where 80 can't be had.
    pub base: Option<String>,
    /// Where the SDKs find the AWS API.
    pub endpoint_url: Option<String>,
}

/// Names and values, in the agent's order. The user's own entries win over them.
#[must_use]
pub fn variables(task: &Task, container: &Container, reach: &Reach) -> Vec<(&'static str, String)> {
    let mut variables = Vec::new();
    if let Some(base) = &reach.base {
        let id = endpoint_id(task, container);
        let at = |path: &str| format!("{base}/{path}/{id}");
        if let Some(credentials) = &task.credentials_id {
            let path = format!("/v2/credentials/{credentials}");
            // The SDKs complete the relative one with port 80. They take either, and look for the relative one first.
            variables.push(match base == EXACT {
                true => ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", path),
                false => ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{base}{path}")),
            });
        }
        variables.push(("ECS_CONTAINER_METADATA_URI", at("v3")));
        variables.push(("ECS_CONTAINER_METADATA_URI_V4", at("v4")));
        variables.push(("ECS_AGENT_URI", at("api")));
    }
    variables.extend(reach.endpoint_url.clone().map(|url| ("AWS_ENDPOINT_URL", url)));
    variables
}
