//! Attributes: put, listed, deleted.

use api_models::ecs::{DeleteAttributesRequest, ListAttributesRequest, TargetType};

use super::*;
use crate::services::ecs::operations::{
    create_cluster, delete_attributes, list_attributes, register_container_instance as register,
};
use crate::testing::context;

/// A cluster with two instances; their ARNs.
async fn instances() -> (Context, Vec<String>) {
    let context = context();
    create_cluster::handle(context.clone(), Default::default()).await.expect("a cluster");
    let mut arns = Vec::new();
    for _ in 0..2 {
        let made = register::handle(context.clone(), Default::default()).await.expect("an instance");
        arns.push(made.container_instance.and_then(|it| it.container_instance_arn).expect("an ARN"));
    }
    arns.sort();
    (context, arns)
}

fn on(target: &str, name: &str, value: Option<&str>) -> Attribute {
    Attribute {
        name: Some(name.into()),
        value: value.map(Into::into),
        target_id: Some(target.into()),
        target_type: None,
    }
}

async fn put(context: &Context, attributes: Vec<Attribute>) -> Result<Vec<Attribute>, PutAttributesError> {
    let request = PutAttributesRequest { attributes: Some(attributes), ..Default::default() };
    handle(context.clone(), request).await.map(|answer| answer.attributes.expect("attributes"))
}

async fn list(context: &Context, name: Option<&str>, value: Option<&str>) -> Vec<Attribute> {
    let mut request = ListAttributesRequest {
        target_type: Some(TargetType::ContainerInstance),
        attribute_name: name.map(Into::into),
        attribute_value: value.map(Into::into),
        max_results: Some(30),
        ..Default::default()
    };
    let mut all = Vec::new();
    loop {
        let page = list_attributes::handle(context.clone(), request.clone()).await.expect("a page");
        all.extend(page.attributes.expect("attributes"));
        match page.next_token {
            Some(token) => request.next_token = Some(token),
            None => return all,
        }
    }
}

#[tokio::test]
async fn attributes_come_and_go() {
    let (context, arns) = instances().await;
    let id = arns[1].rsplit('/').next().expect("an id");
    let short = Attribute { target_type: Some(TargetType::ContainerInstance), ..on(id, "stack", Some("green")) };
    let shown = put(&context, vec![on(&arns[0], "stack", Some("blue")), short, on(&arns[0], "disk", None)]).await;
    assert_eq!(
        shown.expect("put"),
        [on(&arns[0], "stack", Some("blue")), on(&arns[1], "stack", Some("green")), on(&arns[0], "disk", None)]
    );
    put(&context, vec![on(&arns[0], "stack", Some("red"))]).await.expect("put again");
    let stacks = [on(&arns[0], "stack", Some("red")), on(&arns[1], "stack", Some("green"))];
    assert_eq!(list(&context, Some("stack"), None).await, stacks);
    assert_eq!(list(&context, Some("stack"), Some("green")).await, stacks[1..]);
    assert_eq!(list(&context, Some("ecs.os-type"), Some("linux")).await.len(), 2);
    let all = list(&context, None, None).await;
    assert!(all.len() > 60, "capabilities too: {}", all.len());
    assert!(all.is_sorted_by_key(|attribute| (attribute.target_id.clone(), attribute.name.clone())));

    let delete = |attributes| {
        let request = DeleteAttributesRequest { attributes: Some(attributes), ..Default::default() };
        delete_attributes::handle(context.clone(), request)
    };
    let gone = delete(vec![on(&arns[0], "stack", None), on(&arns[0], "absent", None)]).await.expect("deleted");
    assert_eq!(gone.attributes, Some(vec![on(&arns[0], "stack", Some("red"))]));
    assert_eq!(list(&context, Some("stack"), None).await, stacks[1..]);
}

#[tokio::test]
async fn what_can_not_be_put_is_refused_as_a_whole() {
    let (context, arns) = instances().await;
    let many = |count: usize| (0..count).map(|n| on(&arns[0], &format!("a{n}"), None)).collect::<Vec<_>>();
    put(&context, many(10)).await.expect("ten custom ones");
    let good = on(&arns[1], "stack", Some("blue"));
    for (bad, message) in [
        (vec![], "Attributes can not be empty."),
        (many(11), "attributes can have at most 10 items."),
        (vec![good.clone(), on(&arns[0], "eleventh", None)], "at most 10 custom attributes"),
        (vec![good.clone(), on(&arns[0], "a b", None)], "Invalid attribute name 'a b'"),
        (vec![good.clone(), on("0123", "a", None)], "targetType must be specified"),
        (vec![good.clone(), Attribute { target_id: None, ..good.clone() }], "targetId can not be blank."),
        (vec![good.clone(), on(&arns[0].replace(['0', '1', '2'], "f"), "a", None)], "was not found"),
    ] {
        let error = put(&context, bad).await.expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
    }
    assert_eq!(list(&context, Some("stack"), None).await, []);
}
