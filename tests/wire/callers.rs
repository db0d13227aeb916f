//! Who a request is from: plain keys, temporary credentials, and credentials that are not valid any more.

use localecs::config::Config;

use crate::client::{Answer, Connection};
use crate::server::Server;

const VERSION: &str = "Version=2011-06-15";
const ROLE: &str = "arn:aws:iam::210987654321:role/path/web";

async fn identity(client: &mut Connection, key: &str, token: Option<&str>) -> Answer {
    client.post_form_as(key, token, "sts", &format!("Action=GetCallerIdentity&{VERSION}")).await
}

async fn assume(client: &mut Connection, session: &str) -> (String, String) {
    let form = format!("Action=AssumeRole&{VERSION}&RoleArn={ROLE}&RoleSessionName={session}&DurationSeconds=900");
    let answer = client.post_form("sts", &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("text/xml"));
    assert_eq!(answer.xml("Arn"), format!("arn:aws:sts::210987654321:assumed-role/web/{session}"));
    assert_eq!(Some(answer.xml("RequestId")), answer.header("x-amzn-requestid"));
    (answer.xml("AccessKeyId").to_owned(), answer.xml("SessionToken").to_owned())
}

#[tokio::test]
async fn plain_keys_are_the_root_user() {
    let server = Server::start_whole(Config::default()).await;
    let mut client = server.connect().await;
    let answer = identity(&mut client, "123456789012", None).await;
    assert_eq!(answer.xml("Arn"), "arn:aws:iam::123456789012:root");
    assert_eq!(answer.xml("UserId"), "123456789012");
    // Somebody's real temporary key is as good as any other.
    let answer = identity(&mut client, "ASIAIOSFODNN7EXAMPLE", Some("token")).await;
    assert_eq!(answer.xml("Account"), "000000000000");
    // Not signed, and as a GET.
    let answer = client.request("GET", &format!("/?Action=GetCallerIdentity&{VERSION}"), &[], b"").await;
    assert_eq!(answer.xml("Account"), "000000000000");
}

#[tokio::test]
async fn temporary_credentials_speak_for_their_role_until_they_expire() {
    let server = Server::start_whole(Config::default()).await;
    let mut client = server.connect().await;
    let (key, token) = assume(&mut client, "one").await;
    let answer = identity(&mut client, &key, Some(&token)).await;
    assert_eq!(answer.xml("Arn"), "arn:aws:sts::210987654321:assumed-role/web/one");
    assert!(answer.xml("UserId").ends_with(":one") && answer.xml("UserId").starts_with("AROA"));
    let (other, _) = assume(&mut client, "two").await;
    assert_ne!(key, other);

    for token in [None, Some("another")] {
        let answer = identity(&mut client, &key, token).await;
        assert_eq!((answer.status, answer.xml("Code")), (403, "InvalidClientTokenId"));
    }
    // The resources of the JSON services are those of the role's account as well.
    let authorization = format!("AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/ecs/aws4_request");
    let headers = [("authorization", authorization.as_str()), ("x-amz-security-token", token.as_str())];
    let answer = client.post("CreateCluster", &headers, b"{}").await;
    assert!(answer.body.contains("arn:aws:ecs:us-east-1:210987654321:cluster/default"), "{}", answer.body);

    server.advance(901);
    let answer = identity(&mut client, &key, Some(&token)).await;
    assert_eq!((answer.status, answer.xml("Code")), (403, "ExpiredToken"));
    let answer = client.post("ListClusters", &headers, b"{}").await;
    assert_eq!((answer.status, answer.code()), (400, "ExpiredTokenException"));
}

#[tokio::test]
async fn faults_are_told_in_xml() {
    let server = Server::start_whole(Config::default()).await;
    let mut client = server.connect().await;
    for (form, status, code) in [
        ("Action=Nope&Version=2011-06-15", 400, "InvalidAction"),
        ("Version=2011-06-15", 400, "MissingAction"),
        ("Action=AssumeRole&Version=2011-06-15&RoleSessionName=ab", 400, "ValidationError"),
        ("Action=GetSessionToken&Version=2011-06-15&DurationSeconds=soon", 400, "MalformedInput"),
        ("Action=AssumeRoleWithSAML&Version=2011-06-15", 501, "NotImplementedException"),
    ] {
        let answer = client.post_form("sts", form).await;
        assert_eq!((answer.status, answer.xml("Code")), (status, code), "{form}");
    }
    let answer = client.post_form("sqs", "Action=ListQueues&Version=2012-11-05").await;
    assert_eq!(answer.status, 400);
    assert!(answer.xml("Message").contains("does not serve the API of 'sqs'"), "{}", answer.body);
}

#[tokio::test]
async fn wrong_signatures_have_the_codes_of_the_query_protocol() {
    let credentials = "123456789012:secret".parse().expect("a key");
    let server = Server::start_whole(Config { verify_signatures: Some(credentials), ..Config::default() }).await;
    let mut client = server.connect().await;
    // A signature that nobody made.
    let answer = identity(&mut client, "123456789012", None).await;
    assert_eq!((answer.status, answer.xml("Code")), (400, "IncompleteSignature"));
    let answer = client.request("GET", &format!("/?Action=GetCallerIdentity&{VERSION}"), &[], b"").await;
    assert_eq!((answer.status, answer.xml("Code")), (403, "MissingAuthenticationToken"));
}
