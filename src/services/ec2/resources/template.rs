//! Launch templates: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use api_models::Unexpected;
use api_models::ec2::{self as api, ClientError, RequestLaunchTemplateData, ResponseLaunchTemplateData};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::errors::{combination, error, missing, unsupported};
use super::launch::LaunchSpec;
use super::{TemplateUse, tags};
use crate::identity::Scope;
use crate::store::{Record, State};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TemplateKey {
    pub scope: Scope,
    /// `lt-0` and 16 hexadecimal digits.
    pub id: Arc<str>,
}

/// One version; it never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemplateVersion {
    pub description: Option<String>,
    /// As it came.
    pub data: RequestLaunchTemplateData,
    pub created_at: Timestamp,
    pub created_by: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LaunchTemplate {
    pub key: TemplateKey,
    pub name: String,
    pub created_at: Timestamp,
    pub created_by: String,
    pub default: i64,
    /// The newest version's number.
    pub latest: i64,
    /// The highest number that a deleted version had; numbers are not used twice.
    #[serde(default)]
    pub reserved: i64,
    pub versions: BTreeMap<i64, TemplateVersion>,
    pub tags: BTreeMap<String, String>,
}

impl Record for LaunchTemplate {
    type Key = TemplateKey;

    fn key(&self) -> TemplateKey {
        self.key.clone()
    }
}

impl LaunchTemplate {
    #[must_use]
    pub fn id(&self) -> &str {
        &self.key.id
    }

    /// As the API shows it.
    #[must_use]
    pub fn shown(&self) -> api::LaunchTemplate {
        api::LaunchTemplate {
            launch_template_id: Some(self.id().to_owned()),
            launch_template_name: Some(self.name.clone()),
            create_time: Some(self.created_at),
            created_by: Some(self.created_by.clone()),
            default_version_number: Some(self.default),
            latest_version_number: Some(self.latest),
            tags: Some(tags::shown(&self.tags)),
            operator: None,
        }
    }

    /// One version, as the API shows it.
    ///
    /// # Errors
    /// Its data has no form that the API shows: never.
    pub fn shown_version(&self, number: i64) -> Result<Option<api::LaunchTemplateVersion>, Unexpected> {
        let Some(version) = self.versions.get(&number) else { return Ok(None) };
        Ok(Some(api::LaunchTemplateVersion {
            launch_template_id: Some(self.id().to_owned()),
            launch_template_name: Some(self.name.clone()),
            version_number: Some(number),
            version_description: version.description.clone(),
            create_time: Some(version.created_at),
            created_by: Some(version.created_by.clone()),
            default_version: Some(number == self.default),
            launch_template_data: Some(Box::new(shown_data(&version.data)?)),
            operator: None,
        }))
    }

    /// The number that a selector means: `$Latest`, `$Default` (also when there is none) or a number.
    ///
    /// # Errors
    /// No such version.
    pub fn select(&self, selector: Option<&str>) -> Result<i64, ClientError> {
        match selector.filter(|selector| !selector.is_empty()) {
            None | Some("$Default") => Ok(self.default),
            Some("$Latest") => Ok(self.latest),
            Some(number) => {
                let known = number.parse().ok().filter(|number| self.versions.contains_key(number));
                known.ok_or_else(|| {
                    let message = format!(
                        "Could not find the specified version {number} for the launch template with ID {}.",
                        self.id()
                    );
                    error("InvalidLaunchTemplateId.VersionNotFound", message)
                })
            }
        }
    }

    /// What the selected version asks to be launched.
    ///
    /// # Errors
    /// No such version.
    pub fn spec(&self, selector: Option<&str>) -> Result<LaunchSpec, ClientError> {
        let version = self.select(selector)?;
        let template = TemplateUse { id: self.id().to_owned(), name: self.name.clone(), version };
        let data = self.versions.get(&version).map(|version| &version.data);
        Ok(data.map(|data| LaunchSpec::of_template(data, template)).unwrap_or_default())
    }
}

