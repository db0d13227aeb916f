//! Pure: what `valueFrom` refers to, and what lies there.
//!
//! - `arn:aws:secretsmanager:<region>:<account>:secret:<name>[-<six characters>][:<json key>:<stage>:<version>]`
//! - `arn:aws:ssm:<region>:<account>:parameter/<name>`, or the name of a parameter in the task's region
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html>

use api_models::secretsmanager::CommonError;

use super::json_key;
use crate::identity::{AccountId, Arn, Region, Scope};
use crate::services::secretsmanager::resources as secretsmanager;
use crate::services::ssm::resources as ssm;
use crate::store::State;

/// Where a value lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    Secret {
        /// Whose state it lies in.
        scope: Scope,
        /// The secret's ARN, whole or without its end.
        id: String,
        json_key: Option<String>,
        stage: Option<String>,
        version: Option<String>,
    },
    Parameter {
        scope: Scope,
        name: String,
    },
}

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Secrets Manager has none.
    Secret { region: String, id: String, error: String, not_found: bool },
    /// The secret is there, but not what is wanted of it.
    Content { region: String, message: String },
    /// What refers to it can't be read.
    Malformed { value_from: String },
    /// Parameter Store has none of that name.
    Parameter { region: String, name: String },
    /// The credentials of a registry.
    Registry { message: String },
}

impl Reference {
    /// # Errors
    /// [`Fault::Malformed`]
    pub(super) fn parse(value_from: &str, own: &Scope) -> Result<Self, Fault> {
        let Ok(arn) = Arn::parse(value_from) else {
            return Ok(Self::Parameter { scope: own.clone(), name: value_from.to_owned() });
        };
        let scope = scope_of(&arn, own);
        let malformed = || Fault::Malformed { value_from: value_from.to_owned() };
        match arn.service {
            "ssm" => {
                let name = arn.resource.strip_prefix("parameter").filter(|rest| rest.starts_with('/'));
                // A name is not a path for being in an ARN.
                let name = name.ok_or_else(malformed)?;
                let bare = name.strip_prefix('/').filter(|bare| !bare.contains('/')).unwrap_or(name);
                Ok(Self::Parameter { scope, name: bare.to_owned() })
            }
            "secretsmanager" => {
                let given = |part: &str| (!part.is_empty()).then(|| part.to_owned());
                let (id, [json_key, stage, version]) = match *arn.resource.split(':').collect::<Vec<_>>() {
                    [kind, id] => (format!("{kind}:{id}"), [None, None, None]),
                    [kind, id, key, stage, version] => {
                        (format!("{kind}:{id}"), [given(key), given(stage), given(version)])
                    }
                    _ => return Err(malformed()),
                };
                let id = scope.arn("secretsmanager", &[&id]);
                Ok(Self::Secret { scope, id, json_key, stage, version })
            }
            _ => Err(malformed()),
        }
    }

    /// The value.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn read(&self, state: &State) -> Result<String, Fault> {
        match self {
            Self::Parameter { scope, name } if ssm::referenced(name).is_some() => {
                let secret = ssm::referenced(name).unwrap_or_default();
                let value = ssm::secret_as_parameter(state, scope, secret).and_then(|parameter| parameter.value);
                value.ok_or_else(|| Fault::Parameter { region: scope.region.to_string(), name: name.clone() })
            }
            Self::Parameter { scope, name } => match ssm::select(state, scope, name) {
                Ok(selected) => Ok(selected.version.value.expose().clone()),
                // Where the name in an ARN stood for a path.
                Err(_) => match ssm::select(state, scope, &format!("/{name}")) {
                    Ok(selected) if !name.starts_with('/') => Ok(selected.version.value.expose().clone()),
                    _ => Err(Fault::Parameter { region: scope.region.to_string(), name: name.clone() }),
                },
            },
            Self::Secret { scope, id, json_key, stage, version } => {
                let content = |message: String| Fault::Content { region: scope.region.to_string(), message };
                let text = text(state, scope, id, version.as_deref(), stage.as_deref()).map_err(|error| {
                    let not_found = matches!(error, CommonError::ResourceNotFoundException(_));
                    let (region, id) = (scope.region.to_string(), id.clone());
                    Fault::Secret { region, id, error: told(&error), not_found }
                })?;
                // The ECS agent leaves the variable empty.
                let text = text.ok_or_else(|| content(format!("secret {id} has no SecretString")))?; // (ours)
                match json_key {
                    None => Ok(text),
                    Some(key) => json_key::value(&text, key).map_err(content),
                }
            }
        }
    }
}

