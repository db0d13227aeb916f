//! DescribeRouteTables: the main route table: everything in the VPC is reached, and the outside through the engine.
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html>

use api_models::ec2::{
    DescribeRouteTablesError, DescribeRouteTablesRequest, DescribeRouteTablesResult, Route, RouteTable,
    RouteTableAssociation, RouteTableAssociationState,
};

use crate::services::Context;
use crate::services::ec2::resources::errors::{error, page_size, unless_dry};
use crate::services::ec2::resources::filters::{Field, Filters};
use crate::services::ec2::resources::vpc;
use crate::services::ecs::network;

pub(crate) async fn handle(
    context: Context,
    input: DescribeRouteTablesRequest,
) -> Result<DescribeRouteTablesResult, DescribeRouteTablesError> {
    let filters = Filters::new(input.filters)?;
    page_size(input.max_results, 5, 100)?;
    unless_dry(input.dry_run)?;
    let scope = &context.scope;
    let vpc = network::default_vpc(scope);
    let id = vpc.replacen("vpc", "rtb", 1);
    let association = vpc.replacen("vpc", "rtbassoc", 1);
    if let Some(gone) = input.route_table_ids.iter().flatten().find(|wanted| **wanted != id) {
        let message = format!("The routeTable ID '{gone}' does not exist");
        return Err(error("InvalidRouteTableID.NotFound", message).into());
    }
    let range = vpc::range(&context).to_string();
    let account = scope.account.to_string();
    let passes = filters.pass(|name| match name {
        "route-table-id" | "association.route-table-id" => Field::one(id.clone()),
        "vpc-id" => Field::one(vpc.clone()),
        "association.main" => Field::one("true"),
        "association.route-table-association-id" => Field::one(association.clone()),
        "owner-id" => Field::one(account.clone()),
        "route.destination-cidr-block" => Field::many([range.clone(), "0.0.0.0/0".to_owned()]),
        // Subnets use the main table without an association of their own.
        "association.subnet-id" | "tag-key" | "tag-value" => Field::Values(Vec::new()),
        name if name.starts_with("tag:") => Field::Values(Vec::new()),
        _ => Field::Unknown,
    })?;
    let route = |to: &str, gateway: String, origin: &str| Route {
        destination_cidr_block: Some(to.to_owned()),
        gateway_id: Some(gateway),
        origin: Some(origin.into()),
        state: Some("active".into()),
        ..Route::default()
    };
    let shown = RouteTable {
        associations: Some(vec![RouteTableAssociation {
            main: Some(true),
            route_table_association_id: Some(association),
            route_table_id: Some(id.clone()),
            association_state: Some(Box::new(RouteTableAssociationState {
                state: Some("associated".into()),
                status_message: None,
            })),
            ..RouteTableAssociation::default()
        }]),
        routes: Some(vec![
            route(&range, "local".to_owned(), "CreateRouteTable"),
            route("0.0.0.0/0", vpc.replacen("vpc", "igw", 1), "CreateRoute"),
        ]),
        propagating_vgws: Some(Vec::new()),
        route_table_id: Some(id),
        vpc_id: Some(vpc),
        owner_id: Some(account),
        tags: Some(Vec::new()),
    };
    Ok(DescribeRouteTablesResult {
        route_tables: Some(passes.then_some(shown).into_iter().collect()),
        next_token: None,
    })
}
