//! From a RegisterTaskDefinition request to all of the revision that does not depend on other revisions.

use std::sync::Arc;

use api_models::ecs::{self, ClientException, RegisterTaskDefinitionRequest, Tag};

use super::{Compatibilities, Packed, defaults, validation};
use crate::identity::Scope;
use crate::services::ecs::resources::tags;

/// A revision that only lacks its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    pub scope: Scope,
    pub family: Arc<str>,
    pub compatibilities: Compatibilities,
    /// What the answer shows.
    pub definition: ecs::TaskDefinition,
    /// The same, as the record keeps it.
    pub packed: Packed,
    pub tags: Vec<Tag>,
}

/// Checks a request and fills in ECS's defaults. Looks at nothing but the request, so it needs no transaction.
///
/// # Errors
/// ClientException in ECS's words for the first rule that is broken.
pub fn prepare(mut input: RegisterTaskDefinitionRequest, scope: &Scope) -> Result<Prepared, ClientException> {
    validation::validate(&input, scope)?;
    let tags = input.tags.take();
    if tags.as_ref().is_some_and(Vec::is_empty) {
        return Err(ClientException::new("Tags can not be empty."));
    }
    let mut tags = tags.unwrap_or_default();
    tags::validate(&tags).map_err(|error| ClientException::new(error.message.unwrap_or_default()))?;
    tags.shrink_to_fit();
    let compatibilities = Compatibilities::of(&input, scope);
    let family = input.family.as_deref().unwrap_or_default().into();
    let definition = defaults::definition(input);
    Ok(Prepared { scope: scope.clone(), family, compatibilities, packed: Packed::new(&definition), definition, tags })
}
