//! From text to an [`Expression`], by recursive descent, with the position of what is wrong.
//!
//! ```text
//! or         := and { ("||" | "or") and }
//! and        := not { ("&&" | "and") not }
//! not        := ("!" | "not") not | "(" or ")" | comparison
//! comparison := subject operator [ argument | "[" argument { "," argument } "]" ]
//! ```
//! Arguments may stand in single or double quotes, and must where they hold spaces. Without quotes an argument ends
//! at a space, at `&&`, `||` or a parenthesis that it did not open, in a list also at a comma or a bracket.

use super::value::{Relation, Test, Value, pattern};
use super::{Comparison, Expression, MAX_LENGTH, Node, Subject};

/// So deep may parentheses and negations be nested.
const MAX_DEPTH: usize = 64;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at position {position}")]
pub struct SyntaxError {
    pub message: String,
    /// In characters, from 1.
    pub position: usize,
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        if text.chars().count() > MAX_LENGTH {
            return Err(parser.wrong_at(0, format!("an expression can have at most {MAX_LENGTH} characters")));
        }
        let root = parser.or()?;
        parser.space();
        match parser.rest().chars().next() {
            None => Ok(Self { root }),
            Some(')') => Err(parser.wrong("this parenthesis closes nothing")),
            Some(_) => Err(parser.wrong("expected 'and', 'or' or the end")),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equals,
    Order(Relation),
    Exists,
    In,
    Matches,
}

/// The operators with their two names each, longer ones before their own beginnings.
const SYMBOLS: &[(&str, Operator, bool)] = &[
    ("==", Operator::Equals, false),
    ("!=", Operator::Equals, true),
    ("=~", Operator::Matches, false),
    ("!~", Operator::Matches, true),
    (">=", Operator::Order(Relation::GreaterOrEqual), false),
    ("<=", Operator::Order(Relation::LessOrEqual), false),
    (">", Operator::Order(Relation::Greater), false),
    ("<", Operator::Order(Relation::Less), false),
];
const WORDS: &[(&str, Operator, bool)] = &[
    ("equals", Operator::Equals, false),
    ("not_equals", Operator::Equals, true),
    ("greater_than", Operator::Order(Relation::Greater), false),
    ("greater_than_equal", Operator::Order(Relation::GreaterOrEqual), false),
    ("less_than", Operator::Order(Relation::Less), false),
    ("less_than_equal", Operator::Order(Relation::LessOrEqual), false),
    ("exists", Operator::Exists, false),
    ("!exists", Operator::Exists, true),
    ("not_exists", Operator::Exists, true),
    ("in", Operator::In, false),
    ("!in", Operator::In, true),
    ("not_in", Operator::In, true),
    ("matches", Operator::Matches, false),
    ("not_matches", Operator::Matches, true),
];

impl Subject {
    fn named(name: &str) -> Option<Self> {
        match name {
            "agentConnected" => Some(Self::AgentConnected),
            "agentVersion" => Some(Self::AgentVersion),
            "ec2InstanceId" => Some(Self::Ec2InstanceId),
            "registeredAt" => Some(Self::RegisteredAt),
            "runningTasksCount" => Some(Self::RunningTasksCount),
            "task:group" => Some(Self::TaskGroup),
            _ => {
                let attribute = name.strip_prefix("attribute:").filter(|name| !name.is_empty())?;
                Some(Self::Attribute(attribute.to_owned()))
            }
        }
    }

    fn takes(&self, operator: Operator) -> bool {
        match self {
            Self::Attribute(_) => true,
            Self::AgentConnected | Self::Ec2InstanceId | Self::TaskGroup => {
                matches!(operator, Operator::Equals | Operator::In | Operator::Matches)
            }
            Self::AgentVersion | Self::RegisteredAt | Self::RunningTasksCount => {
                matches!(operator, Operator::Equals | Operator::Order(_))
            }
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, SyntaxError>;

impl<'a> Parser<'a> {
    fn or(&mut self) -> Parsed<Node> {
        self.chain("||", "or", Self::and, Node::Or)
    }

    fn and(&mut self) -> Parsed<Node> {
        self.chain("&&", "and", Self::not, Node::And)
    }

    fn chain(
        &mut self,
        symbol: &str,
        word: &str,
        operand: fn(&mut Self) -> Parsed<Node>,
        join: fn(Vec<Node>) -> Node,
    ) -> Parsed<Node> {
        let first = operand(self)?;
        let mut nodes = vec![first];
        while self.takes(symbol) || self.takes_word(word) {
            nodes.push(operand(self)?);
        }
        Ok(if nodes.len() == 1 { nodes.swap_remove(0) } else { join(nodes) })
    }

    fn not(&mut self) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong("the expression is nested too deeply"));
        }
        let node = if self.takes("!") || self.takes_word("not") {
            Node::Not(Box::new(self.not()?))
        } else if self.takes("(") {
            let opened = self.at - 1;
            let inner = self.or()?;
            if !self.takes(")") {
                return Err(match self.rest().is_empty() {
                    true => self.wrong_at(opened, "this parenthesis is not closed"),
                    false => self.wrong("expected 'and', 'or' or ')'"),
                });
            }
            inner
        } else {
            Node::Comparison(self.comparison()?)
        };
        self.depth -= 1;
        Ok(node)
    }

