//! From what a request names (short names, ids, ARNs) to the records meant.

use std::sync::Arc;

use api_models::ecs::{ClusterNotFoundException, CommonError, Failure, InvalidParameterException};

use super::{Cluster, ClusterKey, ClusterStatus};
use crate::identity::{Arn, Scope};
use crate::store::State;

/// The cluster a request means when it names none.
pub const DEFAULT_CLUSTER: &str = "default";

/// The name in a cluster's short name or ARN; the default cluster when `None`. An ARN of another account, region or
/// service names nothing here.
///
/// # Errors
/// ClusterNotFoundException for such an ARN.
pub fn cluster_key(scope: &Scope, cluster: Option<&str>) -> Result<ClusterKey, ClusterNotFoundException> {
    let name = cluster.unwrap_or(DEFAULT_CLUSTER);
    if !name.starts_with("arn:") {
        return Ok(ClusterKey::new(scope, name));
    }
    resource_of_arn(scope, name, "cluster")
        .map(|name| ClusterKey::new(scope, name))
        .ok_or_else(|| ClusterNotFoundException::new("Cluster not found."))
}

/// The ACTIVE cluster a request means.
///
/// # Errors
/// ClusterNotFoundException when there is none, in ECS's words also when it is INACTIVE.
pub fn active_cluster<'a>(
    state: &'a State,
    scope: &Scope,
    cluster: Option<&str>,
) -> Result<&'a Arc<Cluster>, ClusterNotFoundException> {
    let key = cluster_key(scope, cluster)?;
    match state.clusters.get(&key) {
        None => Err(ClusterNotFoundException::new("Cluster not found.")),
        Some(found) if found.status == ClusterStatus::Inactive => {
            Err(ClusterNotFoundException::new("The referenced cluster was inactive."))
        }
        Some(found) => Ok(found),
    }
}

/// The part of an ECS ARN of this scope behind `<kind>/`, if it is one.
#[must_use]
pub fn resource_of_arn<'a>(scope: &Scope, arn: &'a str, kind: &str) -> Option<&'a str> {
    let arn = Arn::parse(arn).ok()?;
    let (found, rest) = arn.typed_resource()?;
    (arn.service == "ecs"
        && arn.region == scope.region.as_str()
        && arn.account == scope.account.to_string()
        && found == kind)
        .then_some(rest)
}

/// The id in what names a resource that lives in a cluster (a task, a container instance): the id itself, or an ARN
/// in the long (`kind/cluster/id`) or the old format (`kind/id`). `None` when the ARN is of another cluster, account
/// or region: such a resource is MISSING here.
///
/// # Errors
/// InvalidParameterException for an ARN that can't be one of a `kind`.
pub fn id_in_cluster<'a>(cluster: &ClusterKey, kind: &str, named: &'a str) -> Result<Option<&'a str>, CommonError> {
    if !named.starts_with("arn:") {
        return match named.split_once('/') {
            None => Ok(Some(named)),
            Some((of, id)) if !id.contains('/') => Ok((of == &*cluster.name).then_some(id)),
            Some(_) => {
                Err(InvalidParameterException::new("Invalid identifier: Unexpected number of separators").into())
            }
        };
    }
    let resource = Arn::parse(named).ok().and_then(|arn| arn.typed_resource());
    match resource {
        Some((found, _)) if found == kind => {}
        _ => {
            return Err(InvalidParameterException::new("Invalid identifier: Unexpected resource type").into());
        }
    }
    let Some(rest) = resource_of_arn(&cluster.scope, named, kind) else {
        return Ok(None);
    };
    match rest.split('/').collect::<Vec<_>>().as_slice() {
        [id] => Ok(Some(id)),
        [of, id] => Ok((*of == &*cluster.name).then_some(id)),
        _ => Err(InvalidParameterException::new("Invalid identifier: Unexpected number of separators").into()),
    }
}

/// The entry of `failures[]` for something that is not there.
#[must_use]
pub fn missing(arn: String) -> Failure {
    Failure { arn: Some(arn), reason: Some("MISSING".to_owned()), ..Failure::default() }
}
