//! UpdateTaskProtection: protects tasks of services from scale-in for a while, or no longer.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateTaskProtection.html>

use api_models::ecs::{UpdateTaskProtectionError, UpdateTaskProtectionRequest, UpdateTaskProtectionResponse};

use crate::services::Context;
use crate::services::ecs::resources::protection;

/// Protects for 2 hours unless the request says otherwise; a task that is protected gets the new expiry.
pub(crate) async fn handle(
    context: Context,
    input: UpdateTaskProtectionRequest,
) -> Result<UpdateTaskProtectionResponse, UpdateTaskProtectionError> {
    protection::update(&context, input).await
}
