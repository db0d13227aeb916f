//! GetUser: the user who is asking. There are no users but root.
//! <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html>

use api_models::iam::{
    GetUserError, GetUserRequest, GetUserResponse, NoSuchEntityException, User, ValidationErrorException,
};

use crate::services::Context;
use crate::services::sts::resources::Caller;
use crate::time::Timestamp;

pub(crate) async fn handle(context: Context, input: GetUserRequest) -> Result<GetUserResponse, GetUserError> {
    if let Some(name) = input.user_name {
        return Err(NoSuchEntityException::new(format!("The user with name {name} cannot be found.")).into());
    }
    if let Caller::Session(session) = &context.caller
        && session.role.is_some()
    {
        let message = "Must specify userName when calling with non-User credentials";
        return Err(ValidationErrorException::new(message).into());
    }
    let user = User {
        path: Some("/".to_owned()),
        user_name: Some("root".to_owned()),
        user_id: Some(context.scope.account.to_string()),
        arn: Some(context.scope.iam_arn("root")),
        create_date: Some(Timestamp::EPOCH),
        ..Default::default()
    };
    Ok(GetUserResponse { user: Some(user.into()) })
}
