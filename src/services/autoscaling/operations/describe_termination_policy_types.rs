//! DescribeTerminationPolicyTypes: the policies that choose who goes.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeTerminationPolicyTypes.html>

use api_models::autoscaling::{
    DescribeTerminationPolicyTypesAnswer, DescribeTerminationPolicyTypesError, DescribeTerminationPolicyTypesRequest,
};

use crate::services::Context;
use crate::services::autoscaling::resources::settings::TERMINATION_POLICIES;

pub(crate) async fn handle(
    _: Context,
    _: DescribeTerminationPolicyTypesRequest,
) -> Result<DescribeTerminationPolicyTypesAnswer, DescribeTerminationPolicyTypesError> {
    let types = TERMINATION_POLICIES.map(str::to_owned);
    Ok(DescribeTerminationPolicyTypesAnswer { termination_policy_types: Some(types.into()) })
}
