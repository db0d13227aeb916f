//! Forms in, XML out.

use api_models::schema::{
    IntegerSchema, ListSchema, MapSchema, MemberSchema, OperationSchema, Schema, StringSchema, StructureSchema,
    TimestampFormat,
};
use api_models::sts::operations as ops;
use api_models::sts::{
    AssumeRoleError, AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Credentials, ValidationErrorException,
};
use api_models::{Operation, Shape, ShapeSerializer, Timestamp, Unexpected};
use hyper::Request;
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;

use super::*;
use crate::protocol::validate;

static TEXT: StringSchema = StringSchema::new("Text");
static NUMBER: IntegerSchema = IntegerSchema::new("Number");
static LIST: ListSchema = ListSchema::new("List", Schema::String(&TEXT));
static NAMED: ListSchema = ListSchema::new("Named", Schema::Structure(&INNER)).member_name("item");
static FLAT: ListSchema = ListSchema::new("Flat", Schema::String(&TEXT)).member_name("Flat").flattened();
static MAP: MapSchema = MapSchema::new("Map", &TEXT, Schema::Integer(&NUMBER));
static FLAT_MAP: MapSchema =
    MapSchema::new("FlatMap", &TEXT, Schema::String(&TEXT)).entry_names("Name", "Value").flattened();
static INNER: StructureSchema = StructureSchema::new(
    "Inner",
    &[MemberSchema::new("Text", Schema::String(&TEXT)), MemberSchema::new("Again", Schema::Structure(&INNER))],
);
static INPUT: StructureSchema = StructureSchema::new(
    "Input",
    &[
        MemberSchema::new("Text", Schema::String(&TEXT)),
        MemberSchema::new("Number", Schema::Integer(&NUMBER)),
        MemberSchema::new("Flag", Schema::Boolean),
        MemberSchema::new("Time", Schema::Timestamp(TimestampFormat::Default)),
        MemberSchema::new("List", Schema::List(&LIST)),
        MemberSchema::new("Named", Schema::List(&NAMED)),
        MemberSchema::new("Flats", Schema::List(&FLAT)).wire("Flat"),
        MemberSchema::new("Map", Schema::Map(&MAP)),
        MemberSchema::new("FlatMap", Schema::Map(&FLAT_MAP)),
        MemberSchema::new("Inner", Schema::Structure(&INNER)),
        MemberSchema::new("own", Schema::String(&TEXT)).wire("other").query_name("QueryName"),
    ],
);
static OPERATION: OperationSchema =
    OperationSchema::new("Test", &api_models::sts::SERVICE, &INPUT, &INPUT, &[]).result_wrapper("TestResult");

fn parts() -> Parts {
    Request::post("/").body(()).expect("a request").into_parts().0
}

fn decoded(codec: &AwsQuery, form: &str) -> Result<Document, Rejection> {
    codec.decode(&OPERATION, &parts(), form.as_bytes())
}

/// The only member that the form has.
fn one(codec: &AwsQuery, form: &str) -> Document {
    match decoded(codec, form).expect(form) {
        Document::Structure(mut members) if members.len() == 1 => members.remove(0).1,
        other => panic!("{form}: {other:?}"),
    }
}

fn text(text: &str) -> Document {
    Document::String(text.into())
}

#[test]
fn reads_every_type() {
    assert_eq!(one(&AWS_QUERY, "Text=a%20b+%C3%A9"), text("a b é"));
    assert_eq!(one(&AWS_QUERY, "Text="), text(""));
    assert_eq!(one(&AWS_QUERY, "Number=-7"), Document::Integer(-7));
    assert_eq!(one(&AWS_QUERY, "Flag=true"), Document::Boolean(true));
    let time = Document::Timestamp(Timestamp::from_millis(1_767_225_600_000));
    assert_eq!(one(&AWS_QUERY, "Time=2026-01-01T00%3A00%3A00Z"), time);
    assert_eq!(one(&AWS_QUERY, "Time=1767225600"), time);
    let list = Document::List(vec![text("a"), text("b"), text("j")]);
    // By number, not by letters; gaps close.
    assert_eq!(one(&AWS_QUERY, "List.member.10=j&List.member.2=b&List.member.1=a"), list);
    assert_eq!(one(&AWS_QUERY, "List="), Document::List(vec![]));
    assert_eq!(one(&AWS_QUERY, "Flat.1=a&Flat.2=b&Flat.3=j"), list);
    let named = Document::List(vec![Document::Structure(vec![(0, text("a"))])]);
    assert_eq!(one(&AWS_QUERY, "Named.item.1.Text=a"), named);
    let map = Document::Map(vec![("a".into(), Document::Integer(1)), ("b".into(), Document::Integer(2))]);
    let entries = "Map.entry.1.key=a&Map.entry.1.value=1&Map.entry.2.key=b&Map.entry.2.value=2";
    assert_eq!(one(&AWS_QUERY, entries), map);
    let map = Document::Map(vec![("a".into(), text("1"))]);
    assert_eq!(one(&AWS_QUERY, "FlatMap.1.Name=a&FlatMap.1.Value=1"), map);
    let inner = Document::Structure(vec![(1, Document::Structure(vec![(0, text("a"))]))]);
    assert_eq!(one(&AWS_QUERY, "Inner.Again.Text=a"), inner);
    assert_eq!(one(&AWS_QUERY, "other=a"), text("a"));
}

