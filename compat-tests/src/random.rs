//! Names that no other test has, and seeds that a failing run can be repeated with.

/// An account of its own: 12 digits.
#[must_use]
pub fn random_account() -> String {
    format!("{:012}", 1 + rand::random::<u64>() % 999_999_999_998)
}

/// `<prefix>-<8 hexadecimal digits>`
#[must_use]
pub fn random_name(prefix: &str) -> String {
    format!("{prefix}-{:08x}", rand::random::<u32>())
}

/// The seed in `LOCALECS_TEST_SEED`, or a random one; printed, so that a failure shows it.
#[must_use]
pub fn seed(what: &str) -> u64 {
    let seed = match std::env::var("LOCALECS_TEST_SEED") {
        Ok(text) => text.parse().expect("LOCALECS_TEST_SEED is a number"),
        Err(_) => rand::random(),
    };
    println!("{what}: repeat with LOCALECS_TEST_SEED={seed}");
    seed
}
