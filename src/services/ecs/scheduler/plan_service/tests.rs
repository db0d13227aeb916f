//! The words of events; what plans do is tested with the scheduler (`service_scheduler/simulation_tests`).

use super::*;

#[test]
fn events_name_every_task_and_none_is_too_long() {
    let ids = |count: usize| (0..count).map(|number| Arc::from(format!("t{number}"))).collect::<Vec<Arc<str>>>();
    assert_eq!(in_groups("has started", "tasks", &ids(2)), ["has started 2 tasks: (task t0) (task t1)."]);
    assert!(in_groups("has started", "tasks", &[]).is_empty());
    let lines = in_groups("has stopped", "running tasks", &ids(25));
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[2], "has stopped 5 running tasks: (task t20) (task t21) (task t22) (task t23) (task t24).");
    assert_eq!(in_groups("has started", "tasks", &ids(5000)).len(), 10);
}
