//! From what a request calls a service to its record, and the services of a cluster.

use std::sync::Arc;

use api_models::ecs::{CommonError, InvalidParameterException, ServiceNotFoundException};

use super::{Service, ServiceKey, ServiceStatus};
use crate::identity::{Arn, Scope};
use crate::services::ecs::resources::ClusterKey;
use crate::services::ecs::resources::lookup::resource_of_arn;
use crate::store::State;

/// The key in a service's name or ARN (also of the old format, without the cluster). `None` when the ARN is of another
/// cluster, account or region.
///
/// # Errors
/// InvalidParameterException for an ARN that can't be a service's.
pub fn key_of(cluster: &ClusterKey, named: &str) -> Result<Option<ServiceKey>, CommonError> {
    if !named.starts_with("arn:") {
        return Ok(Some(ServiceKey::new(cluster, named)));
    }
    if Arn::parse(named).ok().and_then(|arn| arn.typed_resource()).is_none_or(|(kind, _)| kind != "service") {
        return Err(InvalidParameterException::new("Invalid identifier: Unexpected resource type").into());
    }
    let Some(rest) = resource_of_arn(&cluster.scope, named, "service") else { return Ok(None) };
    match rest.split('/').collect::<Vec<_>>()[..] {
        [name] => Ok(Some(ServiceKey::new(cluster, name))),
        [of, name] => Ok((of == &*cluster.name).then(|| ServiceKey::new(cluster, name))),
        _ => Err(InvalidParameterException::new("Invalid identifier: Unexpected number of separators").into()),
    }
}

/// The service a request means, whatever its status.
///
/// # Errors
/// ServiceNotFoundException when there is none, InvalidParameterException when the name is missing or no service's.
pub fn find<'a, E: From<CommonError> + From<ServiceNotFoundException>>(
    state: &'a State,
    cluster: &ClusterKey,
    named: Option<&str>,
) -> Result<&'a Arc<Service>, E> {
    let named = named
        .filter(|named| !named.trim().is_empty())
        .ok_or_else(|| CommonError::from(InvalidParameterException::new("Service can not be blank.")))?;
    key_of(cluster, named)?
        .and_then(|key| state.services.get(&key))
        .ok_or_else(|| ServiceNotFoundException::new("Service not found.").into())
}

/// [`find`], of those that are not deleted.
///
/// # Errors
/// As [`find`], and ServiceNotFoundException for one that is INACTIVE.
pub fn active<'a, E: From<CommonError> + From<ServiceNotFoundException>>(
    state: &'a State,
    cluster: &ClusterKey,
    named: Option<&str>,
) -> Result<&'a Arc<Service>, E> {
    let service: &Arc<Service> = find::<E>(state, cluster, named)?;
    if service.status == ServiceStatus::Inactive {
        return Err(ServiceNotFoundException::new("Service not found.").into());
    }
    Ok(service)
}

/// How many services a cluster can have.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
const MAX_SERVICES: usize = 5000;

/// Whether one more service is too many for the cluster; those that are deleted do not count.
///
/// # Errors
/// InvalidParameterException (its sentence is ours) when it is.
pub fn check_quota(state: &State, cluster: &ClusterKey) -> Result<(), CommonError> {
    let present = services_of(state, cluster).filter(|service| service.status != ServiceStatus::Inactive);
    match present.take(MAX_SERVICES).count() {
        MAX_SERVICES => {
            let message = format!("The maximum number of services per cluster ({MAX_SERVICES}) has been exceeded.");
            Err(InvalidParameterException::new(message).into())
        }
        _ => Ok(()),
    }
}

/// The services of a cluster by name, whatever their status.
pub fn services_of<'a>(state: &'a State, cluster: &ClusterKey) -> impl Iterator<Item = &'a Arc<Service>> + use<'a> {
    let scope = &cluster.scope;
    let key = |cluster: String| ServiceKey { scope: scope.clone(), cluster: cluster.into(), name: "".into() };
    state.services.range(key(cluster.name.to_string())..key(format!("{}\0", cluster.name))).map(|(_, service)| service)
}

/// The service and the id in the ARN of something that belongs to a service (`<kind>/<cluster>/<service>/<id>`). `None`
/// when it is of another account or region.
///
/// # Errors
/// InvalidParameterException when it is no such ARN.
pub fn key_in_arn(scope: &Scope, arn: &str, kind: &str) -> Result<Option<(ServiceKey, Arc<str>)>, CommonError> {
    let unexpected = |what: &str| InvalidParameterException::new(format!("Invalid identifier: Unexpected {what}"));
    let (found, rest) =
        Arn::parse(arn).ok().and_then(|arn| arn.typed_resource()).ok_or_else(|| unexpected("resource type"))?;
    if found != kind {
        return Err(unexpected("resource type").into());
    }
    let [cluster, service, id] = rest.split('/').collect::<Vec<_>>()[..] else {
        return Err(unexpected("number of separators").into());
    };
    let own = resource_of_arn(scope, arn, kind).is_some();
    Ok(own.then(|| (ServiceKey::new(&ClusterKey::new(scope, cluster), service), id.into())))
}
