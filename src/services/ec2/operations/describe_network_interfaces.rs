//! DescribeNetworkInterfaces: the interfaces of tasks in awsvpc mode.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html>

use api_models::ec2::{
    DescribeNetworkInterfacesError, DescribeNetworkInterfacesRequest, DescribeNetworkInterfacesResult,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{error, page_size, unless_dry};
use crate::services::ec2::resources::filters::Filters;
use crate::services::ec2::resources::{paging, vpc};

pub(crate) async fn handle(
    context: Context,
    input: DescribeNetworkInterfacesRequest,
) -> Result<DescribeNetworkInterfacesResult, DescribeNetworkInterfacesError> {
    let filters = Filters::new(input.filters)?;
    let size = page_size(input.max_results, 5, 1000)?;
    unless_dry(input.dry_run)?;
    let state = context.snapshot();
    let ids = input.network_interface_ids.unwrap_or_default();
    let all: Vec<_> = vpc::interfaces(&state, &context.scope).collect();
    if let Some(gone) = ids.iter().find(|id| !all.iter().any(|it| it.id == **id)) {
        let message = format!("The networkInterface ID '{gone}' does not exist");
        return Err(error("InvalidNetworkInterfaceID.NotFound", message).into());
    }
    let mut found = Vec::new();
    for interface in all {
        if filters.pass(|name| interface.field(&context.scope, name))?
            && (ids.is_empty() || ids.contains(&interface.id))
        {
            found.push(interface);
        }
    }
    found.sort_by(|one, two| one.id.cmp(&two.id));
    let (found, next_token) =
        paging::cut("DescribeNetworkInterfaces", size, input.next_token, found, |interface| interface.id.clone())?;
    let shown = found.into_iter().map(|interface| interface.shown(&context.scope)).collect();
    Ok(DescribeNetworkInterfacesResult { network_interfaces: Some(shown), next_token })
}