/// Whether a template may be called so.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (3..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"().-/_".contains(&byte))
}

/// Checks the data of a new version, as far as EC2 does before anything is launched from it.
///
/// # Errors
/// Something that can't be launched here.
pub fn check(data: &RequestLaunchTemplateData) -> Result<(), ClientError> {
    if data.instance_requirements.is_some() {
        return Err(unsupported("instance types chosen by their attributes (InstanceRequirements)"));
    }
    if data.network_interfaces.is_some() && (data.security_group_ids.is_some() || data.security_groups.is_some()) {
        return Err(combination("You cannot specify security groups both in the template and in a network interface."));
    }
    let is_base64 = |text: &String| STANDARD.decode(text.trim()).is_ok();
    if data.user_data.as_ref().is_some_and(|text| !text.is_empty() && !is_base64(text)) {
        return Err(error("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data"));
    }
    data.tag_specifications.iter().flatten().try_for_each(|it| tags::check(it.tags.as_deref().unwrap_or_default()))
}

/// The data as answers have it: they name everything as requests do, but the types are others.
fn shown_data(data: &RequestLaunchTemplateData) -> Result<ResponseLaunchTemplateData, Unexpected> {
    let json = serde_json::to_vec(data).map_err(Unexpected::new)?;
    serde_json::from_slice(&json).map_err(Unexpected::new)
}

/// `base` with the members that `over` has in place of its own.
///
/// # Errors
/// The data has no JSON form: never.
pub fn merged(
    base: &RequestLaunchTemplateData,
    over: &RequestLaunchTemplateData,
) -> Result<RequestLaunchTemplateData, Unexpected> {
    type Members = BTreeMap<String, Box<RawValue>>;
    let members = |data: &RequestLaunchTemplateData| -> serde_json::Result<Members> {
        serde_json::from_str(&serde_json::to_string(data)?)
    };
    let both = || -> serde_json::Result<RequestLaunchTemplateData> {
        let mut all = members(base)?;
        all.extend(members(over)?);
        serde_json::from_str(&serde_json::to_string(&all)?)
    };
    both().map_err(Unexpected::new)
}

/// Finds a template by id or name, exactly one of which a request has.
///
/// # Errors
/// None or both are given, or there is no such template.
pub fn find<'s>(
    state: &'s State,
    scope: &Scope,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<&'s Arc<LaunchTemplate>, ClientError> {
    let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    match (given(id), given(name)) {
        (Some(_), Some(_)) => Err(combination("You must specify either a launch template ID or name, but not both.")),
        (None, None) => Err(missing("LaunchTemplateId")),
        (Some(id), None) => {
            if !id.starts_with("lt-") {
                return Err(error("InvalidLaunchTemplateId.Malformed", format!("Invalid id: \"{id}\"")));
            }
            let key = TemplateKey { scope: scope.clone(), id: id.as_str().into() };
            state.launch_templates.get(&key).ok_or_else(|| {
                let message = format!("The specified launch template, with template ID {id}, does not exist.");
                error("InvalidLaunchTemplateId.NotFound", message)
            })
        }
        (None, Some(name)) => templates_of(state, scope).find(|template| template.name == name).ok_or_else(|| {
            let message = format!("The specified launch template, with template name {name}, does not exist.");
            error("InvalidLaunchTemplateName.NotFoundException", message)
        }),
    }
}

/// All templates of a scope, in the order of their ids.
pub fn templates_of<'s>(state: &'s State, scope: &Scope) -> impl Iterator<Item = &'s Arc<LaunchTemplate>> + 's {
    let first = TemplateKey { scope: scope.clone(), id: "".into() };
    let scope = scope.clone();
    state.launch_templates.range(first..).map(|(_, template)| template).take_while(move |it| it.key.scope == scope)
}
