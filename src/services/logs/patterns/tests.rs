//! The examples of AWS's guide, and patterns made at random against a naive reading of them.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn matches(pattern: &str, message: &str) -> bool {
    Pattern::parse(pattern).unwrap_or_else(|_| panic!("{pattern} is a pattern")).matches(message)
}

const LINES: [&str; 4] = [
    "[ERROR 400] BAD REQUEST",
    "[ERROR 401] UNAUTHORIZED REQUEST",
    "[ERROR 419] MISSING ARGUMENTS",
    "[ERROR 420] INVALID ARGUMENTS",
];

fn matching(pattern: &str) -> Vec<usize> {
    (0..LINES.len()).filter(|line| matches(pattern, LINES[*line])).collect()
}

#[test]
fn terms() {
    for (pattern, lines) in [
        ("", &[0, 1, 2, 3][..]),
        ("\" \"", &[0, 1, 2, 3]),
        ("ERROR", &[0, 1, 2, 3]),
        ("error", &[]),
        ("ERROR ARGUMENTS", &[2, 3]),
        ("ERROR  -ARGUMENTS", &[0, 1]),
        ("-ARGUMENTS", &[0, 1]),
        ("?BAD ?INVALID", &[0, 3]),
        ("?BAD ?INVALID REQUEST", &[0, 1]),
        ("?BAD -REQUEST", &[2, 3]),
        ("\"ERROR 42\"", &[3]),
        ("\"[ERROR\" \"420]\"", &[3]),
        ("-\"BAD REQUEST\" REQUEST", &[1]),
        ("%4[01]\\d%", &[0, 1, 2]),
        ("%AUTHORIZED%", &[1]),
        ("ERROR -%4.9%", &[0, 1, 3]),
    ] {
        assert_eq!(matching(pattern), lines, "{pattern}");
    }
}

const EVENT: &str = r#"{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111",
    "arrayKey": ["value", "another value"], "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
    "SomeObject": null, "cluster.name": "c", "status": 404, "ratio": 0.5, "ok": true, "text": "404",
    "user": {"id": 1, "email": "John.Stiles@example.com"}, "coordinates": [[0, 1, 2], [4, 5, 6]],
    "actions": ["GET", "PUT", "DELETE"], "big": 1000}"#;

