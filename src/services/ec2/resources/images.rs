//! The images there are: those that AWS makes for ECS. Their contents do not matter, as no machine boots from them.
//!
//! AWS tells their ids as public parameters, which [`services/ssm`](crate::services::ssm) answers.
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::identity::Region;
use crate::services::ecs::resources::container_instance::launch::optimized_image;

/// An image made for ECS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsImage {
    pub id: String,
    /// `x86_64` or `arm64`.
    pub architecture: &'static str,
    pub name: String,
    /// As in the parameter's name: `amazon-linux-2023`, or `amazon-linux-2023/arm64`.
    path: &'static str,
    system: &'static str,
}

/// The version of all images.
const VERSION: &str = "20260101";

impl EcsImage {
    /// The public parameter that has its id.
    #[must_use]
    pub fn parameter(&self) -> String {
        format!("{PARAMETERS}{}/recommended/image_id", self.path)
    }

    /// The value of its parameter `name`, if that is one: the whole as JSON, or one part of it.
    #[must_use]
    pub fn parameter_value(&self, name: &str) -> Option<String> {
        let rest = name.strip_prefix(PARAMETERS)?.strip_prefix(self.path)?.strip_prefix("/recommended")?;
        let Self { id, name, system, .. } = self;
        let (agent, docker) = ("1.44.4", "Docker version 25.0.8");
        Some(match rest {
            "" => format!(
                r#"{{"ecs_agent_version":"{agent}","ecs_runtime_version":"{docker}","image_id":"{id}","image_name":"{name}","image_version":"{VERSION}","os":"{system}","schema_version":1}}"#
            ),
            "/image_id" => id.clone(),
            "/image_name" => name.clone(),
            "/image_version" => VERSION.to_owned(),
            "/ecs_agent_version" => agent.to_owned(),
            "/ecs_runtime_version" => docker.to_owned(),
            "/os" => (*system).to_owned(),
            "/schema_version" => "1".to_owned(),
            _ => return None,
        })
    }
}

const PARAMETERS: &str = "/aws/service/ecs/optimized-ami/";
/// What follows the name of an image's system in the names of its parameters.
const PARTS: [&str; 8] = [
    "",
    "/ecs_agent_version",
    "/ecs_runtime_version",
    "/image_id",
    "/image_name",
    "/image_version",
    "/os",
    "/schema_version",
];

/// The images of a region.
#[must_use]
pub fn ecs_images(region: &Region) -> Vec<EcsImage> {
    [
        ("amazon-linux-2023", "Amazon Linux 2023", "x86_64"),
        ("amazon-linux-2023/arm64", "Amazon Linux 2023", "arm64"),
        ("amazon-linux-2", "Amazon Linux 2", "x86_64"),
        ("amazon-linux-2/arm64", "Amazon Linux 2", "arm64"),
    ]
    .into_iter()
    .map(|(path, system, architecture)| {
        let newer = path.starts_with("amazon-linux-2023");
        let (id, name) = match newer {
            true => (
                optimized_image(region, architecture),
                format!("al2023-ami-ecs-hvm-2023.0.{VERSION}-kernel-6.1-{architecture}"),
            ),
            false => (optimized_image(region, path), format!("amzn2-ami-ecs-hvm-2.0.{VERSION}-{architecture}-ebs")),
        };
        EcsImage { id, architecture, name, path, system }
    })
    .collect()
}

/// The architecture of an image that is known.
#[must_use]
pub fn architecture(region: &Region, id: &str) -> Option<&'static str> {
    ecs_images(region).into_iter().find(|image| image.id == id).map(|image| image.architecture)
}

/// The value of a public parameter of AWS's that tells about an image.
#[must_use]
pub fn public_parameter(region: &Region, name: &str) -> Option<Arc<str>> {
    if !name.starts_with(PARAMETERS) {
        return None;
    }
    // The longer paths first: `amazon-linux-2` is the beginning of another one.
    let found = ecs_images(region).into_iter().find_map(|image| image.parameter_value(name));
    found.map(Into::into)
}

/// The public parameters of AWS's that tell about images, names and values, by name.
#[must_use]
pub fn public_parameters(region: &Region) -> BTreeMap<String, String> {
    let of_image = |image: EcsImage| {
        PARTS.into_iter().filter_map(move |part| {
            let name = format!("{PARAMETERS}{}/recommended{part}", image.path);
            Some((name.clone(), image.parameter_value(&name)?))
        })
    };
    ecs_images(region).into_iter().flat_map(of_image).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_by_parameters() {
        let region = Region::new("eu-west-1");
        let value = |name: &str| public_parameter(&region, &format!("{PARAMETERS}{name}")).map(|it| it.to_string());
        let id = value("amazon-linux-2023/recommended/image_id").expect("an id");
        assert_eq!(architecture(&region, &id), Some("x86_64"));
        let whole = value("amazon-linux-2023/recommended").expect("JSON");
        assert!(whole.contains(&format!(r#""image_id":"{id}""#)), "{whole}");
        assert_eq!(value("amazon-linux-2/recommended/os").as_deref(), Some("Amazon Linux 2"));
        let arm = value("amazon-linux-2/arm64/recommended/image_id").expect("an id");
        assert_eq!(architecture(&region, &arm), Some("arm64"));
        for none in ["amazon-linux-2/recommended/x", "amazon-linux-9/recommended", "amazon-linux-2"] {
            assert_eq!(value(none), None, "{none}");
        }
        let all = public_parameters(&region);
        assert_eq!(all.len(), 4 * PARTS.len());
        for (name, value) in &all {
            assert_eq!(public_parameter(&region, name).as_deref(), Some(value.as_str()), "{name}");
        }
        let ids: std::collections::BTreeSet<_> = ecs_images(&region).into_iter().map(|image| image.id).collect();
        assert_eq!(ids.len(), 4);
    }
}