#[test]
fn ec2_flattens_and_has_names_of_its_own() {
    assert_eq!(one(&EC2_QUERY, "List.1=a&List.2=b"), Document::List(vec![text("a"), text("b")]));
    assert_eq!(one(&EC2_QUERY, "QueryName=a"), text("a"));
    let named = Document::List(vec![Document::Structure(vec![(0, text("a"))])]);
    assert_eq!(one(&EC2_QUERY, "Named.1.Text=a"), named);
}

#[test]
fn leaves_out_what_it_does_not_know() {
    for form in ["", "Action=Test&Version=1", "Nope=1", "Number=", "List.other.1=a", "=", "&&&", "Inner=a"] {
        assert_eq!(decoded(&AWS_QUERY, form), Ok(Document::Structure(vec![])), "{form}");
    }
}

#[test]
fn refuses_what_does_not_fit() {
    let deep = format!("Inner{}.Text=a", ".Again".repeat(100));
    for form in [
        "Number=a",
        "Number=99999999999",
        "Flag=yes",
        "Time=soon",
        "List.member.0=a",
        "List.member.x=a",
        "List.member.01=a",
        "Map.entry.1.value=1",
        "Map.entry.1.key=a&Map.entry.1.value=x",
        &deep,
    ] {
        let rejection = decoded(&AWS_QUERY, form).expect_err(form);
        assert_eq!((rejection.status, &*rejection.code), (400, "MalformedInput"), "{form}");
    }
}

#[test]
fn validation_is_told_in_the_words_of_the_query_services() {
    let refused = |form: &str| {
        let operation = ops::AssumeRole::SCHEMA;
        let document = AWS_QUERY.decode(operation, &parts(), form.as_bytes()).expect(form);
        let rejection = validate::input(operation, &document).expect_err(form);
        (rejection.code.into_owned(), rejection.message.expect("a message").into_owned())
    };
    let role = "RoleArn=arn:aws:iam::123456789012:role/a";
    let (code, message) = refused(&format!("{role}&RoleSessionName=a"));
    assert_eq!(code, "ValidationError");
    assert_eq!(
        message,
        "1 validation error detected: Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have \
         length greater than or equal to 2"
    );
    let (_, message) = refused(&format!("{role}&RoleSessionName=ab&PolicyArns.member.1.arn=short"));
    assert!(message.contains("at 'policyArns.1.member.arn' failed"), "{message}");
    let (_, message) = refused("RoleSessionName=ab");
    assert!(message.contains("Value null at 'roleArn' failed to satisfy constraint: Member must not be null"));
}

fn body(reply: &Reply) -> &str {
    assert_eq!(reply.content_type, "text/xml");
    str::from_utf8(&reply.body).expect("UTF-8")
}

#[test]
fn writes_answers_in_their_wrapper() {
    let answer = AssumeRoleResponse {
        credentials: Some(
            Credentials { expiration: Some(Timestamp::from_millis(1_767_225_600_000)), ..Default::default() }.into(),
        ),
        assumed_role_user: Some(AssumedRoleUser { arn: Some("<a>&\"b\"".into()), ..Default::default() }.into()),
        packed_policy_size: Some(3),
        ..Default::default()
    };
    let reply = AWS_QUERY.encode(ops::AssumeRole::SCHEMA, &answer, "id");
    assert_eq!(
        body(&reply),
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <Expiration>2026-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>&lt;a&gt;&amp;&quot;b&quot;\
         </Arn></AssumedRoleUser><PackedPolicySize>3</PackedPolicySize></AssumeRoleResult><ResponseMetadata>\
         <RequestId>id</RequestId></ResponseMetadata></AssumeRoleResponse>"
    );
}

