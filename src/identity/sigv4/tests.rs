//! Against the signer of the official SDK for Rust.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use hyper::Request;
use hyper::header::HeaderValue;
use proptest::prelude::*;

use super::*;
use crate::time::Timestamp;

/// 21 November 2026, 13:55:26.
const NOW: i64 = 1_795_269_326;
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

#[derive(Clone, Debug)]
struct Case {
    method: &'static str,
    path_and_query: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    token: Option<String>,
    presigned: bool,
    with_checksum: bool,
}

/// The request as the SDK signs it at `seconds`.
fn signed(case: &Case, seconds: i64) -> Parts {
    let mut builder = Request::builder()
        .method(case.method)
        .uri(format!("http://localhost:4566{}", case.path_and_query))
        .header("host", "localhost:4566");
    for (name, value) in &case.headers {
        builder = builder.header(*name, value);
    }
    let mut request = builder.body(()).expect("a request");

    let identity = Credentials::new("AKIDEXAMPLE", SECRET, case.token.clone(), None, "tests").into();
    let mut settings = SigningSettings::default();
    if case.presigned {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(900));
    } else if case.with_checksum {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-central-1")
        .name("ecs")
        .time(UNIX_EPOCH + Duration::from_secs(seconds as u64))
        .settings(settings)
        .build()
        .expect("all is set")
        .into();
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII")));
    let uri = request.uri().to_string();
    let signable =
        SignableRequest::new(case.method, &uri, headers, SignableBody::Bytes(&case.body)).expect("can be signed");
    let (instructions, _) = sign(signable, &params).expect("signs").into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request.into_parts().0
}

fn verify(parts: &Parts, body: &[u8], secret: &str, now: i64) -> Result<(), SignatureError> {
    let claim = Claim::parse(parts)?.expect("a signed request");
    claim.verify(parts, body, secret, "ecs", Timestamp::from_millis(now * 1000 + 250))
}

fn simple() -> Case {
    Case {
        method: "POST",
        path_and_query: "/".to_owned(),
        headers: vec![("x-amz-target", "AmazonEC2ContainerServiceV20141113.ListClusters".to_owned())],
        body: b"{}".to_vec(),
        token: None,
        presigned: false,
        with_checksum: false,
    }
}

fn percent_encoded(text: &str) -> String {
    let mut out = String::new();
    query::encode_into(&mut out, text, b"");
    out
}

fn cases() -> impl Strategy<Value = Case> {
    let segment = prop_oneof![
        any::<String>().prop_map(|text| percent_encoded(&text)),
        Just("..".to_owned()),
        Just(".".to_owned()),
        "[!$'(),:@=;*~]{1,4}"
    ];
    let path = prop::collection::vec(segment, 0..4).prop_map(|segments| format!("/{}", segments.join("/")));
    let pair = (any::<String>(), any::<String>())
        .prop_map(|(key, value)| format!("{}={}", percent_encoded(&key), percent_encoded(&value)));
    let query = prop::collection::vec(pair, 0..4).prop_map(|pairs| pairs.join("&"));
    let header = (
        prop_oneof![Just("x-amz-meta"), Just("content-type"), Just("x-other")],
        "[a-zA-Z0-9;=,/ ]{0,20}".prop_map(|text| text.trim().to_owned()),
    );
    (
        prop_oneof![Just("GET"), Just("POST"), Just("PUT"), Just("DELETE")],
        path,
        query,
        prop::collection::vec(header, 0..5),
        prop::collection::vec(any::<u8>(), 0..200),
        prop::option::of("[a-zA-Z0-9+/=]{10,40}"),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(method, path, query, headers, body, token, presigned, with_checksum)| {
            let path_and_query = if query.is_empty() { path } else { format!("{path}?{query}") };
            Case { method, path_and_query, headers, body, token, presigned, with_checksum }
        })
}

proptest! {
    #[test]
    fn what_the_sdk_signs_is_accepted(case in cases(), late in 0..299_i64) {
        let parts = signed(&case, NOW);
        prop_assert_eq!(verify(&parts, &case.body, SECRET, NOW + late), Ok(()));
    }

    #[test]
    fn what_is_changed_on_the_way_is_not(case in cases()) {
        let parts = signed(&case, NOW);
        let mut body = case.body.clone();
        body.push(b'x');
        prop_assert!(verify(&parts, &body, SECRET, NOW).is_err());
        prop_assert!(verify(&parts, &case.body, "another secret", NOW).is_err());

        let mut changed = parts.clone();
        changed.headers.insert("host", HeaderValue::from_static("evil.example"));
        prop_assert!(verify(&changed, &case.body, SECRET, NOW).is_err());

        let mut changed = parts;
        changed.headers.insert("x-amz-target", HeaderValue::from_static("Other.Operation"));
        prop_assert!(verify(&changed, &case.body, SECRET, NOW).is_err());
    }
}

