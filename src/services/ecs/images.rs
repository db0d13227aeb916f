//! Pure: under which names a container's image is looked for and pulled, and how the tasks of a service keep to one
//! version of it.
//!
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html#deployment-container-image-stability>

use std::str::FromStr;
use std::sync::Arc;

use api_models::ecs::{self, ContainerDefinition, ContainerImage, VersionConsistency};

use super::resources::Task;
use super::resources::task_definition::is_ecr_image;

/// When an image is pulled that the engine has: the ECS agent's `ECS_IMAGE_PULL_BEHAVIOR`.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullBehavior {
    /// Each time; if that fails, the one that is there is used. The agent's default.
    Default,
    /// Each time.
    Always,
    /// Once while the server runs.
    Once,
    /// Never: a task starts without asking any registry, as someone who builds images on their own machine expects.
    #[default]
    PreferCached,
}

/// Why a text is no pull behaviour.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of default, always, once, prefer-cached")]
pub struct NotABehavior(String);

impl FromStr for PullBehavior {
    type Err = NotABehavior;

    fn from_str(text: &str) -> Result<Self, NotABehavior> {
        match text {
            "default" => Ok(Self::Default),
            "always" => Ok(Self::Always),
            "once" => Ok(Self::Once),
            "prefer-cached" => Ok(Self::PreferCached),
            _ => Err(NotABehavior(text.to_owned())),
        }
    }
}

/// The names of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Those by which the engine may have it, the best first.
    pub local: Vec<String>,
    /// The one to pull.
    pub pull: String,
    /// What to call it after the pull.
    pub tag: Option<String>,
}

/// Where the image `image` of a task definition is to be had, at the version `digest` if the task is to keep to one.
/// Images of Amazon ECR come from `mirror` (`host:port`) where there is one.
#[must_use]
pub fn names(image: &str, digest: Option<&str>, mirror: Option<&str>) -> Names {
    let exact = match digest {
        Some(digest) => format!("{}@{digest}", repository(image)),
        None => image.to_owned(),
    };
    let mirrored = |reference: &str| {
        let mirror = mirror.filter(|_| is_ecr_image(reference))?;
        Some(format!("{mirror}/{}", reference.split_once('/')?.1))
    };
    match mirrored(&exact) {
        None => Names { local: vec![exact.clone()], pull: exact, tag: None },
        // Only a tag can be given to an image, so what is asked for by digest keeps the mirror's name.
        Some(pull) => {
            let tag = (!exact.contains('@')).then(|| exact.clone());
            Names { local: vec![exact, pull.clone()], pull, tag }
        }
    }
}

/// An image's name without tag and digest.
#[must_use]
pub fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        // A colon before the last slash belongs to the registry's port.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// The images of a new service revision or deployment. Digests are known of those that the definition names by digest;
/// [`resolve`] adds the others.
#[must_use]
pub fn unresolved(definition: &ecs::TaskDefinition) -> Vec<ContainerImage> {
    let containers = definition.container_definitions.iter().flatten();
    containers
        .map(|container| ContainerImage {
            container_name: container.name.clone(),
            image: container.image.clone(),
            image_digest: given_digest(container),
        })
        .collect()
}

fn given_digest(container: &ContainerDefinition) -> Option<String> {
    container.image.as_deref()?.split_once('@').map(|(_, digest)| digest.to_owned())
}

/// What a revision's images become by the digests that `task`, one of its tasks, got its images by: the first one of
/// each container counts. `None` when that is nothing new. Containers with `versionConsistency: disabled` have none, and
/// an image that never was in a registry has none to keep to.
#[must_use]
pub fn resolve(
    images: &[ContainerImage],
    definition: &ecs::TaskDefinition,
    task: &Task,
) -> Option<Vec<ContainerImage>> {
    let mut resolved = images.to_vec();
    for image in resolved.iter_mut().filter(|image| image.image_digest.is_none()) {
        let mut containers = definition.container_definitions.iter().flatten();
        let container = containers.find(|container| container.name == image.container_name);
        if container.is_none_or(|container| container.version_consistency == Some(VersionConsistency::Disabled)) {
            continue;
        }
        let name = image.container_name.as_deref().unwrap_or_default();
        let own = task.containers.iter().find(|container| *container.name == *name);
        image.image_digest = own.and_then(|container| container.image_digest.as_deref().map(str::to_owned));
    }
    (resolved != images).then_some(resolved)
}

/// The digest by which a new task's container is to have its image, if its revision knows one.
#[must_use]
pub fn pinned(images: &[ContainerImage], container: &ContainerDefinition) -> Option<Arc<str>> {
    images.iter().find(|image| image.container_name == container.name)?.image_digest.as_deref().map(Arc::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app";

    #[test]
    fn an_image_is_looked_for_by_its_name() {
        let plain = names("nginx:1", None, Some("mirror:5000"));
        assert_eq!(plain, Names { local: vec!["nginx:1".into()], pull: "nginx:1".into(), tag: None });
        let pinned = names("localhost:5000/a/b:1", Some("sha256:11"), None);
        assert_eq!(pinned.pull, "localhost:5000/a/b@sha256:11");
        assert_eq!(names("a:1@sha256:00", Some("sha256:11"), None).pull, "a@sha256:11");
    }

    #[test]
    fn an_image_of_ecr_comes_from_the_mirror_and_keeps_its_name() {
        let tag = format!("{ECR}:v1");
        let names_of = |image: &str, digest| names(image, digest, Some("mirror:5000"));
        let by_tag = names_of(&tag, None);
        assert_eq!((by_tag.pull.as_str(), by_tag.tag.as_deref()), ("mirror:5000/team/app:v1", Some(tag.as_str())));
        assert_eq!(by_tag.local, [tag.as_str(), "mirror:5000/team/app:v1"]);
        let by_digest = names_of(&tag, Some("sha256:11"));
        assert_eq!((by_digest.pull.as_str(), by_digest.tag), ("mirror:5000/team/app@sha256:11", None));
        assert_eq!(names(&tag, None, None).pull, tag, "without a mirror it is asked for at AWS");
    }

    #[test]
    fn behaviours_have_the_agent_s_names() {
        assert_eq!("once".parse(), Ok(PullBehavior::Once));
        assert_eq!(PullBehavior::default(), "prefer-cached".parse().expect("known"));
        assert!("never".parse::<PullBehavior>().is_err());
    }
}
