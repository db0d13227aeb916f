//! A source file as the rules see it: code without comments, and which lines are tests.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) generated: bool,
    pub(crate) has_header: bool,
    pub(crate) lines: Vec<Line>,
}

pub(crate) struct Line {
    /// From 1.
    pub(crate) number: usize,
    /// Without comments, and with string literals emptied.
    pub(crate) code: String,
    pub(crate) test: bool,
    /// The rules that a comment here, or on the line before, makes an exception from.
    pub(crate) allows: Vec<String>,
}

/// All Rust files that git knows or would take in.
pub(crate) fn load(root: &Path) -> Result<Vec<Source>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "--", "*.rs"])
        .current_dir(root)
        .output()
        .context("running git")?;
    ensure!(output.status.success(), "git ls-files failed: {}", String::from_utf8_lossy(&output.stderr));
    let paths = String::from_utf8(output.stdout)?;
    let mut sources = vec![];
    for path in paths.lines() {
        // Known to git, but deleted.
        let Ok(text) = fs::read_to_string(root.join(path)) else { continue };
        sources.push(parse(path, &text));
    }
    Ok(sources)
}

pub(crate) fn parse(path: &str, text: &str) -> Source {
    let mut lines = vec![];
    let mut module = TestModule::default();
    let mut before: Vec<String> = vec![];
    for (index, text) in text.lines().enumerate() {
        let (code, comment) = split(text);
        let here = allowed(comment);
        let mut allows = here.clone();
        allows.append(&mut before);
        before = here;
        let test = is_test_file(path) | module.contains(text, &code);
        lines.push(Line { number: index + 1, code, test, allows });
    }
    Source {
        path: path.to_owned(),
        generated: path.contains("/generated/") || text.lines().take(5).any(|line| line.contains("@generated")),
        has_header: text.lines().take(3).any(|line| line.starts_with("//!")),
        lines,
    }
}

fn is_test_file(path: &str) -> bool {
    let folder = |name: &str| path.starts_with(&format!("{name}/")) || path.contains(&format!("/{name}/"));
    folder("tests") || folder("benches") || path.ends_with("/tests.rs") || path.ends_with("_tests.rs")
}

/// Follows `#[cfg(test)] mod tests {` to its closing brace, which rustfmt puts at the same indentation.
#[derive(Default)]
struct TestModule {
    attribute_seen: bool,
    closing: Option<String>,
}

impl TestModule {
    fn contains(&mut self, text: &str, code: &str) -> bool {
        if let Some(closing) = &self.closing {
            if text == closing {
                self.closing = None;
            }
            return true;
        }
        let code = code.trim();
        if self.attribute_seen && code.contains("mod ") && code.ends_with('{') {
            let indentation = &text[..text.len() - text.trim_start().len()];
            self.closing = Some(format!("{indentation}}}"));
            self.attribute_seen = false;
            return true;
        }
        if !code.is_empty() && !code.starts_with("#[") {
            self.attribute_seen = false;
        }
        self.attribute_seen |= code.starts_with("#[cfg(test)]");
        self.attribute_seen
    }
}

/// Splits a line into code, with string literals emptied, and comment. Good enough for formatted code: literals that
/// span lines are taken for code.
fn split(text: &str) -> (String, &str) {
    let mut code = String::with_capacity(text.len());
    let mut in_string = false;
    let mut chars = text.char_indices().peekable();
    while let Some((index, char)) = chars.next() {
        match char {
            '\\' if in_string => {
                chars.next();
            }
            // Not the character literal '"'.
            '"' if in_string || !code.ends_with('\'') => {
                in_string = !in_string;
                code.push('"');
            }
            _ if in_string => {}
            '/' if chars.peek().is_some_and(|(_, next)| *next == '/') => return (code, &text[index..]),
            _ => code.push(char),
        }
    }
    (code, "")
}

/// The rules of `tidy: allow(<rule>): <reason>`; without a reason it does not count.
fn allowed(comment: &str) -> Vec<String> {
    let mut allows = vec![];
    if let Some((_, rest)) = comment.split_once("tidy: allow(")
        && let Some((rules, reason)) = rest.split_once("):")
        && !reason.trim().is_empty()
    {
        allows.extend(rules.split(',').map(|rule| rule.trim().to_owned()));
    }
    allows
}