    fn comparison(&mut self) -> Parsed<Comparison> {
        self.space();
        let start = self.at;
        let name = self.word(|c| c.is_alphanumeric() || "-_./\\:".contains(c));
        if name.is_empty() {
            return Err(self.wrong("expected a subject, such as attribute:ecs.instance-type"));
        }
        let subject = Subject::named(name).ok_or_else(|| {
            self.wrong_at(
                start,
                format!(
                    "'{name}' is no subject; there are agentConnected, agentVersion, attribute:<name>, ec2InstanceId, \
                     registeredAt, runningTasksCount and task:group"
                ),
            )
        })?;
        self.space();
        let start = self.at;
        let Some((operator, negated)) = self.operator() else {
            return Err(self.wrong("expected an operator"));
        };
        if !subject.takes(operator) {
            let operator = self.text[start..self.at].trim();
            return Err(self.wrong_at(start, format!("the operator '{operator}' cannot be used with '{name}'")));
        }
        let test = match operator {
            Operator::Exists => Test::Exists,
            Operator::Equals => Test::OneOf(vec![self.value(&subject, false)?]),
            Operator::Order(relation) => Test::Order(relation, self.value(&subject, false)?),
            Operator::In => Test::OneOf(self.list(&subject)?),
            Operator::Matches => {
                self.space();
                let start = self.at;
                let text = self.argument(false)?;
                let invalid = |why| self.wrong_at(start, format!("'{text}' is no regular expression: {why},"));
                Test::Matches(pattern(&text).map_err(invalid)?)
            }
        };
        Ok(Comparison { subject, negated, test })
    }

    fn operator(&mut self) -> Option<(Operator, bool)> {
        if let Some((symbol, operator, negated)) =
            SYMBOLS.iter().find(|(symbol, ..)| self.rest().starts_with(symbol)).copied()
        {
            self.at += symbol.len();
            return Some((operator, negated));
        }
        let found = WORDS.iter().find(|(word, ..)| self.takes_word(word));
        found.map(|(_, operator, negated)| (*operator, *negated))
    }

    fn value(&mut self, subject: &Subject, in_list: bool) -> Parsed<Value> {
        self.space();
        let start = self.at;
        let text = self.argument(in_list)?;
        Value::of(subject, &text).map_err(|expected| self.wrong_at(start, format!("'{text}' is not {expected},")))
    }

    fn list(&mut self, subject: &Subject) -> Parsed<Vec<Value>> {
        if !self.takes("[") {
            return Err(self.wrong("expected a list, such as [us-east-1a, us-east-1b]"));
        }
        let opened = self.at - 1;
        let mut values = vec![self.value(subject, true)?];
        loop {
            if self.takes("]") {
                return Ok(values);
            }
            if !self.takes(",") {
                return Err(match self.rest().is_empty() {
                    true => self.wrong_at(opened, "this bracket is not closed"),
                    false => self.wrong("expected ',' or ']'"),
                });
            }
            values.push(self.value(subject, true)?);
        }
    }

    /// One argument, without its quotes.
    fn argument(&mut self, in_list: bool) -> Parsed<String> {
        match self.rest().chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let opened = self.at;
                let Some(length) = self.rest()[1..].find(quote) else {
                    return Err(self.wrong_at(opened, "this quote is not closed"));
                };
                let text = self.rest()[1..=length].to_owned();
                self.at += length + 2;
                Ok(text)
            }
            _ => {
                let bare = bare(self.rest(), in_list);
                if bare.is_empty() {
                    return Err(self.wrong("expected a value"));
                }
                self.at += bare.len();
                Ok(bare.to_owned())
            }
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// The characters from here on that are of a word.
    fn word(&mut self, of_word: fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|c| !of_word(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    /// Steps over a symbol, if it is what follows.
    fn takes(&mut self, symbol: &str) -> bool {
        self.space();
        let there = self.rest().starts_with(symbol);
        self.at += if there { symbol.len() } else { 0 };
        there
    }

    /// Steps over a word, if it is what follows and ends there.
    fn takes_word(&mut self, word: &str) -> bool {
        self.space();
        let there = self.rest().strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_of_word));
        self.at += if there { word.len() } else { 0 };
        there
    }

    fn wrong(&self, message: impl Into<String>) -> SyntaxError {
        self.wrong_at(self.at, message)
    }

    fn wrong_at(&self, at: usize, message: impl Into<String>) -> SyntaxError {
        SyntaxError { message: message.into(), position: self.text[..at].chars().count() + 1 }
    }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

/// An argument without quotes at the beginning of `rest`.
fn bare(rest: &str, in_list: bool) -> &str {
    let mut open = 0_usize;
    for (at, c) in rest.char_indices() {
        let ends = match c {
            '(' => {
                open += 1;
                false
            }
            ')' if open == 0 => true,
            ')' => {
                open -= 1;
                false
            }
            ',' | '[' | ']' if in_list => true,
            '&' => rest[at..].starts_with("&&"),
            '|' => rest[at..].starts_with("||"),
            _ => c.is_whitespace(),
        };
        if ends {
            return &rest[..at];
        }
    }
    rest
}
