//! RegisterContainerInstance: a share of the engine becomes an EC2 container instance of a cluster.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterContainerInstance.html>

use api_models::ecs::{
    ClientException, ContainerInstanceField, RegisterContainerInstanceError, RegisterContainerInstanceRequest,
    RegisterContainerInstanceResponse,
};

use crate::services::Context;
use crate::services::ec2::instance_types;
use crate::services::ecs::resources::container_instance::registration::{self, Given, IdentityDocument};
use crate::services::ecs::resources::container_instance::{
    AttributeList, Loads, Origin, addresses, attributes, launch,
};
use crate::services::ecs::resources::{ContainerInstance, ContainerInstanceKey, lookup, tags};

/// The instance is ACTIVE and connected at once. With `containerInstanceArn` one that is there registers again. The
/// cluster must exist; creating the default one is the client's task, as the ECS agent does.
pub(crate) async fn handle(
    context: Context,
    input: RegisterContainerInstanceRequest,
) -> Result<RegisterContainerInstanceResponse, RegisterContainerInstanceError> {
    let scope = &context.scope;
    let given_attributes = input.attributes.unwrap_or_default();
    attributes::validate(&given_attributes)?;
    tags::validate(input.tags.as_deref().unwrap_or_default())?;
    let document = IdentityDocument::parse(input.instance_identity_document.as_deref(), scope)?;
    let size = match document.instance_type.as_deref().and_then(instance_types::find) {
        Some(known) => launch::resources(known, 0, context.ids()),
        None => registration::size_of(context.config().engine.get().await),
    };
    let given = Given {
        document,
        subnet_id: None,
        attributes: given_attributes,
        version_info: input.version_info.map(|info| *info),
        resources: registration::resources(
            &input.total_resources.unwrap_or_default(),
            &input.platform_devices.unwrap_or_default(),
            size,
        )?,
    };
    let (now, ids) = (context.now(), context.ids());
    context
        .store()
        .transact(|tx| {
            // Here ECS says ClientException, and the agent relies on it.
            let cluster = lookup::active_cluster(tx, scope, input.cluster.as_deref())
                .map_err(|error| ClientException::new(error.message.unwrap_or_default()))?
                .key
                .clone();
            let mut instance = match input.container_instance_arn.as_deref().filter(|arn| !arn.is_empty()) {
                Some(arn) => match registration::find(tx, &cluster, arn)? {
                    Some(found) if found.status != "INACTIVE" => {
                        given.check_same(found)?;
                        ContainerInstance::clone(found)
                    }
                    _ => {
                        let id = arn.rsplit('/').next().unwrap_or(arn);
                        return Err(ClientException::new(format!("Container instance {id} is inactive.")).into());
                    }
                },
                None => ContainerInstance {
                    key: ContainerInstanceKey {
                        scope: scope.clone(),
                        cluster: cluster.name.clone(),
                        id: ids.resource_id().into(),
                    },
                    ec2_instance_id: Some(ids.ec2_id("i")),
                    status: "ACTIVE".to_owned(),
                    status_reason: None,
                    agent_connected: true,
                    version_info: registration::default_version_info(),
                    registered: given.resources.clone(),
                    remaining: given.resources.clone(),
                    attributes: AttributeList::default(),
                    capacity_provider: None,
                    address: addresses::next(
                        &tx.instance_addresses,
                        context.config().publish_address,
                        context.config().instance_addresses,
                    ),
                    origin: Origin::Registered,
                    daemons: Default::default(),
                    impaired: false,
                    tags: Vec::new(),
                    registered_at: now,
                    version: 0,
                },
            };
            given.refresh(tx, &mut instance);
            instance.tags = tags::merge(&instance.tags, input.tags.unwrap_or_default())?;
            let loads = Loads::of_cluster(tx, &cluster);
            let answer = instance.to_api(&loads, &[ContainerInstanceField::Tags], now);
            tx.put(instance);
            Ok(RegisterContainerInstanceResponse { container_instance: Some(Box::new(answer)) })
        })
        .await
}

#[cfg(test)]
mod tests {
    //! The life of container instances, through the operations.

    use api_models::ecs::{
        Attribute, ContainerInstance as Shown, ContainerInstanceField, CreateClusterRequest,
        DeregisterContainerInstanceRequest, DescribeContainerInstancesRequest, ListContainerInstancesRequest,
        RegisterContainerInstanceError, RegisterContainerInstanceRequest, Resource, Tag,
    };

    use crate::services::Context;
    use crate::services::ecs::operations::{
        create_cluster, deregister_container_instance as deregister, describe_container_instances as describe,
        list_container_instances as list, register_container_instance as register,
    };
    use crate::testing::context;