#[test]
fn writes_errors() {
    let error = AssumeRoleError::from(ValidationErrorException::new("no"));
    let reply = AWS_QUERY.encode_error(&error, "id");
    assert_eq!(reply.status, 400);
    assert_eq!(
        body(&reply),
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>ValidationError</Code><Message>no</Message></Error><RequestId>id</RequestId></ErrorResponse>"
    );
    let unexpected = AssumeRoleError::from(Unexpected::new("the disk is full"));
    let reply = AWS_QUERY.encode_error(&unexpected, "id");
    assert_eq!(reply.status, 500);
    assert!(body(&reply).contains("<Type>Receiver</Type>") && !body(&reply).contains("disk"));
    let reply = EC2_QUERY.encode_rejection(&Rejection::serialization(None), "id");
    assert_eq!(
        body(&reply),
        "<Response><Errors><Error><Code>MalformedInput</Code></Error></Errors><RequestID>id</RequestID></Response>"
    );
}

#[test]
fn writes_lists_and_maps() {
    let mut xml = XmlWriter::new();
    xml.begin_structure(&INPUT);
    for (name, schema) in [("List", &LIST), ("Flats", &FLAT)] {
        xml.member(INPUT.member(name).expect("a member").1);
        xml.begin_list(schema, 2);
        for value in ["a", "b"] {
            xml.element();
            xml.string(value);
        }
        xml.end_list();
    }
    for (name, schema) in [("Map", &MAP), ("FlatMap", &FLAT_MAP)] {
        xml.member(INPUT.member(name).expect("a member").1);
        xml.begin_map(schema, 2);
        for key in ["a", "b"] {
            xml.key(key);
            xml.string("1");
        }
        xml.end_map();
    }
    xml.end_structure();
    assert_eq!(
        String::from_utf8(xml.finish()).expect("UTF-8"),
        "<List><member>a</member><member>b</member></List><Flat>a</Flat><Flat>b</Flat>\
         <Map><entry><key>a</key><value>1</value></entry><entry><key>b</key><value>1</value></entry></Map>\
         <FlatMap><Name>a</Name><Value>1</Value></FlatMap><FlatMap><Name>b</Name><Value>1</Value></FlatMap>"
    );
}

/// The texts of all elements of that name, as an XML parser reads them.
fn texts(xml: &str, name: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut found, mut inside) = (Vec::new(), None);
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(start) if start.name().as_ref() == name => inside = Some(String::new()),
            Event::End(_) => found.extend(inside.take()),
            Event::Text(text) => {
                if let Some(inside) = &mut inside {
                    inside.push_str(&text);
                }
            }
            Event::GeneralRef(reference) => {
                if let Some(inside) = &mut inside {
                    match reference.resolve_char_ref().expect("a number") {
                        Some(letter) => inside.push(letter),
                        None => inside.push_str(quick_xml::escape::resolve_xml_entity(&reference).expect("an entity")),
                    }
                }
            }
            Event::Eof => return found,
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn any_form_is_read_or_refused(form in "([A-Za-z.]{0,12}(member|entry|[0-9]{0,3}|Inner|Again|Map|List)[.=&%+]?){0,20}") {
        for codec in [&AWS_QUERY, &EC2_QUERY] {
            let _ = decoded(codec, &form);
        }
    }

    #[test]
    fn any_text_survives_the_form_and_the_xml(name in "\\PC{0,40}") {
        let form = form_urlencoded::Serializer::new(String::new()).append_pair("RoleSessionName", &name).finish();
        let document = AWS_QUERY.decode(ops::AssumeRole::SCHEMA, &parts(), form.as_bytes()).expect("a form");
        let input = AssumeRoleRequest::from_document(document).expect("fits");
        prop_assert_eq!(input.role_session_name.as_deref(), Some(name.as_str()));
        let answer = AssumeRoleResponse { source_identity: Some(name.clone()), ..Default::default() };
        let reply = AWS_QUERY.encode(ops::AssumeRole::SCHEMA, &answer, "id");
        prop_assert_eq!(texts(body(&reply), "SourceIdentity"), vec![name]);
    }

    #[test]
    fn any_control_character_leaves_the_xml_readable(name in any::<String>()) {
        let answer = AssumeRoleResponse { source_identity: Some(name), ..Default::default() };
        let reply = AWS_QUERY.encode(ops::AssumeRole::SCHEMA, &answer, "id");
        prop_assert_eq!(texts(body(&reply), "SourceIdentity").len(), 1);
    }
}
