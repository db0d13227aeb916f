//! For how long a group keeps its events.
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>

use api_models::logs::{CommonError, InvalidParameterException};

/// The numbers of days there are; none other is taken.
const DAYS: &[i32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// Checks a number of days.
///
/// # Errors
/// InvalidParameterException when it is not one of those there are.
pub fn check(days: i32) -> Result<(), CommonError> {
    if DAYS.contains(&days) {
        return Ok(());
    }
    let set: Vec<String> = DAYS.iter().map(i32::to_string).collect();
    Err(InvalidParameterException::new(format!(
        "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member must \
         satisfy enum value set: [{}]",
        set.join(", ")
    ))
    .into())
}
