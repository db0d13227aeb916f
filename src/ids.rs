//! Identifiers, injected: random in service, seeded in simulations so that a run can be repeated.

use std::fmt::Write;
use std::sync::Arc;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Builder;

/// A source of identifiers in the forms AWS uses; cheap to clone.
#[derive(Clone, Debug)]
pub struct IdSource {
    rng: Arc<Mutex<StdRng>>,
}

impl IdSource {
    /// Identifiers nobody can foretell, from the operating system's entropy.
    #[must_use]
    pub fn random() -> Self {
        Self::from_rng(rand::make_rng())
    }

    /// The same identifiers in the same order for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::from_rng(StdRng::seed_from_u64(seed))
    }

    fn from_rng(rng: StdRng) -> Self {
        Self { rng: Arc::new(Mutex::new(rng)) }
    }

    /// `digits` lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self, digits: usize) -> String {
        let mut rng = self.rng.lock();
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            let _ = write!(text, "{:016x}", rng.next_u64());
        }
        text.truncate(digits);
        text
    }

    /// `digits` decimal digits, the first of them not 0 (deployment ids are `ecs-svc/` and 19 of them).
    #[must_use]
    pub fn digits(&self, digits: usize) -> String {
        let mut rng = self.rng.lock();
        (0..digits)
            .map(|place| {
                let floor = u64::from(place == 0);
                char::from(b'0' + (floor + rng.next_u64() % (10 - floor)) as u8)
            })
            .collect()
    }

    /// A version 4 UUID with hyphens: request ids, container ARNs, attachment ids.
    #[must_use]
    pub fn uuid(&self) -> String {
        let mut bytes = [0; 16];
        self.rng.lock().fill_bytes(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// A task's or container instance's id: 32 hexadecimal digits.
    #[must_use]
    pub fn resource_id(&self) -> String {
        self.hex(32)
    }

    /// An EC2-style id, such as `eni-0a1b2c3d4e5f60718`: prefix, hyphen, `0` and 16 hexadecimal digits.
    #[must_use]
    pub fn ec2_id(&self, prefix: &str) -> String {
        format!("{prefix}-0{}", self.hex(16))
    }

    /// So many characters of `alphabet` (which must be ASCII and not empty), evenly spread: passwords, the end of a
    /// secret's ARN.
    #[must_use]
    pub fn characters(&self, alphabet: &[u8], length: usize) -> String {
        let mut rng = self.rng.lock();
        let count = alphabet.len().max(1);
        // A few more draws than characters: those in the uneven rest of the range are thrown away.
        let even = u64::MAX - u64::MAX % count as u64;
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let number = rng.next_u64();
            if number < even {
                let letter = usize::try_from(number % count as u64).ok().and_then(|index| alphabet.get(index));
                text.push(letter.copied().map_or('x', char::from));
            }
        }
        text
    }

    /// A number below `bound` (which must not be 0), evenly spread.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        self.rng.lock().next_u64() % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_ids_repeat_and_have_their_forms() {
        let (one, two) = (IdSource::seeded(7), IdSource::seeded(7));
        assert_eq!(one.resource_id(), two.resource_id());
        assert_eq!(one.hex(20).len(), 20);
        let digits = one.digits(19);
        assert!(digits.len() == 19 && !digits.starts_with('0'));
        assert_eq!(one.uuid().len(), 36);
        assert_eq!(one.ec2_id("eni").len(), "eni-0a1b2c3d4e5f60718".len());
        assert_ne!(IdSource::random().resource_id(), IdSource::random().resource_id());
    }
}
