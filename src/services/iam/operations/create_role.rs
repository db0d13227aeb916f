//! CreateRole: a role, and who may assume it.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>

use api_models::iam::{
    CommonError, CreateRoleError, CreateRoleRequest, CreateRoleResponse, EntityAlreadyExistsException,
};

use crate::services::Context;
use crate::services::iam::policy::Kind;
use crate::services::iam::resources::{Role, document, find_policy, find_role, name as check_name, now, path, tags};
use crate::services::sts::resources::keys;
use std::collections::{BTreeMap, BTreeSet};

/// How long a session of the role lasts at most when nothing is asked.
const HOUR_SECONDS: i32 = 3600;

pub(crate) async fn handle(context: Context, input: CreateRoleRequest) -> Result<CreateRoleResponse, CreateRoleError> {
    let name = input.role_name.unwrap_or_default();
    check_name("roleName", &name)?;
    let account = context.scope.account;
    let mut role = Role {
        account,
        partition: context.scope.region.partition().to_owned(),
        path: path(input.path)?,
        name,
        id: keys::unique_id(context.ids(), "AROA"),
        description: input.description.filter(|text| !text.is_empty()),
        max_session_duration: input.max_session_duration.unwrap_or(HOUR_SECONDS),
        trust_policy: document(input.assume_role_policy_document, Kind::Trust)?,
        created_at: now(&context),
        permissions_boundary: None,
        tags: tags::given(input.tags)?,
        inline: BTreeMap::new(),
        attached: BTreeSet::new(),
        linked_to: None,
    };
    let shown = context
        .store()
        .transact(|tx| -> Result<_, CommonError> {
            if find_role(tx, account, &role.name).is_ok() {
                let message = format!("Role with name {} already exists.", role.name);
                return Err(EntityAlreadyExistsException::new(message).into());
            }
            if let Some(boundary) = input.permissions_boundary {
                find_policy(tx, account, &boundary)?;
                role.permissions_boundary = Some(boundary);
            }
            let shown = role.shown(true);
            tx.put(role);
            Ok(shown)
        })
        .await?;
    Ok(CreateRoleResponse { role: Some(shown.into()) })
}
