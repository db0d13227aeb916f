//! The images there are: those that AWS makes for ECS. Their contents do not matter, as no machine boots from them.

use crate::identity::Region;
use crate::services::ecs::resources::container_instance::launch::optimized_image;

/// An image made for ECS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsImage {
    pub id: String,
    /// `x86_64` or `arm64`.
    pub architecture: &'static str,
    pub name: String,
}

/// The images of a region.
#[must_use]
pub fn ecs_images(region: &Region) -> Vec<EcsImage> {
    ["x86_64", "arm64"]
        .into_iter()
        .map(|architecture| EcsImage {
            id: optimized_image(region, architecture),
            architecture,
            name: format!("al2023-ami-ecs-hvm-2023.0.20260101-kernel-6.1-{architecture}"),
        })
        .collect()
}

/// The architecture of an image that is known.
#[must_use]
pub fn architecture(region: &Region, id: &str) -> Option<&'static str> {
    ecs_images(region).into_iter().find(|image| image.id == id).map(|image| image.architecture)
}