#[test]
fn json() {
    for (pattern, expected) in [
        (r#"{ $.eventType = "UpdateTrail" }"#, true),
        (r#"{$.eventType="UpdateTrail"}"#, true),
        (r"{ $.eventType = Update* }", true),
        (r#"{ $.eventType = "*Trail" }"#, true),
        (r#"{ $.eventType = "trail" }"#, false),
        (r"{ $.eventType =%Trail% }", true),
        (r"{ $.eventType != %Trail% }", false),
        (r"{ $.sourceIPAddress != 123.123.* }", true),
        (r"{ $.sourceIPAddress = 111.111.111.111 }", true),
        (r#"{ $.arrayKey[0] = "value" }"#, true),
        (r#"{ $.arrayKey[2] = "value" }"#, false),
        (r"{ $.arrayKey[*] = %val.{2}% }", true),
        (r#"{ $.objectList[*].name = "b" }"#, true),
        (r"{ $.objectList[1].id > 1 }", true),
        (r"{ $.* = %111\.111\.111\.1[0-9]{1,2}% }", true),
        (r#"{ $.['cluster.name'] = "c" }"#, true),
        (r"{ $.SomeObject IS NULL }", true),
        (r"{ $.eventType IS NULL }", false),
        (r"{ $.ok IS TRUE }", true),
        (r"{ $.ok IS FALSE }", false),
        (r"{ $.SomeOtherObject NOT EXISTS }", true),
        (r"{ $.SomeObject NOT EXISTS }", false),
        (r"{ $.status = 404 }", true),
        (r"{ $.status = 4* }", true),
        (r"{ $.status >= 404 && $.status < 405 }", true),
        (r"{ $.status != 500 }", true),
        (r"{ $.text = 404 }", true),
        (r"{ $.text > 1 }", false),
        (r"{ $.ratio < 5e-1 }", false),
        (r"{ $.ratio <= +0.50 }", true),
        (r"{ $.big = 1e+3 }", true),
        (r"{ $.missing != 1 }", false),
        (r"{ $.user = * }", false),
        (r#"{ ($.user.id = 1) && ($.user.email = "John.*") }"#, true),
        (
            r#"{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = "nonmatch" && $.actions[2] = "nonmatch" }"#,
            true,
        ),
        (
            r#"{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = "nonmatch") && $.actions[2] = "nonmatch" }"#,
            false,
        ),
        (r#"{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }"#, false),
    ] {
        assert_eq!(matches(pattern, EVENT), expected, "{pattern}");
    }
    for message in ["", "{", "[1]", "text", "{\"a\": 1} x"] {
        assert!(!matches("{ $.a NOT EXISTS }", message), "{message}");
    }
}

const ACCESS: &str = r#"127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;

#[test]
fn delimited() {
    for (pattern, expected) in [
        (r"[ip=%127\.0\.0\.[1-9]%, user, username, timestamp, request =*.html*, status_code = 4*, bytes]", true),
        ("[ip, user, username, timestamp, request, status_code, bytes]", true),
        ("[ip, user, username, timestamp, request, status_code, bytes, more]", false),
        ("[..., request =*.html*, status_code = 4*, bytes]", true),
        ("[..., bytes > 1533]", true),
        ("[..., bytes > 1534]", false),
        ("[ip, ..., status_code = 404, bytes]", true),
        ("[ip, ..., status_code = 404]", false),
        ("[...]", true),
        ("[ip, user, username, timestamp, request, status_code = 404 || status_code = 410, bytes]", true),
        ("[ip, user, username, timestamp, request, (status_code != 404 && status_code != 410), bytes]", false),
        ("[..., user = \"Prod\", ...]", true),
        ("[w1=127.0.0.1, w2]", true),
        ("[w1!=127.0.0.1, w2]", false),
        ("[w1, w2=Prod]", false),
    ] {
        assert_eq!(matches(pattern, ACCESS), expected, "{pattern}");
    }
    assert!(matches("[w1=ERROR, w2]", "ERROR 09/25/2014 12:00:02 Failed to process request"));
    assert!(!matches("[w1=ERROR || w1=WARNING, w2]", "INFO 09/25/2014 12:00:00 GET /service/resource/67 1200"));
    assert!(!matches("[w1, w2]", "one"));
}

#[test]
fn what_a_metric_filter_takes() {
    let extract = |pattern: &str, message: &str| {
        let values = Pattern::parse(pattern).expect("a pattern").extract(message);
        values.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(
        extract("[ip, user, name, time, request, status = 4*, bytes]", ACCESS),
        "$bytes=1534; $ip=127.0.0.1; $name=frank; $request=GET /index.html HTTP/1.0; $status=404; \
         $time=10/Oct/2000:13:25:15 -0700; $user=Prod"
    );
    assert_eq!(extract("[ip, ..., bytes]", "1.1.1.1 a b 5"), "$2=a; $3=b; $bytes=5; $ip=1.1.1.1");
    assert_eq!(extract("[w1=ERROR, w2]", "ERROR a [b c] d"), "$w1=ERROR; $w2=a [b c] d");
    assert_eq!(
        extract("{ $.user.id = 1 && $.arrayKey[1] = * && $.none NOT EXISTS }", EVENT),
        "$.arrayKey[1]=another value; $.user.id=1"
    );
    assert_eq!(extract("ERROR", "ERROR"), "");
}

#[test]
fn what_is_no_pattern_is_refused() {
    for bad in [
        "a-b",
        "a,b",
        "\"open",
        "%open",
        "ERROR:",
        "?",
        "-",
        "- a",
        "--a",
        "a\"b\"",
        "%a% b %c% %d%",
        "%(a)%",
        "{",
        "{}",
        "{ }",
        "{ $ = 1 }",
        "{ $. = 1 }",
        "{ a = 1 }",
        "{ $.a }",
        "{ $.a = }",
        "{ $.a == 1 }",
        "{ $.a = 1 } x",
        "{ $.a = 1 && }",
        "{ ($.a = 1 }",
        "{ $.a > b }",
        "{ $.a > \"1\" }",
        "{ $.a IS }",
        "{ $.a IS NOT NULL }",
        "{ $.a EXISTS }",
        "{ $.a is null }",
        "{ $.a[x] = 1 }",
        "{ $.a[1 = 1 }",
        "{ $.*.* = 1 }",
        "{ $.a[*] = 1 && $.b[*] = 1 && $.* = 1 && $.c[*] = 1 }",
        "{ $.a = %a% && $.b = %b% && $.c = %c% }",
        "{ $.a = a b }",
        "[",
        "[]",
        "[a",
        "[a b]",
        "[a,]",
        "[a = ]",
        "[a = 1 || b = 2]",
        "[a > x]",
        "[a] x",
        "[a..., b]",
    ] {
        assert!(Pattern::parse(bad).is_err(), "{bad}");
    }
    let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(400), ")".repeat(400));
    assert!(Pattern::parse(&deep).is_err());
}

/// A term, and how it is marked.
fn term() -> impl Strategy<Value = (char, String)> {
    (prop_oneof![Just(' '), Just('?'), Just('-')], "[ab]{1,3}")
}

/// A condition as a tree, for a naive evaluation.
#[derive(Clone, Debug)]
enum Tree {
    Compare(&'static str, &'static str, i32),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let operators = prop_oneof![Just("="), Just("!="), Just("<"), Just("<="), Just(">"), Just(">=")];
    let leaf = (prop_oneof![Just("a"), Just("b"), Just("c")], operators, -2..3_i32)
        .prop_map(|(name, operator, value)| Tree::Compare(name, operator, value));
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Tree::And(Box::new(a), Box::new(b))),
            (inner.clone(), inner).prop_map(|(a, b)| Tree::Or(Box::new(a), Box::new(b))),
        ]
    })
}

impl Tree {
    /// With no more parentheses than the order of the operators needs.
    fn text(&self, prefix: &str, inside_and: bool) -> String {
        match self {
            Self::Compare(name, operator, value) => format!("{prefix}{name} {operator} {value}"),
            Self::And(a, b) => format!("{}&&{}", a.text(prefix, true), b.text(prefix, true)),
            Self::Or(a, b) if inside_and => format!("({} || {})", a.text(prefix, false), b.text(prefix, false)),
            Self::Or(a, b) => format!("{} || {}", a.text(prefix, false), b.text(prefix, false)),
        }
    }

    fn holds(&self, values: &BTreeMap<&str, i32>) -> bool {
        match self {
            Self::Compare(name, operator, wanted) => values.get(name).is_some_and(|value| match *operator {
                "=" => value == wanted,
                "!=" => value != wanted,
                "<" => value < wanted,
                "<=" => value <= wanted,
                ">" => value > wanted,
                _ => value >= wanted,
            }),
            Self::And(a, b) => a.holds(values) && b.holds(values),
            Self::Or(a, b) => a.holds(values) || b.holds(values),
        }
    }
}

/// A glob, the slow way.
fn naive_glob(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skip| naive_glob(rest, &text[skip..])),
        Some((char, rest)) => text.first() == Some(char) && naive_glob(rest, &text[1..]),
    }
}

/// Whether the fields of a pattern (`None` for an ellipsis) are those of a message, the slow way.
fn naive_fields(pattern: &[Option<u8>], fields: &[u8]) -> bool {
    match pattern.split_first() {
        None => fields.is_empty(),
        Some((None, rest)) => (0..=fields.len()).any(|skip| naive_fields(rest, &fields[skip..])),
        Some((Some(wanted), rest)) => fields.first() == Some(wanted) && naive_fields(rest, &fields[1..]),
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        pattern in r#"[\[\]{}()$.*%"'?, =<>!&|a1\\-]{0,40}|.{0,40}"#, message in r#"[\[\]{}"a1 :,]{0,40}|.{0,40}"#
    ) {
        if let Ok(pattern) = Pattern::parse(&pattern) {
            let matched = pattern.matches(&message);
            let extracted = pattern.extract(&message);
            prop_assert!(matched || extracted.is_empty() || pattern.0.is_json());
        }
    }

    #[test]
    fn terms_are_what_the_guide_says(terms in proptest::collection::vec(term(), 1..5), message in "[ab ]{0,12}") {
        let text: Vec<String> = terms.iter().map(|(mark, text)| format!("{mark}{text}").trim().to_owned()).collect();
        let marked = |wanted: char| terms.iter().filter(move |(mark, _)| *mark == wanted).map(|(_, text)| text.as_str());
        let only_optional = marked(' ').count() + marked('-').count() == 0;
        let expected = marked(' ').all(|term| message.contains(term))
            && !marked('-').any(|term| message.contains(term))
            && (!only_optional || marked('?').any(|term| message.contains(term)));
        prop_assert_eq!(matches(&text.join(" "), &message), expected);
    }

    #[test]
    fn conditions_on_json_hold_as_their_tree_does(
        tree in tree(), values in proptest::collection::btree_map(prop_oneof![Just("a"), Just("b"), Just("c")], -2..3_i32, 0..4)
    ) {
        let message = serde_json::to_string(&values).expect("JSON");
        prop_assert_eq!(matches(&format!("{{ {} }}", tree.text("$.", false)), &message), tree.holds(&values));
    }

    #[test]
    fn conditions_on_a_field_hold_as_their_tree_does(tree in tree(), value in -2..3_i32) {
        // All conditions of a field are about that field.
        let text = tree.text("", false).replace(['b', 'c'], "a");
        let values = ["a", "b", "c"].map(|name| (name, value)).into();
        prop_assert_eq!(matches(&format!("[first, {text}]"), &format!("x {value}")), tree.holds(&values));
    }

    #[test]
    fn globs_are_what_they_seem(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        prop_assert_eq!(glob_matches(&pattern, &text), naive_glob(&chars(&pattern), &chars(&text)));
    }

    #[test]
    fn ellipses_stand_for_any_fields(
        pattern in proptest::collection::vec(proptest::option::of(b'a'..b'd'), 1..6), fields in proptest::collection::vec(b'a'..b'd', 0..8)
    ) {
        let text: Vec<String> = pattern
            .iter()
            .map(|field| field.map_or("...".to_owned(), |wanted| format!("f={}", char::from(wanted))))
            .collect();
        let message: Vec<String> = fields.iter().map(|field| char::from(*field).to_string()).collect();
        let expected = naive_fields(&pattern, &fields);
        prop_assert_eq!(matches(&format!("[{}]", text.join(", ")), &message.join(" ")), expected);
    }
}

impl Kind {
    fn is_json(&self) -> bool {
        matches!(self, Self::Json(_))
    }
}
