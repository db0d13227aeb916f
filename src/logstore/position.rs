//! Where an event stands: by its time, then by the order in which events arrived. Shown as CloudWatch's event ids are.

use std::fmt;

/// How many bits of an event id lie below its milliseconds.
const SHIFT: u32 = 144 - 128;
/// How many digits an event id has.
const DIGITS: usize = 56;
/// The last millisecond that fits into them, in the year 2112; a later one is shown as this one.
const LAST_SHOWN: u64 = 4_484_155_085_838;
/// The largest power of ten that a `u64` can hold, and its digits.
const BASE: u128 = 10_000_000_000_000_000_000;
const BASE_DIGITS: usize = 19;

/// A place in a group's or stream's events, which are sorted by it. As the bound of a range it lies just before the
/// event of that place.
///
/// Its text is that of CloudWatch's event ids: 56 decimal digits, the milliseconds in the upper bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Milliseconds since the epoch; never negative.
    pub timestamp: i64,
    /// Counts the events of the whole store in the order in which they came.
    pub sequence: u64,
}

impl Position {
    /// Before everything.
    pub const START: Self = Self { timestamp: 0, sequence: 0 };
    /// Behind everything.
    pub const END: Self = Self { timestamp: i64::MAX, sequence: u64::MAX };

    /// Before all events of this millisecond.
    #[must_use]
    pub fn at(timestamp: i64) -> Self {
        Self { timestamp: timestamp.max(0), sequence: 0 }
    }

    /// The place just behind this one.
    #[must_use]
    pub fn next(self) -> Self {
        match self.sequence.checked_add(1) {
            Some(sequence) => Self { sequence, ..self },
            None => Self::at(self.timestamp.saturating_add(1)),
        }
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != DIGITS || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // Little-endian limbs of 64 bits.
        let mut limbs = [0_u64; 3];
        for digit in text.bytes() {
            let mut carry = u128::from(digit - b'0');
            for limb in &mut limbs {
                let value = u128::from(*limb) * 10 + carry;
                *limb = value as u64;
                carry = value >> 64;
            }
            if carry != 0 {
                return None;
            }
        }
        let timestamp = i64::try_from(limbs[2] >> SHIFT).ok()?;
        Some(Self { timestamp, sequence: limbs[0] })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.timestamp).unwrap_or(0).min(LAST_SHOWN);
        let mut limbs = [self.sequence, 0, millis << SHIFT];
        let mut parts = [0_u64; 3];
        for part in parts.iter_mut().rev() {
            let mut rest = 0_u128;
            for limb in limbs.iter_mut().rev() {
                let value = (rest << 64) | u128::from(*limb);
                *limb = (value / BASE) as u64;
                rest = value % BASE;
            }
            *part = rest as u64;
        }
        let upper = DIGITS - 2 * BASE_DIGITS;
        write!(f, "{:0upper$}{:0BASE_DIGITS$}{:0BASE_DIGITS$}", parts[0], parts[1], parts[2])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_looks_like_an_event_id_of_cloudwatch() {
        // From CloudWatch's API reference: the event id begins with the digits of its time (1396035378988).
        let id = Position::at(1_396_035_378_988).to_string();
        assert_eq!(id.len(), 56);
        assert!(id.starts_with("311326292749455197"), "{id}");
        assert_eq!(Position::END.to_string().len(), 56);
        assert_eq!(Position::parse(&Position::END.to_string()).map(|end| end.timestamp), Some(LAST_SHOWN as i64));
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for bad in ["", "1", "x".repeat(56).as_str(), "9".repeat(57).as_str(), "+".repeat(56).as_str()] {
            assert_eq!(Position::parse(bad), None, "{bad}");
        }
        let _ = Position::parse(&"9".repeat(56));
    }

    proptest! {
        #[test]
        fn positions_survive_their_text_and_sort_as_it(
            a in (0..1_i64 << 42, any::<u64>()), b in (0..1_i64 << 42, any::<u64>())
        ) {
            let [a, b] = [a, b].map(|(timestamp, sequence)| Position { timestamp, sequence });
            prop_assert_eq!(Position::parse(&a.to_string()), Some(a));
            prop_assert_eq!(a.to_string().cmp(&b.to_string()), a.cmp(&b));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9]{0,60}|.*") {
            let _ = Position::parse(&text);
        }
    }
}
