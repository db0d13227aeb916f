//! CreateServiceLinkedRole: the role of an AWS service in the account.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceLinkedRole.html>

use api_models::iam::{
    CommonError, CreateServiceLinkedRoleError, CreateServiceLinkedRoleRequest, CreateServiceLinkedRoleResponse,
    InvalidInputException,
};

use crate::services::Context;
use crate::services::iam::resources::{Role, find_role, managed, name as check_name, now, service_linked};
use crate::services::sts::resources::keys;
use std::collections::BTreeMap;

pub(crate) async fn handle(
    context: Context,
    input: CreateServiceLinkedRoleRequest,
) -> Result<CreateServiceLinkedRoleResponse, CreateServiceLinkedRoleError> {
    let account = context.scope.account;
    let service = input.aws_service_name.unwrap_or_default();
    let Some(linked) = service_linked::of(&service) else {
        let message = format!("Service {service} is not one that LocalECS knows a service-linked role of.");
        return Err(InvalidInputException::new(message).into());
    };
    let name = match input.custom_suffix {
        Some(_) if !linked.takes_suffix => {
            return Err(InvalidInputException::new(format!("Custom suffix is not allowed for {service}")).into());
        }
        Some(suffix) => format!("{}_{suffix}", linked.role),
        None => linked.role.to_owned(),
    };
    check_name("customSuffix", &name)?;
    let partition = context.scope.region.partition();
    let policy = managed::find(linked.policy).map(|policy| policy.arn(partition));
    let role = Role {
        account,
        partition: partition.to_owned(),
        path: format!("/aws-service-role/{service}/"),
        name,
        id: keys::unique_id(context.ids(), "AROA"),
        description: input.description.filter(|text| !text.is_empty()),
        max_session_duration: 3600,
        trust_policy: service_linked::trust_policy(&service),
        created_at: now(&context),
        permissions_boundary: None,
        tags: Vec::new(),
        inline: BTreeMap::new(),
        attached: policy.into_iter().collect(),
        linked_to: Some(service),
    };
    let shown = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            if find_role(tx, account, &role.name).is_ok() {
                let message = format!(
                    "Service role name {} has been taken in this account, please try a different suffix.",
                    role.name
                );
                return Err(InvalidInputException::new(message).into());
            }
            let shown = role.shown(true);
            tx.put(role);
            Ok(shown)
        })
        .await?;
    Ok(CreateServiceLinkedRoleResponse { role: Some(shown.into()) })
}
