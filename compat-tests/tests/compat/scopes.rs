//! Accounts and regions: state is separate for each pair.

use aws_sdk_ecs::types::NetworkMode;
use compat_tests::{Registers, Runtime, app, random_account, refusal, shared};

#[tokio::test]
async fn accounts_and_regions_do_not_see_each_other() {
    let server = shared(Runtime::Simulated);
    let (one, two) = (random_account(), random_account());
    let scopes = [(&one, "us-east-1"), (&one, "eu-west-1"), (&two, "us-east-1")];
    for (account, region) in scopes {
        let ecs = server.ecs_in(account, region);
        let created = ecs.create_cluster().cluster_name("same-name").send().await.expect("created");
        let arn = created.cluster().and_then(|cluster| cluster.cluster_arn()).expect("an ARN").to_owned();
        assert_eq!(arn, format!("arn:aws:ecs:{region}:{account}:cluster/same-name"));
        assert_eq!(ecs.list_clusters().send().await.expect("listed").cluster_arns(), [arn]);
    }
    let (here, there) = (server.ecs_in(&one, "us-east-1"), server.ecs_in(&two, "us-east-1"));
    let definition = here
        .on_ec2(NetworkMode::Bridge)
        .family("family")
        .container_definitions(app("web", &[]).build())
        .registered()
        .await;
    assert_eq!(definition, format!("arn:aws:ecs:us-east-1:{one}:task-definition/family:1"));
    assert_eq!(
        refusal(there.describe_task_definition().task_definition("family").send().await).1,
        "Unable to describe task definition."
    );
    here.delete_cluster().cluster("same-name").send().await.expect("deleted");
    assert_eq!(there.list_clusters().send().await.expect("listed").cluster_arns().len(), 1);
}