/// The text of the current version of a secret that is named by ARN or name; `None` when it is binary.
///
/// # Errors
/// In the words of the SDK.
pub(super) fn secret_text(state: &State, own: &Scope, id: &str) -> Result<Option<String>, String> {
    let (scope, id) = match Arn::parse(id) {
        Ok(arn) => {
            let scope = scope_of(&arn, own);
            let id = scope.arn("secretsmanager", &[arn.resource]);
            (scope, id)
        }
        Err(_) => (own.clone(), id.to_owned()),
    };
    text(state, &scope, &id, None, None).map_err(|error| told(&error))
}

fn text(
    state: &State,
    scope: &Scope,
    id: &str,
    version: Option<&str>,
    stage: Option<&str>,
) -> Result<Option<String>, CommonError> {
    let secret = secretsmanager::usable(state, scope, Some(id))?;
    let version = secretsmanager::pick(secret, version, stage)?;
    Ok(version.value.text().map(str::to_owned))
}

/// As SDKs for Go show an exception: its name, a colon, its message.
fn told(error: &CommonError) -> String {
    let name = match error {
        CommonError::ResourceNotFoundException(_) => "ResourceNotFoundException",
        CommonError::InvalidRequestException(_) => "InvalidRequestException",
        CommonError::InvalidParameterException(_) => "InvalidParameterException",
        CommonError::InternalServiceError(_) | CommonError::Unexpected(_) => "InternalServiceError",
    };
    format!("{name}: {error}")
}

/// The state an ARN points into. The account LocalECS answers for when nobody names one is nobody's: ARNs of a real
/// account in its definitions mean what that account has.
fn scope_of(arn: &Arn<'_>, own: &Scope) -> Scope {
    let region = if arn.region.is_empty() { own.region.clone() } else { Region::new(arn.region) };
    let account = match own.account {
        AccountId::DEFAULT => own.account,
        account => arn.account.parse().unwrap_or(account),
    };
    Scope::new(account, region)
}

impl Fault {
    /// The parameter that Parameter Store does not have.
    pub(super) fn parameter(&self) -> Option<&str> {
        match self {
            Self::Parameter { name, .. } => Some(name),
            _ => None,
        }
    }

    pub(super) fn region(&self) -> Option<&str> {
        match self {
            Self::Parameter { region, .. } => Some(region),
            _ => None,
        }
    }

    /// Behind "execution resource retrieval failed: ".
    pub(super) fn on_fargate(&self) -> String {
        const ASM: &str = "unable to retrieve secret from asm: service call has been retried 1 time(s)";
        match self {
            Self::Secret { id, error, .. } => {
                format!("{ASM}: failed to fetch secret {id} from secrets manager: {error}")
            }
            Self::Content { message, .. } => format!("{ASM}: {message}"),
            Self::Malformed { value_from } => format!("{ASM}: {}", malformed(value_from)),
            Self::Registry { message } => {
                format!("unable to get registry auth from asm: service call has been retried 1 time(s): {message}")
            }
            Self::Parameter { name, .. } => format!("invalid ssm parameters: {name}"),
        }
    }

    /// In the words of the agent on a container instance; parameters are told together.
    pub(super) fn on_an_instance(&self) -> Option<String> {
        const ASM: &str = "fetching secret data from AWS Secrets Manager in region";
        Some(match self {
            Self::Secret { region, id, error, not_found: true } => format!(
                "{ASM} {region}: ResourceInitializationError: The task can't retrieve the secret with ARN '{id}' from \
                 AWS Secrets Manager. Check that the secret ARN is correct: {error}"
            ),
            // The agent has the error twice; here the secret is named in its place.
            Self::Secret { region, id, error, .. } => format!("{ASM} {region}: secret {id}: {error}"),
            Self::Content { region, message } => format!("{ASM} {region}: {message}"),
            Self::Malformed { value_from } => malformed(value_from),
            Self::Registry { message } => message.clone(),
            Self::Parameter { .. } => return None,
        })
    }
}

fn malformed(value_from: &str) -> String {
    format!(
        "trying to retrieve secret with value {value_from} resulted in error: an invalid ARN format for the AWS Secrets \
         Manager secret was specified. Specify a valid ARN and try again."
    )
}
