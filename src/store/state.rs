//! The list of all tables. A new record type is one line here.

use std::sync::Arc;

use super::journal::{JournalError, Row};
use super::record::{Record, Stored, Table};
use crate::services::autoscaling::resources as autoscaling;
use crate::services::ec2::resources as ec2;
use crate::services::ecs::resources as ecs;
use crate::services::iam::resources as iam;
use crate::services::secretsmanager::resources as secretsmanager;
use crate::services::ssm::resources as ssm;
use crate::services::sts::resources as sts;

macro_rules! tables {
    ($($field:ident / $variant:ident: $record:ty,)*) => {
        /// Everything LocalECS knows, as persistent maps: a clone is cheap and never changes.
        #[derive(Clone, Debug, Default)]
        pub struct State {
            $(pub $field: Table<$record>,)*
            /// Derived from the tasks: whose they are.
            pub service_tasks: ecs::ServiceTasks,
            /// The same of daemons.
            pub daemon_tasks: ecs::DaemonTasks,
            /// Derived from the tasks: what they mean for their container instances.
            pub instance_loads: ecs::container_instance::InstanceLoads,
            /// Derived from the tasks: those that wait for their capacity provider.
            pub waiting_tasks: ecs::WaitingTasks,
            /// Derived from the tasks: how many each cluster has.
            pub cluster_tallies: ecs::cluster::ClusterTallies,
            /// Derived from the container instances: where each cluster can have tasks.
            pub instance_offers: ecs::container_instance::InstanceOffers,
            /// Derived from the services: those that changes of container instances concern.
            pub services_that_watch: imbl::OrdSet<ecs::ServiceKey>,
            /// Derived from the container instances: the addresses they have.
            pub instance_addresses: ecs::container_instance::addresses::Taken,
        }

        /// The key of a record that was written or deleted.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Change {
            $($variant(<$record as Record>::Key),)*
        }

        $(impl Stored for $record {
            fn table(state: &State) -> &Table<Self> {
                &state.$field
            }
            fn table_mut(state: &mut State) -> &mut Table<Self> {
                &mut state.$field
            }
            fn change(key: Self::Key) -> Change {
                Change::$variant(key)
            }
        })*

        impl State {
            /// A [`Change`] for each record there is.
            pub(super) fn all_keys(&self) -> Vec<Change> {
                let mut keys = Vec::new();
                $(keys.extend(self.$field.keys().cloned().map(Change::$variant));)*
                keys
            }

            /// The journal's row for the record that `change` names; without a value when it is deleted.
            pub(super) fn row(&self, change: &Change) -> Result<Row, JournalError> {
                match change {
                    $(Change::$variant(key) => Row::new(stringify!($field), key, self.$field.get(key)),)*
                }
            }

            /// Adds a record as the journal kept it.
            pub(super) fn load(&mut self, table: &str, value: &[u8]) -> Result<(), JournalError> {
                match table {
                    $(stringify!($field) => {
                        let record: $record = super::journal::decode(table, value)?;
                        self.write(Arc::new(record));
                    })*
                    _ => return Err(JournalError::UnknownTable(table.to_owned())),
                }
                Ok(())
            }

            /// All records were added.
            pub(super) fn loaded(&mut self) {
                $(<$record as Record>::loaded(self);)*
            }

            /// Writes a record, and brings up to date what is derived from it.
            pub(super) fn write<R: Stored>(&mut self, record: Arc<R>) {
                let old = R::table_mut(self).insert(record.key(), record.clone());
                R::follow(self, old.as_deref(), Some(&record));
            }

            /// How many records each table holds, by its name.
            #[must_use]
            pub fn counts(&self) -> Vec<(&'static str, usize)> {
                vec![$((stringify!($field), self.$field.len()),)*]
            }
        }
    };
}

tables! {
    clusters / Cluster: ecs::Cluster,
    capacity_providers / CapacityProvider: ecs::CapacityProvider,
    account_settings / AccountSetting: ecs::AccountSetting,
    task_definition_families / TaskDefinitionFamily: ecs::TaskDefinitionFamily,
    task_definitions / TaskDefinition: ecs::TaskDefinition,
    daemon_task_definitions / DaemonTaskDefinition: ecs::DaemonTaskDefinition,
    daemons / Daemon: ecs::Daemon,
    daemon_revisions / DaemonRevision: ecs::DaemonRevision,
    daemon_deployments / DaemonDeployment: ecs::DaemonDeployment,
    tasks / Task: ecs::Task,
    container_instances / ContainerInstance: ecs::ContainerInstance,
    services / Service: ecs::Service,
    service_revisions / ServiceRevision: ecs::ServiceRevision,
    service_deployments / ServiceDeployment: ecs::ServiceDeployment,
    service_events / ServiceEvent: ecs::ServiceEvent,
    task_sets / TaskSet: ecs::TaskSet,
    idempotency_tokens / IdempotencyToken: ecs::IdempotencyToken,
    secrets / Secret: secretsmanager::Secret,
    parameters / Parameter: ssm::Parameter,
    sessions / Session: sts::Session,
    roles / Role: iam::Role,
    policies / Policy: iam::StoredPolicy,
    instance_profiles / InstanceProfile: iam::InstanceProfile,
    ec2_instances / Ec2Instance: ec2::Instance,
    launch_templates / LaunchTemplate: ec2::LaunchTemplate,
    launch_configurations / LaunchConfiguration: autoscaling::LaunchConfiguration,
    auto_scaling_groups / AutoScalingGroup: autoscaling::Group,
    scaling_activities / ScalingActivity: autoscaling::Activity,
}
