//! `cargo xtask tidy`: the rules of the house that neither rustfmt nor clippy knows.
//!
//! Plain text checks: a rule names words that must not be in certain files. That is enough to catch a slip, and what
//! is meant can be said: `// tidy: allow(<rule>): <reason>` on the line, or on the one before.

mod rules;
mod source;

use std::fmt;
use std::path::Path;

use anyhow::{Result, ensure};

use rules::RULES;
use source::Source;

/// Hand-written files are at most this long: then one subject fits, and a person can read it in one go.
const MAX_LINES: usize = 500;

pub(crate) struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    problem: String,
    mend: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: [{}] {}\n    {}", self.path, self.line, self.rule, self.problem, self.mend)
    }
}

pub(crate) fn run(root: &Path) -> Result<()> {
    let mut findings = vec![];
    let sources = source::load(root)?;
    for source in &sources {
        findings.extend(check(source));
    }
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "{} untidy places in {} files", findings.len(), sources.len());
    println!("{} files are tidy", sources.len());
    Ok(())
}

fn check(source: &Source) -> Vec<Finding> {
    let mut findings = vec![];
    if !source.generated {
        findings.extend(length(source));
        findings.extend(header(source));
    }
    for rule in RULES {
        if !(rule.applies)(&source.path) {
            continue;
        }
        for line in &source.lines {
            if line.test && !rule.in_tests {
                continue;
            }
            let Some(word) = (rule.finds)(&line.code) else { continue };
            if !line.allows.iter().any(|allowed| allowed == rule.name) {
                findings.push(Finding {
                    path: source.path.clone(),
                    line: line.number,
                    rule: rule.name,
                    problem: format!("`{word}` does not belong here"),
                    mend: rule.mend,
                });
            }
        }
    }
    findings
}

fn length(source: &Source) -> Option<Finding> {
    let lines = source.lines.len();
    (lines > MAX_LINES).then(|| Finding {
        path: source.path.clone(),
        line: MAX_LINES + 1,
        rule: "length",
        problem: format!("the file has {lines} lines, {MAX_LINES} are the limit"),
        mend: "split it into files of one subject each (tests can go to tests.rs beside it)",
    })
}

fn header(source: &Source) -> Option<Finding> {
    (!source.has_header).then(|| Finding {
        path: source.path.clone(),
        line: 1,
        rule: "header",
        problem: "the file does not say what it is about".into(),
        mend: "begin it with a `//!` line",
    })
}

#[cfg(test)]
mod tests;
