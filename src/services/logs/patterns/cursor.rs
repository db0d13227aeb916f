//! Reading a pattern's text, piece by piece.

use super::InvalidPattern;
use super::regex::{self, Regex};

/// What is left of a pattern.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    pub(super) fn skip_whitespace(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes `text` if it is what comes next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Takes `text`, with whitespace before it, or fails.
    pub(super) fn expect(&mut self, text: &str) -> Result<(), InvalidPattern> {
        self.skip_whitespace();
        if self.take(text) { Ok(()) } else { Err(InvalidPattern) }
    }

    /// Takes a word, with whitespace before it, if it is what comes next; in upper case, as CloudWatch wants it.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let before = *self;
        self.skip_whitespace();
        let ends = |rest: &str| !rest.starts_with(|char: char| char.is_alphanumeric() || char == '_');
        if self.take(word) && ends(self.rest) {
            return true;
        }
        *self = before;
        false
    }

    /// Takes the characters that belong to something; at least one.
    pub(super) fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> Result<&'a str, InvalidPattern> {
        let end = self.rest.find(|char| !belongs(char)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        if taken.is_empty() { Err(InvalidPattern) } else { Ok(taken) }
    }

    /// Takes a text in these quotes, where a backslash keeps the next character from ending it. The quotes are next.
    pub(super) fn take_quoted(&mut self, quote: char) -> Result<String, InvalidPattern> {
        let mut chars = self.rest.char_indices();
        if chars.next().map(|(_, char)| char) != Some(quote) {
            return Err(InvalidPattern);
        }
        let mut text = String::new();
        while let Some((index, char)) = chars.next() {
            match char {
                '\\' => match chars.next() {
                    Some((_, escaped)) if escaped == quote || escaped == '\\' => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => return Err(InvalidPattern),
                },
                end if end == quote => {
                    self.rest = &self.rest[index + quote.len_utf8()..];
                    return Ok(text);
                }
                other => text.push(other),
            }
        }
        Err(InvalidPattern)
    }

    /// Takes a regular expression between percent signs, which are next.
    pub(super) fn take_regex(&mut self) -> Result<Regex, InvalidPattern> {
        let rest = self.rest.strip_prefix('%').ok_or(InvalidPattern)?;
        let (pattern, rest) = rest.split_once('%').ok_or(InvalidPattern)?;
        self.rest = rest;
        regex::compile(pattern)
    }

    /// Whether nothing but whitespace is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.trim_start().is_empty()
    }

    pub(super) fn starts_with(&self, text: &str) -> bool {
        self.rest.starts_with(text)
    }
}
