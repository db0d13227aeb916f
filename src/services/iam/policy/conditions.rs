//! Conditions of a statement: operators, and how they compare.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

use std::net::IpAddr;

use super::document::{Conditions, Text};
use super::evaluate::Facts;
use super::wildcard::{matches, matches_arn};
use crate::time::Timestamp;

/// How an operator looks at the values of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Equals,
    EqualsIgnoringCase,
    Like,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    IpAddress,
    Arn,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equals,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds<T: PartialOrd>(self, fact: &T, value: &T) -> bool {
        match self {
            Self::Equals => fact == value,
            Self::Less => fact < value,
            Self::LessOrEqual => fact <= value,
            Self::Greater => fact > value,
            Self::GreaterOrEqual => fact >= value,
        }
    }
}

/// An operator, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operator {
    compare: Compare,
    /// `...NotEquals`: none of the values may fit.
    negated: bool,
    if_exists: bool,
    set: Option<Set>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    All,
    Any,
}

/// Whether there is an operator of that name.
pub(super) fn is_operator(name: &str) -> bool {
    operator(name).is_some()
}

fn operator(name: &str) -> Option<Operator> {
    let (set, name) = match name.split_once(':') {
        Some(("ForAllValues", name)) => (Some(Set::All), name),
        Some(("ForAnyValue", name)) => (Some(Set::Any), name),
        Some(_) => return None,
        None => (None, name),
    };
    let (if_exists, name) = name.strip_suffix("IfExists").map_or((false, name), |name| (true, name));
    let (compare, negated) = match name {
        "StringEquals" => (Compare::Equals, false),
        "StringNotEquals" => (Compare::Equals, true),
        "StringEqualsIgnoreCase" => (Compare::EqualsIgnoringCase, false),
        "StringNotEqualsIgnoreCase" => (Compare::EqualsIgnoringCase, true),
        "StringLike" => (Compare::Like, false),
        "StringNotLike" => (Compare::Like, true),
        "NumericEquals" => (Compare::Numeric(Order::Equals), false),
        "NumericNotEquals" => (Compare::Numeric(Order::Equals), true),
        "NumericLessThan" => (Compare::Numeric(Order::Less), false),
        "NumericLessThanEquals" => (Compare::Numeric(Order::LessOrEqual), false),
        "NumericGreaterThan" => (Compare::Numeric(Order::Greater), false),
        "NumericGreaterThanEquals" => (Compare::Numeric(Order::GreaterOrEqual), false),
        "DateEquals" => (Compare::Date(Order::Equals), false),
        "DateNotEquals" => (Compare::Date(Order::Equals), true),
        "DateLessThan" => (Compare::Date(Order::Less), false),
        "DateLessThanEquals" => (Compare::Date(Order::LessOrEqual), false),
        "DateGreaterThan" => (Compare::Date(Order::Greater), false),
        "DateGreaterThanEquals" => (Compare::Date(Order::GreaterOrEqual), false),
        "Bool" => (Compare::Bool, false),
        "BinaryEquals" => (Compare::Binary, false),
        "IpAddress" => (Compare::IpAddress, false),
        "NotIpAddress" => (Compare::IpAddress, true),
        "ArnEquals" | "ArnLike" => (Compare::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Compare::Arn, true),
        "Null" => (Compare::Null, false),
        _ => return None,
    };
    Some(Operator { compare, negated, if_exists, set })
}

/// Whether all conditions hold. One with an operator that nobody knows does not.
pub(super) fn hold(conditions: &Conditions, facts: &Facts) -> bool {
    conditions.iter().all(|(name, keys)| {
        let Some(operator) = operator(name) else { return false };
        keys.iter().all(|(key, values)| operator.holds(facts.values(key), &values.0, facts))
    })
}

impl Operator {
    fn holds(self, found: &[String], values: &[Text], facts: &Facts) -> bool {
        if self.compare == Compare::Null {
            return values.iter().any(|value| value.0.eq_ignore_ascii_case("true") == found.is_empty());
        }
        if found.is_empty() {
            // A key that is not there fits no value; `ForAllValues` has nothing that could be wrong.
            return self.negated || self.if_exists || self.set == Some(Set::All);
        }
        let fits = |fact: &String| values.iter().any(|value| self.compare.fits(fact, &facts.filled_in(&value.0)));
        let holds = |fact: &String| fits(fact) != self.negated;
        match self.set {
            Some(Set::All) => found.iter().all(holds),
            Some(Set::Any) => found.iter().any(holds),
            // A key with several values where one is expected: each value of a negated operator counts.
            None if self.negated => found.iter().all(holds),
            None => found.iter().any(holds),
        }
    }
}

impl Compare {
    fn fits(self, fact: &str, value: &str) -> bool {
        match self {
            Self::Equals | Self::Binary => fact == value,
            Self::EqualsIgnoringCase => fact.to_lowercase() == value.to_lowercase(),
            Self::Like => matches(value, fact),
            Self::Numeric(order) => both(fact, value, |text| text.parse::<f64>().ok(), order),
            Self::Date(order) => both(fact, value, date, order),
            Self::Bool => fact.eq_ignore_ascii_case(value),
            Self::IpAddress => in_range(fact, value),
            Self::Arn => matches_arn(value, fact),
            Self::Null => false,
        }
    }
}

fn both<T: PartialOrd>(fact: &str, value: &str, read: impl Fn(&str) -> Option<T>, order: Order) -> bool {
    match (read(fact), read(value)) {
        (Some(fact), Some(value)) => order.holds(&fact, &value),
        _ => false,
    }
}

/// A time as text, or in seconds since the epoch.
fn date(text: &str) -> Option<i64> {
    let seconds = || text.parse::<i64>().ok().map(|seconds| seconds.saturating_mul(1000));
    text.parse::<Timestamp>().ok().map(Timestamp::as_millis).or_else(seconds)
}

/// `10.0.0.7` in `10.0.0.0/8`; a range without a length is one address.
fn in_range(address: &str, range: &str) -> bool {
    let (network, length) = range.split_once('/').unwrap_or((range, ""));
    let (Ok(address), Ok(network)) = (address.parse::<IpAddr>(), network.parse::<IpAddr>()) else { return false };
    let (bits, address, network) = match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            (32, u128::from(u32::from(address)), u128::from(u32::from(network)))
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => (128, u128::from(address), u128::from(network)),
        _ => return false,
    };
    let length = if length.is_empty() { Some(bits) } else { length.parse().ok().filter(|length| *length <= bits) };
    match length {
        None => false,
        Some(0) => true,
        Some(length) => (address ^ network) >> (bits - length) == 0,
    }
}
