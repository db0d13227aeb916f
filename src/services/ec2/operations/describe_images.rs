//! DescribeImages: the images made for ECS; there are no others.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html>

use api_models::ec2::{
    DescribeImagesError, DescribeImagesRequest, DescribeImagesResult, Image, ImageState, ImageTypeValues,
};

use crate::identity::Region;
use crate::services::Context;
use crate::services::ec2::resources::errors::{error, is_id, page_size, unless_dry};
use crate::services::ec2::resources::filters::{Field, Filters};
use crate::services::ec2::resources::images::{EcsImage, ecs_images};
use crate::services::ec2::resources::paging;

/// Amazon's account for ECS's images.
const OWNER: &str = "591542846629";
const CREATED: &str = "2026-01-01T00:00:00.000Z";

pub(crate) async fn handle(
    context: Context,
    input: DescribeImagesRequest,
) -> Result<DescribeImagesResult, DescribeImagesError> {
    let filters = Filters::new(input.filters)?;
    let size = page_size(input.max_results, 1, 1000)?;
    unless_dry(input.dry_run)?;
    let all = ecs_images(&context.scope.region);
    let ids = input.image_ids.unwrap_or_default();
    if let Some(bad) = ids.iter().find(|id| !is_id("ami", id)) {
        return Err(error("InvalidAMIID.Malformed", format!("Invalid id: \"{bad}\"")).into());
    }
    if let Some(gone) = ids.iter().find(|id| !all.iter().any(|image| image.id == **id)) {
        return Err(error("InvalidAMIID.NotFound", format!("The image id '[{gone}]' does not exist")).into());
    }
    let owners = input.owners.unwrap_or_default();
    let owned = owners.is_empty() || owners.iter().any(|owner| matches!(owner.as_str(), "amazon" | OWNER));
    let runnable = input.executable_users.unwrap_or_default();
    let public = runnable.is_empty() || runnable.iter().any(|user| user == "all");
    let mut found = Vec::new();
    for image in all {
        let passes = filters.pass(|name| field(&image, name))?;
        if passes && owned && public && (ids.is_empty() || ids.contains(&image.id)) {
            found.push(image);
        }
    }
    found.sort_by(|one, two| one.id.cmp(&two.id));
    let (found, next_token) = paging::cut("DescribeImages", size, input.next_token, found, |image| image.id.clone())?;
    let shown = found.into_iter().map(|image| shown(image, &context.scope.region)).collect();
    Ok(DescribeImagesResult { next_token, images: Some(shown) })
}

fn field(image: &EcsImage, name: &str) -> Field {
    match name {
        "image-id" => Field::one(image.id.clone()),
        "name" => Field::one(image.name.clone()),
        "architecture" => Field::one(image.architecture),
        "state" => Field::one("available"),
        "is-public" => Field::one("true"),
        "image-type" => Field::one("machine"),
        "owner-id" => Field::one(OWNER),
        "owner-alias" => Field::one("amazon"),
        "virtualization-type" => Field::one("hvm"),
        "root-device-type" => Field::one("ebs"),
        "root-device-name" => Field::one("/dev/xvda"),
        "hypervisor" => Field::one("xen"),
        "ena-support" => Field::one("true"),
        "creation-date" => Field::one(CREATED),
        "description" | "platform" | "product-code" | "tag-key" | "tag-value" => Field::Values(Vec::new()),
        name if name.starts_with("tag:") || name.starts_with("block-device-mapping.") => Field::Values(Vec::new()),
        _ => Field::Unknown,
    }
}

fn shown(image: EcsImage, region: &Region) -> Image {
    let parameter = image.parameter();
    Image {
        image_id: Some(image.id),
        image_location: Some(format!("amazon/{}", image.name)),
        name: Some(image.name),
        description: Some(format!("Amazon Linux AMI 2023 {} ECS HVM EBS, for {region}", image.architecture)),
        state: Some(ImageState::Available),
        owner_id: Some(OWNER.to_owned()),
        image_owner_alias: Some("amazon".to_owned()),
        creation_date: Some(CREATED.to_owned()),
        public: Some(true),
        architecture: Some(image.architecture.into()),
        image_type: Some(ImageTypeValues::Machine),
        platform_details: Some("Linux/UNIX".to_owned()),
        usage_operation: Some("RunInstances".to_owned()),
        block_device_mappings: Some(Vec::new()),
        ena_support: Some(true),
        hypervisor: Some("xen".into()),
        root_device_name: Some("/dev/xvda".to_owned()),
        root_device_type: Some("ebs".into()),
        virtualization_type: Some("hvm".into()),
        public_ssm_parameter_name: Some(parameter),
        ..Image::default()
    }
}