    async fn cluster() -> Context {
        let context = context();
        create_cluster::handle(context.clone(), CreateClusterRequest::default()).await.expect("a cluster");
        context
    }

    async fn registered(
        context: &Context,
        request: RegisterContainerInstanceRequest,
    ) -> Result<Shown, RegisterContainerInstanceError> {
        register::handle(context.clone(), request).await.map(|answer| *answer.container_instance.expect("an instance"))
    }

    fn integer(name: &str, value: i32) -> Resource {
        Resource {
            name: Some(name.into()),
            r#type: Some("INTEGER".into()),
            integer_value: Some(value),
            ..Resource::default()
        }
    }

    fn value_of<'a>(instance: &'a Shown, name: &str) -> Option<&'a str> {
        instance.attributes.iter().flatten().find(|it| it.name.as_deref() == Some(name))?.value.as_deref()
    }

    #[tokio::test]
    async fn the_engine_s_size_is_registered_when_none_is_given() {
        let context = cluster().await;
        let instance = registered(&context, RegisterContainerInstanceRequest::default()).await.expect("an instance");
        let resources = instance.registered_resources.as_ref().expect("resources");
        assert_eq!(resources, instance.remaining_resources.as_ref().expect("resources"));
        let names: Vec<_> = resources.iter().map(|resource| resource.name.as_deref().unwrap_or_default()).collect();
        assert_eq!(names, ["CPU", "MEMORY", "PORTS", "PORTS_UDP"]);
        assert_eq!((resources[0].integer_value, resources[1].integer_value), (Some(4096), Some(8192)));
        assert_eq!((resources[0].double_value, resources[0].long_value), (Some(0.0), Some(0)));
        let ports = resources[2].string_set_value.as_deref().expect("ports");
        assert_eq!(ports, ["22", "2376", "2375", "51678", "51679"]);
        assert_eq!(instance.status.as_deref(), Some("ACTIVE"));
        assert_eq!(instance.agent_connected, Some(true));
        assert_eq!(value_of(&instance, "ecs.os-type"), Some("linux"));
        assert_eq!(value_of(&instance, "ecs.availability-zone"), Some("us-east-1a"));
    }

    #[tokio::test]
    async fn what_an_instance_says_of_itself_is_echoed() {
        let context = cluster().await;
        let document = r#"{"region":"us-east-1","instanceId":"i-0abc","availabilityZone":"us-east-1c",
        "instanceType":"t3.micro","imageId":"ami-1","architecture":"x86_64","devpayProductCodes":null}"#;
        let request = RegisterContainerInstanceRequest {
            instance_identity_document: Some(document.into()),
            total_resources: Some(vec![integer("CPU", 2048), integer("MEMORY", 985)]),
            attributes: Some(vec![Attribute {
                name: Some("stack".into()),
                value: Some("blue".into()),
                ..Attribute::default()
            }]),
            tags: Some(vec![Tag { key: Some("team".into()), value: Some("a".into()) }]),
            ..RegisterContainerInstanceRequest::default()
        };
        let first = registered(&context, request.clone()).await.expect("an instance");
        assert_eq!(first.ec2_instance_id.as_deref(), Some("i-0abc"));
        for (name, value) in [
            ("stack", "blue"),
            ("ecs.availability-zone", "us-east-1c"),
            ("ecs.instance-type", "t3.micro"),
            ("ecs.ami-id", "ami-1"),
        ] {
            assert_eq!(value_of(&first, name), Some(value), "{name}");
        }
        assert_eq!(first.tags.as_ref().map(Vec::len), Some(1));
        let of_type = RegisterContainerInstanceRequest { total_resources: None, ..request.clone() };
        let resources = registered(&context, of_type).await.expect("an instance").registered_resources;
        let resources = resources.expect("resources");
        assert_eq!((resources[0].integer_value, resources[1].integer_value), (Some(2048), Some(961)), "a t3.micro's");

        let again = RegisterContainerInstanceRequest {
            container_instance_arn: first.container_instance_arn.clone(),
            total_resources: Some(vec![integer("CPU", 1024)]),
            ..RegisterContainerInstanceRequest::default()
        };
        let second = registered(&context, again).await.expect("the same instance");
        assert_eq!(second.container_instance_arn, first.container_instance_arn);
        assert_eq!(second.registered_resources.expect("resources")[0].integer_value, Some(1024));
        assert_eq!(second.version, Some(2));
        let echoed = second.attributes.as_deref().expect("attributes");
        assert!(first.attributes.iter().flatten().all(|attribute| echoed.contains(attribute)), "all are echoed");

        for (changed, message) in [
            (document.replace("t3.micro", "t3.small"), "Container instance type changes are not supported."),
            (document.replace("i-0abc", "i-0abd"), "The instance identity document is invalid."),
            (document.replace("us-east-1\",", "us-east-2\","), "The instance identity document is invalid."),
        ] {
            let other = RegisterContainerInstanceRequest {
                container_instance_arn: first.container_instance_arn.clone(),
                instance_identity_document: Some(changed),
                ..RegisterContainerInstanceRequest::default()
            };
            let error = registered(&context, other).await.expect_err(message).to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    #[tokio::test]
    async fn strange_registrations_are_refused() {
        let context = cluster().await;
        let none = RegisterContainerInstanceRequest::default;
        let attribute = |name: &str| Some(vec![Attribute { name: Some(name.into()), ..Attribute::default() }]);
        let cases = [
            (RegisterContainerInstanceRequest { cluster: Some("other".into()), ..none() }, "Cluster not found."),
            (
                RegisterContainerInstanceRequest { instance_identity_document: Some("{".into()), ..none() },
                "The instance identity document is invalid.",
            ),
            (
                RegisterContainerInstanceRequest { total_resources: Some(vec![integer("DISK", 1)]), ..none() },
                "DISK should be one of [CPU,MEMORY,PORTS,PORTS_UDP,GPU]",
            ),
            (
                RegisterContainerInstanceRequest { total_resources: Some(vec![integer("CPU", -1)]), ..none() },
                "Invalid value for resource CPU",
            ),
            (
                RegisterContainerInstanceRequest { attributes: attribute("a b"), ..none() },
                "Invalid attribute name 'a b'",
            ),
            (
                RegisterContainerInstanceRequest { container_instance_arn: Some("0123".into()), ..none() },
                "Container instance 0123 is inactive.",
            ),
        ];
        for (request, message) in cases {
            let error = registered(&context, request).await.expect_err(message);
            assert!(error.to_string().contains(message), "{error}");
        }
    }

    #[tokio::test]
    async fn a_deregistered_instance_is_inactive_and_not_listed() {
        let context = cluster().await;
        let instance = registered(&context, RegisterContainerInstanceRequest::default()).await.expect("an instance");
        let arn = instance.container_instance_arn.expect("an ARN");
        let request =
            DeregisterContainerInstanceRequest { container_instance: Some(arn.clone()), ..Default::default() };
        let gone = deregister::handle(context.clone(), request.clone()).await.expect("deregistered");
        assert_eq!(gone.container_instance.and_then(|it| it.status).as_deref(), Some("INACTIVE"));
        assert!(deregister::handle(context.clone(), request).await.is_err());
        let listed = list::handle(context.clone(), ListContainerInstancesRequest::default()).await.expect("a list");
        assert_eq!(listed.container_instance_arns, Some(vec![]));
        let id = arn.rsplit('/').next().expect("an id").to_owned();
        let described = describe::handle(
            context.clone(),
            DescribeContainerInstancesRequest {
                container_instances: Some(vec![id, "ffff".into()]),
                include: Some(vec![ContainerInstanceField::ContainerInstanceHealth]),
                ..Default::default()
            },
        )
        .await
        .expect("descriptions");
        let found = described.container_instances.expect("instances");
        assert_eq!(found.len(), 1);
        assert!(found[0].health_status.is_some());
        let failures = described.failures.expect("failures");
        assert_eq!(
            (failures[0].arn.as_deref(), failures[0].reason.as_deref()),
            (Some("arn:aws:ecs:us-east-1:123456789012:container-instance/default/ffff"), Some("MISSING"))
        );
    }

    #[tokio::test]
    async fn lists_page_and_take_filters() {
        let context = cluster().await;
        for _ in 0..3 {
            registered(&context, RegisterContainerInstanceRequest::default()).await.expect("an instance");
        }
        let mut request = ListContainerInstancesRequest { max_results: Some(2), ..Default::default() };
        let first = list::handle(context.clone(), request.clone()).await.expect("a page");
        assert_eq!(first.container_instance_arns.map(|arns| arns.len()), Some(2));
        request.next_token = first.next_token;
        let second = list::handle(context.clone(), request).await.expect("a page");
        assert_eq!((second.container_instance_arns.map(|arns| arns.len()), second.next_token), (Some(1), None));
        for (filter, found) in [("agentConnected == true and runningTasksCount == 0", 3), ("task:group == a", 0)] {
            let filtered = ListContainerInstancesRequest { filter: Some(filter.into()), ..Default::default() };
            let arns = list::handle(context.clone(), filtered).await.expect("a list").container_instance_arns;
            assert_eq!(arns.map(|arns| arns.len()), Some(found), "{filter}");
        }
        let broken = ListContainerInstancesRequest { filter: Some("attribute:a = b".into()), ..Default::default() };
        let error = list::handle(context, broken).await.expect_err("no operator").to_string();
        assert!(error.contains("expected an operator at position 13"), "{error}");
    }
}
