//! From ARNs to daemons and what belongs to them. Requests name daemons by ARN only.

use std::collections::BTreeSet;
use std::sync::Arc;

use api_models::ecs::{ClientException, CommonError, DaemonNotFoundException, InvalidParameterException};

use super::{
    Daemon, DaemonDeployment, DaemonDeploymentKey, DaemonKey, DaemonRevision, DaemonRevisionKey, DaemonStatus,
};
use crate::identity::{Arn, Scope};
use crate::services::ecs::resources::ClusterKey;
use crate::services::ecs::resources::lookup::{self, resource_of_arn};
use crate::store::State;

const NOT_FOUND: &str = "Daemon not found."; // (ours)

/// The parts behind the kind in an ARN; `None` when it is of another account or region.
///
/// # Errors
/// InvalidParameterException when it is no ARN of that kind.
fn parts<'a, const N: usize>(scope: &Scope, arn: &'a str, kind: &str) -> Result<Option<[&'a str; N]>, CommonError> {
    let unexpected = |what: &str| InvalidParameterException::new(format!("Invalid identifier: Unexpected {what}"));
    let (found, rest) =
        Arn::parse(arn).ok().and_then(|arn| arn.typed_resource()).ok_or_else(|| unexpected("resource type"))?;
    if found != kind {
        return Err(unexpected("resource type").into());
    }
    let parts: Vec<&str> = rest.split('/').collect();
    let parts = <[&str; N]>::try_from(parts).map_err(|_| unexpected("number of separators"))?;
    Ok(resource_of_arn(scope, arn, kind).map(|_| parts))
}

/// The key in a daemon's ARN; `None` when it is of another account or region.
///
/// # Errors
/// InvalidParameterException when it is missing or no daemon's.
pub fn key_of(scope: &Scope, arn: Option<&str>) -> Result<Option<DaemonKey>, CommonError> {
    let arn = arn.filter(|arn| !arn.trim().is_empty());
    let arn = arn.ok_or_else(|| InvalidParameterException::new("Daemon ARN can not be blank."))?; // (ours)
    let found = parts::<2>(scope, arn, "daemon")?;
    Ok(found.map(|[cluster, name]| DaemonKey::new(&ClusterKey::new(scope, cluster), name)))
}

/// The daemon and the id in the ARN of something that belongs to a daemon (`<kind>/<cluster>/<daemon>/<id>`); `None` when
/// it is of another account or region.
///
/// # Errors
/// InvalidParameterException when it is no such ARN.
pub fn key_in_arn(scope: &Scope, arn: &str, kind: &str) -> Result<Option<(DaemonKey, Arc<str>)>, CommonError> {
    let found = parts::<3>(scope, arn, kind)?;
    Ok(found.map(|[cluster, name, id]| (DaemonKey::new(&ClusterKey::new(scope, cluster), name), id.into())))
}

/// The daemon of this ARN, also while it is being deleted.
///
/// # Errors
/// DaemonNotFoundException when there is none, ClusterNotFoundException when not even its cluster is there,
/// InvalidParameterException when the ARN is missing or no daemon's.
pub fn find<'s, E: From<CommonError> + From<DaemonNotFoundException>>(
    state: &'s State,
    scope: &Scope,
    arn: Option<&str>,
) -> Result<&'s Arc<Daemon>, E> {
    present(state, scope, arn)?.ok_or_else(|| DaemonNotFoundException::new(NOT_FOUND).into())
}

/// [`find`] for operations whose model has no DaemonNotFoundException.
///
/// # Errors
/// As there, but for ClientException when there is none `(ours)`.
pub fn find_plainly<'s>(state: &'s State, scope: &Scope, arn: Option<&str>) -> Result<&'s Arc<Daemon>, CommonError> {
    present(state, scope, arn)?.ok_or_else(|| ClientException::new(NOT_FOUND).into())
}

