//! The filters of DescribeParameters and GetParametersByPath.
//!
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html>

use std::collections::BTreeSet;

use api_models::ssm::{
    DescribeParametersError, GetParametersByPathError, InvalidFilterKey, InvalidFilterOption, InvalidFilterValue,
    ParameterStringFilter, ParameterType, ValidationException,
};

use super::{Parameter, ParameterVersion, check_path, is_in_path};

/// Why a filter is refused.
#[derive(Debug)]
pub enum Refused {
    Key(InvalidFilterKey),
    Option(InvalidFilterOption),
    Value(InvalidFilterValue),
    Path(ValidationException),
}

/// The operation that filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidOptions {
    DescribeParameters,
    GetParametersByPath,
}

/// Checked filters; all must hold.
#[derive(Debug)]
pub struct Filters<'a>(Vec<Described<'a>>);

/// One filter; one of its values must match.
#[derive(Debug)]
pub struct Described<'a> {
    key: &'a str,
    option: &'a str,
    values: &'a [String],
}

impl<'a> Filters<'a> {
    /// # Errors
    /// For the first filter that the operation does not take.
    pub fn new(filters: Option<&'a [ParameterStringFilter]>, valid: ValidOptions) -> Result<Self, Refused> {
        let mut seen = BTreeSet::new();
        let mut checked = Vec::new();
        for filter in filters.unwrap_or_default() {
            let filter = check(filter, valid)?;
            if !seen.insert(filter.key) {
                return Err(Refused::Key(InvalidFilterKey::new(format!(
                    "The following filter is duplicated in the request: {}. A request can contain only one occurrence \
                     of a specific filter.",
                    filter.key
                ))));
            }
            checked.push(filter);
        }
        Ok(Self(checked))
    }

    /// The newest version of the parameter if the filters hold for it; with a filter on labels, the version that has
    /// one of them.
    #[must_use]
    pub fn pick<'p>(&self, parameter: &'p Parameter) -> Option<&'p ParameterVersion> {
        let labels = self.0.iter().find(|filter| filter.key == "Label");
        let version = match labels {
            None => parameter.versions.last()?,
            Some(filter) => {
                let labelled = |version: &&ParameterVersion| filter.any(version.labels.iter().map(String::as_str));
                parameter.versions.iter().rev().find(labelled)?
            }
        };
        self.0.iter().all(|filter| filter.holds(parameter, version)).then_some(version)
    }
}

impl Filters<'_> {
    /// Whether they hold for AWS's own parameters: plain strings without a label.
    #[must_use]
    pub fn pick_public(&self) -> bool {
        self.0.iter().all(|filter| filter.key == "Type" && filter.any([ParameterType::String.as_str()]))
    }
}

fn check(filter: &ParameterStringFilter, valid: ValidOptions) -> Result<Described<'_>, Refused> {
    let key = filter.key.as_deref().unwrap_or_default();
    let is_tag = key.strip_prefix("tag:").is_some_and(|name| !name.is_empty());
    let (keys, listed) = match valid {
        ValidOptions::DescribeParameters => {
            (&["Path", "Name", "Type", "KeyId", "Tier", "DataType"][..], "[Path, Name, Type, KeyId, Tier]")
        }
        ValidOptions::GetParametersByPath => (&["Type", "KeyId", "Label"][..], "[Type, KeyId]"),
    };
    let tags = valid == ValidOptions::DescribeParameters;
    if !(keys.contains(&key) || is_tag && tags) {
        return Err(Refused::Key(InvalidFilterKey::new(format!(
            "The following filter key is not valid: {key}. Valid filter keys include: {listed}."
        ))));
    }
    let values = filter.values.as_deref().unwrap_or_default();
    if values.is_empty() && !is_tag {
        return Err(Refused::Value(InvalidFilterValue::new(format!(
            "The following filter values are missing : null for filter key {key}."
        ))));
    }
    let options: &[&str] = match key {
        "Path" => &["Recursive", "OneLevel"],
        "Name" => &["BeginsWith", "Equals", "Contains"],
        "Label" => &["Equals"],
        _ if is_tag => &["Equals"],
        _ => &["BeginsWith", "Equals"],
    };
    let default = if key == "Path" { "OneLevel" } else { "Equals" };
    let option = filter.option.as_deref().unwrap_or(default);
    if !options.contains(&option) {
        return Err(Refused::Option(InvalidFilterOption::new(format!(
            "The following filter option is not valid: {option}. Valid options include: [{}].",
            options.join(", ")
        ))));
    }
    if key == "Path" {
        values.iter().try_for_each(|path| check_path(path)).map_err(Refused::Path)?;
    }
    Ok(Described { key, option, values })
}

impl Described<'_> {
    fn holds(&self, parameter: &Parameter, version: &ParameterVersion) -> bool {
        let name = &*parameter.key.name;
        match self.key {
            "Path" => self.values.iter().any(|path| is_in_path(path, name, self.option == "Recursive")),
            // The name of a parameter at the root can be given with a slash.
            "Name" => self.any([name]) || (!name.contains('/') && self.any([format!("/{name}").as_str()])),
            "Type" => self.any([version.kind.to_api().as_str()]),
            "KeyId" => self.any(version.key_id.as_deref()),
            "Tier" => self.any([version.tier.to_api().as_str()]),
            "DataType" => self.any([version.data_type.as_str()]),
            "Label" => true,
            tag => {
                let value = tag.strip_prefix("tag:").and_then(|key| parameter.tags.get(key));
                value.is_some_and(|value| self.values.is_empty() || self.any([value.as_str()]))
            }
        }
    }

    fn any<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> bool {
        let matches = |text: &str| {
            self.values.iter().any(|value| match self.option {
                "BeginsWith" => text.starts_with(value.as_str()),
                "Contains" => text.contains(value.as_str()),
                _ => text == value,
            })
        };
        texts.into_iter().any(matches)
    }
}

macro_rules! into_error {
    ($($error:ident),+) => {
        $(impl From<Refused> for $error {
            fn from(refused: Refused) -> Self {
                match refused {
                    Refused::Key(error) => error.into(),
                    Refused::Option(error) => error.into(),
                    Refused::Value(error) => error.into(),
                    Refused::Path(error) => error.into(),
                }
            }
        })+
    };
}

into_error!(DescribeParametersError, GetParametersByPathError);
