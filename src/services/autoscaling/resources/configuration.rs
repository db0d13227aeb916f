//! Launch configurations: <https://docs.aws.amazon.com/autoscaling/ec2/userguide/launch-configurations.html>

use std::sync::Arc;

use api_models::autoscaling as api;
use serde::{Deserialize, Serialize};

use crate::identity::Scope;
use crate::services::ec2::resources::launch::LaunchSpec;
use crate::services::sensitive::Sensitive;
use crate::store::Record;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConfigurationKey {
    pub scope: Scope,
    pub name: Arc<str>,
}

impl ConfigurationKey {
    #[must_use]
    pub fn new(scope: &Scope, name: &str) -> Self {
        Self { scope: scope.clone(), name: name.into() }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaunchConfiguration {
    pub key: ConfigurationKey,
    /// A UUID, part of the ARN.
    pub id: String,
    /// As it came, without its user data.
    pub data: api::LaunchConfiguration,
    /// Base64.
    pub user_data: Option<Sensitive<String>>,
    pub created_at: Timestamp,
}

impl Record for LaunchConfiguration {
    type Key = ConfigurationKey;

    fn key(&self) -> ConfigurationKey {
        self.key.clone()
    }
}

impl LaunchConfiguration {
    /// As the API shows it.
    #[must_use]
    pub fn shown(&self) -> api::LaunchConfiguration {
        let name = &self.key.name;
        let mut shown = self.data.clone();
        shown.launch_configuration_name = Some(name.to_string());
        let parts = ["launchConfiguration:", &self.id, ":launchConfigurationName/", name];
        shown.launch_configuration_arn = Some(self.key.scope.arn("autoscaling", &parts));
        shown.user_data = Some(self.user_data.as_ref().map(|data| data.expose().clone()).unwrap_or_default());
        shown.created_time = Some(self.created_at);
        shown
    }

    /// What it asks to be launched.
    #[must_use]
    pub fn spec(&self) -> LaunchSpec {
        let data = &self.data;
        LaunchSpec {
            image_id: data.image_id.clone(),
            instance_type: data.instance_type.clone(),
            security_groups: data.security_groups.clone().filter(|groups| !groups.is_empty()),
            key_name: data.key_name.clone().filter(|name| !name.is_empty()),
            profile: data.iam_instance_profile.clone().filter(|profile| !profile.is_empty()),
            user_data: self.user_data.clone(),
            monitoring: data.instance_monitoring.as_ref().and_then(|monitoring| monitoring.enabled),
            ebs_optimized: data.ebs_optimized,
            spot: data.spot_price.as_ref().map(|_| true),
            ..LaunchSpec::default()
        }
    }
}
