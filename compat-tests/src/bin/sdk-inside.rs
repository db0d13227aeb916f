//! An app in a container, with the AWS SDK as everybody uses it: no credentials, region or endpoint of its own.
//!
//! It prints who it is and what it sees, a word and a value on each line, and then waits to be stopped.

use aws_config::BehaviorVersion;
use aws_smithy_http_client::Builder;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // The endpoint speaks plain HTTP; the SDK's own client with TLS takes longer to build than all else here.
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(Builder::new().build_http()).load().await;
    match aws_sdk_sts::Client::new(&config).get_caller_identity().send().await {
        Ok(identity) => {
            println!("arn {}", identity.arn().unwrap_or_default());
            println!("account {}", identity.account().unwrap_or_default());
        }
        Err(error) => println!("error {error:?}"),
    }
    match aws_sdk_ecs::Client::new(&config).list_clusters().send().await {
        Ok(clusters) => println!("clusters {}", clusters.cluster_arns().join(",")),
        Err(error) => println!("error {error:?}"),
    }
    println!("done");
    std::future::pending::<()>().await;
}
