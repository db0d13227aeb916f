//! DescribeScalingProcessTypes: the processes that can be suspended.
//! <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_DescribeScalingProcessTypes.html>

use api_models::autoscaling::{
    DescribeScalingProcessTypesError, DescribeScalingProcessTypesRequest, ProcessType, ProcessesType,
};

use crate::services::Context;
use crate::services::autoscaling::resources::group::PROCESSES;

pub(crate) async fn handle(
    _: Context,
    _: DescribeScalingProcessTypesRequest,
) -> Result<ProcessesType, DescribeScalingProcessTypesError> {
    let processes = PROCESSES.map(|name| ProcessType { process_name: Some(name.to_owned()) });
    Ok(ProcessesType { processes: Some(processes.into()) })
}
