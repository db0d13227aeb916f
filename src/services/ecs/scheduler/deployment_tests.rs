//! Limits, delays and the count of failures.

use super::*;
use crate::testing::START;

fn limits(minimum: i32, maximum: i32, desired: usize) -> (usize, usize) {
    let configuration = DeploymentConfiguration {
        minimum_healthy_percent: Some(minimum),
        maximum_percent: Some(maximum),
        ..DeploymentConfiguration::default()
    };
    let limits = Limits::of(&configuration, desired);
    (limits.minimum, limits.maximum)
}

#[test]
fn the_lower_limit_is_rounded_up_and_the_upper_one_down() {
    assert_eq!(limits(100, 200, 1), (1, 2));
    assert_eq!(limits(0, 100, 1), (0, 1));
    assert_eq!(limits(50, 100, 1), (1, 1));
    assert_eq!(limits(100, 150, 1), (1, 1));
    assert_eq!(limits(50, 150, 5), (3, 7));
    assert_eq!(limits(100, 200, 0), (0, 0));
}

#[test]
fn a_crash_loop_starts_fewer_than_ten_tasks_a_minute_and_at_least_one_in_27() {
    let mut deployment = Deployment::new("1".into(), "d".into(), START);
    let (mut now, mut in_a_minute) = (START, 1);
    for _ in 0..20 {
        count_failures(&mut deployment, 1, now);
        let until = deployment.backoff.until.expect("it waits");
        assert!(until.duration_since(now) <= Duration::from_secs(27 * 60));
        now = until.saturating_add(Duration::from_millis(100));
        in_a_minute += usize::from(now < START.saturating_add(Duration::from_secs(60)));
    }
    assert!(in_a_minute < 10, "{in_a_minute}");
    assert_eq!(deployment.failed_tasks, 20);
    assert_eq!(deployment.backoff.failures, 20);
}

#[test]
fn failures_while_it_waits_count_for_the_breaker_only_and_old_ones_are_forgiven() {
    let mut deployment = Deployment::new("1".into(), "d".into(), START);
    count_failures(&mut deployment, 1, START);
    count_failures(&mut deployment, 2, START);
    let waiting = deployment.backoff;
    assert_eq!(waiting.failures, 2);
    count_failures(&mut deployment, 1, START);
    assert_eq!((deployment.backoff, deployment.failed_tasks), (waiting, 4));
    count_failures(&mut deployment, 1, START.saturating_add(Duration::from_secs(1000)));
    assert_eq!(deployment.backoff.failures, 1);
}