/// The daemon of this name in a cluster, also while it is being deleted.
///
/// # Errors
/// ClientException when there is none `(ours)`.
pub fn find_named<'s>(state: &'s State, cluster: &ClusterKey, name: &str) -> Result<&'s Arc<Daemon>, CommonError> {
    let found = state.daemons.get(&DaemonKey::new(cluster, name));
    let found = found.filter(|daemon| daemon.status != DaemonStatus::Deleted);
    found.ok_or_else(|| ClientException::new(NOT_FOUND).into())
}

fn present<'s>(state: &'s State, scope: &Scope, arn: Option<&str>) -> Result<Option<&'s Arc<Daemon>>, CommonError> {
    let Some(key) = key_of(scope, arn)? else { return Ok(None) };
    lookup::active_cluster(state, scope, Some(&key.cluster))?;
    Ok(state.daemons.get(&key).filter(|daemon| daemon.status != DaemonStatus::Deleted))
}

/// The names of the capacity providers that a daemon is for; while it is being deleted, of those it still leaves.
#[must_use]
pub fn providers_of(state: &State, daemon: &Daemon) -> BTreeSet<Arc<str>> {
    let leaves = || {
        let key = DaemonDeploymentKey { daemon: daemon.key.clone(), id: daemon.deployment.clone() };
        state.daemon_deployments.get(&key).map(|deployment| deployment.sources.clone()).unwrap_or_default()
    };
    let revisions = daemon.revision.clone().map_or_else(leaves, |revision| vec![revision]);
    let revisions = revisions.iter().filter_map(|id| state.daemon_revisions.get(&daemon.revision_key(id)));
    revisions.flat_map(|revision| revision.capacity_providers.iter().cloned()).collect()
}

/// The daemons of a cluster by name, but for those that are gone.
pub fn daemons_of<'s>(state: &'s State, cluster: &ClusterKey) -> impl Iterator<Item = &'s Arc<Daemon>> + use<'s> {
    all_of(state, cluster).filter(|daemon| daemon.status != DaemonStatus::Deleted)
}

/// The daemons of a cluster that are not deleted.
pub fn active<'s>(state: &'s State, cluster: &ClusterKey) -> impl Iterator<Item = &'s Arc<Daemon>> + use<'s> {
    all_of(state, cluster).filter(|daemon| daemon.status == DaemonStatus::Active)
}

/// The daemons of a cluster that are gone, and not forgotten.
pub fn gone_of<'s>(state: &'s State, cluster: &ClusterKey) -> impl Iterator<Item = &'s Arc<Daemon>> + use<'s> {
    all_of(state, cluster).filter(|daemon| daemon.status == DaemonStatus::Deleted)
}

/// The daemons of a cluster by name, whatever their status.
pub(super) fn all_of<'s>(state: &'s State, cluster: &ClusterKey) -> impl Iterator<Item = &'s Arc<Daemon>> + use<'s> {
    let scope = &cluster.scope;
    let key = |cluster: String| DaemonKey { scope: scope.clone(), cluster: cluster.into(), name: "".into() };
    state.daemons.range(key(cluster.name.to_string())..key(format!("{}\0", cluster.name))).map(|(_, daemon)| daemon)
}

/// The revisions of a daemon by id.
pub fn revisions_of<'s>(
    state: &'s State,
    daemon: &DaemonKey,
) -> impl Iterator<Item = &'s Arc<DaemonRevision>> + use<'s> {
    let key = |id: &str| DaemonRevisionKey { daemon: daemon.clone(), id: id.into() };
    state.daemon_revisions.range(key("")..key("\u{10ffff}")).map(|(_, revision)| revision)
}

/// The deployments of a daemon by id.
pub fn deployments_of<'s>(
    state: &'s State,
    daemon: &DaemonKey,
) -> impl Iterator<Item = &'s Arc<DaemonDeployment>> + use<'s> {
    let key = |id: &str| DaemonDeploymentKey { daemon: daemon.clone(), id: id.into() };
    state.daemon_deployments.range(key("")..key("\u{10ffff}")).map(|(_, deployment)| deployment)
}
