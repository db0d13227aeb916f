//! Conditions put together with `&&`, `||` and parentheses; `&&` binds closer.

use super::InvalidPattern;
use super::cursor::Cursor;

#[derive(Debug)]
pub(super) enum Condition<T> {
    Is(T),
    All(Vec<Condition<T>>),
    Any(Vec<Condition<T>>),
}

/// Parentheses may be this deep: a pattern has 1024 characters at most, and recursion must end somewhere.
const MAX_DEPTH: usize = 100;

impl<T> Condition<T> {
    /// Reads a condition; `leaf` reads what is put together.
    pub(super) fn parse(
        cursor: &mut Cursor<'_>,
        leaf: &mut impl FnMut(&mut Cursor<'_>) -> Result<T, InvalidPattern>,
    ) -> Result<Self, InvalidPattern> {
        Self::any(cursor, leaf, 0)
    }

    fn any(
        cursor: &mut Cursor<'_>,
        leaf: &mut impl FnMut(&mut Cursor<'_>) -> Result<T, InvalidPattern>,
        depth: usize,
    ) -> Result<Self, InvalidPattern> {
        let mut parts = vec![Self::all(cursor, leaf, depth)?];
        while follows(cursor, "||") {
            parts.push(Self::all(cursor, leaf, depth)?);
        }
        Ok(one_or(parts, Self::Any))
    }

    fn all(
        cursor: &mut Cursor<'_>,
        leaf: &mut impl FnMut(&mut Cursor<'_>) -> Result<T, InvalidPattern>,
        depth: usize,
    ) -> Result<Self, InvalidPattern> {
        let mut parts = vec![Self::single(cursor, leaf, depth)?];
        while follows(cursor, "&&") {
            parts.push(Self::single(cursor, leaf, depth)?);
        }
        Ok(one_or(parts, Self::All))
    }

    fn single(
        cursor: &mut Cursor<'_>,
        leaf: &mut impl FnMut(&mut Cursor<'_>) -> Result<T, InvalidPattern>,
        depth: usize,
    ) -> Result<Self, InvalidPattern> {
        cursor.skip_whitespace();
        if !cursor.take("(") {
            return leaf(cursor).map(Self::Is);
        }
        if depth >= MAX_DEPTH {
            return Err(InvalidPattern);
        }
        let inner = Self::any(cursor, leaf, depth + 1)?;
        cursor.expect(")")?;
        Ok(inner)
    }

    pub(super) fn holds(&self, leaf: &impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Is(item) => leaf(item),
            Self::All(parts) => parts.iter().all(|part| part.holds(leaf)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(leaf)),
        }
    }

    /// Visits what is put together, in the order of the text.
    pub(super) fn each<'a>(&'a self, visit: &mut impl FnMut(&'a T)) {
        match self {
            Self::Is(item) => visit(item),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each(visit)),
        }
    }
}

fn follows(cursor: &mut Cursor<'_>, operator: &str) -> bool {
    cursor.skip_whitespace();
    cursor.take(operator)
}

fn one_or<T>(mut parts: Vec<Condition<T>>, many: impl FnOnce(Vec<Condition<T>>) -> Condition<T>) -> Condition<T> {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            parts.extend(last);
            many(parts)
        }
    }
}