#[test]
fn the_claim_names_account_and_region() {
    let parts = signed(&simple(), NOW);
    let claim = Claim::parse(&parts).expect("well formed").expect("signed");
    assert_eq!((&*claim.access_key_id, &*claim.region, &*claim.service), ("AKIDEXAMPLE", "eu-central-1", "ecs"));
    let presigned = signed(&Case { presigned: true, ..simple() }, NOW);
    let claim = Claim::parse(&presigned).expect("well formed").expect("signed");
    assert_eq!((&*claim.access_key_id, &*claim.region, &*claim.service), ("AKIDEXAMPLE", "eu-central-1", "ecs"));
    assert_eq!(Claim::parse(&Request::new(()).into_parts().0), Ok(None));
}

#[test]
fn old_and_future_signatures_are_refused() {
    let case = simple();
    let refused = |seconds| {
        let error = verify(&signed(&case, seconds), &case.body, SECRET, NOW).expect_err("too far away");
        assert_eq!(error.code, "InvalidSignatureException");
        error.message.into_owned()
    };
    assert_eq!(
        refused(NOW - 301),
        "Signature expired: 20261121T135025Z is now earlier than 20261121T135026Z (20261121T135526Z - 5 min.)"
    );
    assert_eq!(
        refused(NOW + 301),
        "Signature not yet current: 20261121T140027Z is still later than 20261121T140026Z (20261121T135526Z + 5 min.)"
    );
    let presigned = Case { presigned: true, ..case };
    assert_eq!(verify(&signed(&presigned, NOW - 900), &presigned.body, SECRET, NOW), Ok(()));
    assert!(verify(&signed(&presigned, NOW - 901), &presigned.body, SECRET, NOW).is_err());
}

fn parsed(authorization: &str) -> Result<(), (&'static str, String)> {
    let (parts, ()) =
        Request::builder().header("authorization", authorization).body(()).expect("a request").into_parts();
    Claim::parse(&parts).map(|_| ()).map_err(|error| (error.code, error.message.into_owned()))
}

#[test]
fn malformed_headers_are_refused_in_the_words_of_aws() {
    let incomplete = |authorization: &str, message: &str| {
        assert_eq!(parsed(authorization), Err(("IncompleteSignatureException", message.to_owned())));
    };
    incomplete("AWS3-ZZZ Credential=12345", "Unsupported AWS 'algorithm': 'AWS3-ZZZ'.");
    incomplete(
        "Bearer abc",
        "'abc' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer abc'.",
    );
    incomplete(
        "AWS4-HMAC-SHA256 Foo=Bar",
        "Authorization header requires 'Credential' parameter. Authorization=AWS4-HMAC-SHA256",
    );
    incomplete(
        "AWS4-HMAC-SHA256 Credential=AKID, SignedHeaders=host, Signature=0",
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKID'",
    );
    assert_eq!(
        parsed("AWS4-HMAC-SHA256 Credential=a/20260101/US EAST/ecs/aws4_request").expect_err("no region").0,
        "InvalidSignatureException"
    );
    // Written by hand, as people do with curl.
    assert_eq!(parsed("AWS4-HMAC-SHA256 Credential=test/20260101/us-west-2/ecs/aws4_request"), Ok(()));
}

#[test]
fn incomplete_signatures_are_told_when_they_are_verified() {
    let error = |authorization: &str, date: Option<&'static str>| {
        let mut request = Request::builder().header("authorization", authorization).body(()).expect("a request");
        if let Some(date) = date {
            request.headers_mut().insert("x-amz-date", HeaderValue::from_static(date));
        }
        let parts = request.into_parts().0;
        let error = verify(&parts, b"", SECRET, NOW).expect_err("incomplete");
        (error.code, error.message.into_owned())
    };
    let credential = "AWS4-HMAC-SHA256 Credential=a/20261121/us-east-1/ecs/aws4_request";
    let full = format!("{credential}, SignedHeaders=host;x-amz-date, Signature=00");
    assert!(error(credential, None).1.contains("requires 'SignedHeaders' parameter."));
    assert!(error(&full, None).1.contains("either a 'X-Amz-Date' or a 'Date' header."));
    assert!(error(&full, Some("yesterday")).1.starts_with("Date must be in ISO-8601 'basic format'. Got 'yesterday'."));
    let date = Some("20261121T135526Z");
    assert!(error(&full.replace("/ecs/", "/s3/"), date).1.contains("scoped to correct service: 'ecs'."));
    assert!(error(&full.replace("20261121/", "20261120/"), date).1.contains("'20261120' != '20261121'"));
    assert!(error(&full.replace("host;", ""), date).1.contains("must be a 'SignedHeader'"));
    assert_eq!(error(&full, date).0, "InvalidSignatureException");
}
