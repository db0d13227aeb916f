//! The rules: words, where they must not be, and what to do instead.

pub(crate) struct Rule {
    pub(crate) name: &'static str,
    /// Whether the rule is about this file.
    pub(crate) applies: fn(&str) -> bool,
    pub(crate) in_tests: bool,
    /// The first word of the line that is against the rule.
    pub(crate) finds: fn(&str) -> Option<&'static str>,
    pub(crate) mend: &'static str,
}

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "operations",
        applies: |path| path.starts_with("src/services/") && path.contains("/operations/"),
        in_tests: false,
        finds: |code| {
            first(code, &["crate::runtime", "bollard", "tokio::time", "sleep", "sleep_until", "real_sleep"])
                .or_else(|| import(code, "runtime"))
        },
        mend: "an operation reads a snapshot or makes one transaction; effects and waiting are a reconciler's work",
    },
    Rule {
        name: "json",
        applies: |path| {
            path.starts_with("src/") && !path.starts_with("src/protocol/") && !path.starts_with("src/admin/")
        },
        in_tests: false,
        finds: |code| {
            let value = code.contains("serde_json") && word(code, "Value");
            if value { Some("serde_json::Value") } else { first(code, &["json!"]) }
        },
        mend: "use a generated type, or a struct with serde: untyped JSON is for src/protocol and src/admin",
    },
    Rule {
        name: "time",
        applies: |path| path.starts_with("src/") && !path.starts_with("src/time/") && path != "src/ids.rs",
        in_tests: false,
        finds: |code| {
            const WORDS: &[&str] = &[
                "SystemTime::now",
                "Instant::now",
                "Timestamp::now",
                "Zoned::now",
                "tokio::time::sleep",
                "tokio::time::interval",
                "time::sleep",
                "thread::sleep",
                "Uuid::new_v4",
            ];
            first(code, WORDS)
        },
        mend: "take time from the injected Clock (src/time) and identifiers from the IdSource (src/ids.rs)",
    },
    Rule {
        name: "todo",
        applies: |_| true,
        in_tests: true,
        finds: |code| first(code, &["todo!", "unimplemented!"]),
        mend: "implement it, or answer a typed error that says what is missing",
    },
    Rule {
        name: "pure",
        applies: |path| {
            path.starts_with("src/services/")
                && (path.contains("/scheduler/")
                    || path.contains("/agent/next_step")
                    || path.ends_with("/scheduler.rs"))
        },
        in_tests: false,
        finds: |code| {
            let store = code.contains("crate::store") && word(code, "Store");
            if store {
                return Some("crate::store::Store");
            }
            first(code, &["tokio", "bollard", "crate::runtime::docker", "async fn", ".await"])
        },
        mend: "decisions are functions of (snapshot, now) that return a plan; the executor beside them has the effects",
    },
];

fn first(code: &str, words: &[&'static str]) -> Option<&'static str> {
    words.iter().copied().find(|wanted| word(code, wanted))
}

/// `use crate::{runtime::..., ...}`.
fn import(code: &str, module: &str) -> Option<&'static str> {
    (code.contains("use crate::{") && word(code, module)).then_some("crate::runtime")
}

/// Whether the text holds this word, and not only as a part of a longer one.
fn word(text: &str, word: &str) -> bool {
    let part = |char: char| char.is_alphanumeric() || char == '_';
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        let open_start = !word.starts_with(part) || !before.is_some_and(part);
        let open_end = !word.ends_with(part) || !after.is_some_and(part);
        open_start && open_end
    })
}
