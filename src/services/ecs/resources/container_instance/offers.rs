//! Where the instances of each cluster let tasks run, without a look at all of them.

use std::collections::BTreeSet;

use super::{ContainerInstance, ContainerInstanceKey};
use crate::services::ecs::resources::ClusterKey;
use crate::services::ecs::scheduler::placement::{ZONE_ATTRIBUTE, attribute};

/// Of every cluster: its instances, counted by capacity provider and zone, and those that are DRAINING. Kept in step with
/// the table of container instances by the store.
#[derive(Clone, Debug, Default)]
pub struct InstanceOffers {
    /// How many instances tasks may go to.
    usable: imbl::OrdMap<Offer, usize>,
    draining: imbl::OrdSet<ContainerInstanceKey>,
    /// How many are ACTIVE or DRAINING.
    registered: imbl::OrdMap<ClusterKey, usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Offer {
    cluster: ClusterKey,
    provider: Option<String>,
    zone: Option<String>,
}

/// What matters here of an instance; most changes of its record leave that as it is.
#[derive(PartialEq)]
struct Seen<'a> {
    usable: bool,
    draining: bool,
    provider: Option<&'a str>,
    zone: Option<&'a str>,
}

impl<'a> Seen<'a> {
    fn of(instance: &'a ContainerInstance) -> Option<Self> {
        let draining = instance.status == "DRAINING";
        (draining || instance.status == "ACTIVE").then(|| Self {
            usable: !draining && instance.agent_connected,
            draining,
            provider: instance.capacity_provider.as_deref(),
            zone: attribute(instance, ZONE_ATTRIBUTE),
        })
    }

    fn offer(&self, cluster: &ClusterKey) -> Offer {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Offer { cluster: cluster.clone(), provider: owned(self.provider), zone: owned(self.zone) }
    }
}

impl InstanceOffers {
    /// The zones in which the cluster has an ACTIVE instance with an agent, of the capacity providers that `counts` names.
    pub fn zones(&self, cluster: &ClusterKey, counts: impl Fn(Option<&str>) -> bool) -> BTreeSet<String> {
        let first = Offer { cluster: cluster.clone(), provider: None, zone: None };
        let all = self.usable.range(first..).map(|(offer, _)| offer).take_while(|offer| offer.cluster == *cluster);
        all.filter(|offer| counts(offer.provider.as_deref())).filter_map(|offer| offer.zone.clone()).collect()
    }

    /// The cluster's instances that are DRAINING, by id.
    pub fn draining<'s>(&'s self, cluster: &'s ClusterKey) -> impl Iterator<Item = &'s ContainerInstanceKey> + 's {
        let first = ContainerInstanceKey { scope: cluster.scope.clone(), cluster: cluster.name.clone(), id: "".into() };
        self.draining.range(first..).take_while(|key| key.cluster == cluster.name && key.scope == cluster.scope)
    }

    /// How many instances of the cluster are ACTIVE or DRAINING.
    #[must_use]
    pub fn registered(&self, cluster: &ClusterKey) -> usize {
        self.registered.get(cluster).copied().unwrap_or(0)
    }

    /// Follows a change of an instance's record; `None` is an instance that is not there.
    pub(super) fn follow(&mut self, old: Option<&ContainerInstance>, new: Option<&ContainerInstance>) {
        let (before, after) = (old.and_then(Seen::of), new.and_then(Seen::of));
        if before == after {
            return;
        }
        // Both are of one cluster: it is in the key of the record.
        let Some(key) = old.or(new).map(|instance| &instance.key) else { return };
        let cluster = key.cluster();
        if let Some(seen) = &before {
            add(&mut self.registered, cluster.clone(), false);
            if seen.usable {
                add(&mut self.usable, seen.offer(&cluster), false);
            }
            if seen.draining {
                self.draining.remove(key);
            }
        }
        if let Some(seen) = &after {
            if seen.usable {
                add(&mut self.usable, seen.offer(&cluster), true);
            }
            if seen.draining {
                self.draining.insert(key.clone());
            }
            add(&mut self.registered, cluster, true);
        }
    }
}

/// One more, or one less; what nobody counts any more is not kept.
fn add<K: Ord + Clone>(counts: &mut imbl::OrdMap<K, usize>, key: K, more: bool) {
    let count = counts.get(&key).copied().unwrap_or(0);
    let count = if more { count + 1 } else { count.saturating_sub(1) };
    if count == 0 {
        counts.remove(&key);
    } else {
        counts.insert(key, count);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::services::ec2::instance_types;
    use crate::services::ecs::resources::container_instance::Origin;
    use crate::services::ecs::resources::container_instance::launch::{NewInstance, draft};
    use crate::testing::context;

    const STATUSES: [&str; 4] = ["ACTIVE", "DRAINING", "INACTIVE", "REGISTERING"];
    const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
    const CLUSTERS: [&str; 2] = ["one", "two"];

    proptest! {
        #[test]
        fn the_index_says_what_a_look_at_all_instances_says(
            steps in prop::collection::vec(
                (0_usize..6, 0_usize..2, prop::option::of((0_usize..4, any::<bool>(), 0_usize..3, 0_usize..3))),
                0..40,
            ),
        ) {
            let context = context();
            let mut index = InstanceOffers::default();
            let mut instances = BTreeMap::<(usize, usize), ContainerInstance>::new();
            let cluster = |at: usize| ClusterKey::new(&context.scope, CLUSTERS[at]);
            for (number, at, change) in steps {
                let new = change.map(|(status, connected, zone, provider)| {
                    let kind = instance_types::find("m5.large").expect("a type");
                    let new = NewInstance::new(cluster(at), kind, ZONES[zone], Origin::Added);
                    let mut instance = draft(&context.snapshot(), &context.shared, new);
                    instance.key.id = number.to_string().into();
                    STATUSES[status].clone_into(&mut instance.status);
                    instance.agent_connected = connected;
                    instance.capacity_provider = [None, Some("a"), Some("b")][provider].map(str::to_owned);
                    instance
                });
                index.follow(instances.get(&(at, number)), new.as_ref());
                match new {
                    Some(instance) => drop(instances.insert((at, number), instance)),
                    None => drop(instances.remove(&(at, number))),
                }
                for at in 0..CLUSTERS.len() {
                    let own: Vec<_> =
                        instances.iter().filter(|((of, _), _)| *of == at).map(|(_, instance)| instance).collect();
                    let cluster = cluster(at);
                    let draining = own.iter().filter(|it| it.status == "DRAINING").map(|it| &it.key);
                    prop_assert!(index.draining(&cluster).eq(draining));
                    let registered = own.iter().filter(|it| matches!(&*it.status, "ACTIVE" | "DRAINING")).count();
                    prop_assert_eq!(index.registered(&cluster), registered);
                    for of in [None, Some("a"), Some("b")] {
                        let usable = own.iter().filter(|it| it.status == "ACTIVE" && it.agent_connected);
                        let usable = usable.filter(|it| of.is_none() || it.capacity_provider.as_deref() == of);
                        let zones: BTreeSet<String> =
                            usable.filter_map(|it| attribute(it, ZONE_ATTRIBUTE)).map(str::to_owned).collect();
                        prop_assert_eq!(index.zones(&cluster, |name| of.is_none() || name == of), zones);
                    }
                }
                if instances.is_empty() {
                    prop_assert!(index.usable.is_empty() && index.registered.is_empty());
                }
            }
        }
    }
}
