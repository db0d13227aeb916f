//! The order in which tasks are stopped is that of a look at every task for every choice.

use api_models::ecs::NetworkMode;
use proptest::prelude::*;

use super::*;
use crate::services::ecs::agent::fixtures::{container, definition, task};
use crate::services::ecs::scheduler::deployment::Worth;
use crate::testing::START;

/// The page's words, tried on every task for every choice.
fn naive(stoppable: &[Judged<'_>], all: &[Judged<'_>], count: usize) -> Vec<Arc<str>> {
    let (mut left, mut all): (Vec<&Task>, Vec<&Task>) =
        (stoppable.iter().map(|it| it.task).collect(), all.iter().map(|it| it.task).collect());
    let fresh = |task: &Task| stoppable.iter().any(|it| it.task.key == task.key && it.is_fresh());
    let mut gone = Vec::new();
    for _ in 0..count {
        let order = |task: &Task| {
            let zone = all.iter().filter(|it| it.availability_zone == task.availability_zone).count();
            let instance = all.iter().filter(|it| it.container_instance == task.container_instance).count();
            (fresh(task), zone, instance, task.created_at)
        };
        let Some(chosen) = left.iter().copied().max_by_key(|task| (order(task), Reverse(&task.key.id))) else { break };
        left.retain(|task| task.key != chosen.key);
        all.retain(|task| task.key != chosen.key);
        gone.push(chosen.key.id.clone());
    }
    gone
}

proptest! {
    #[test]
    fn the_next_to_stop_is_found_without_a_look_at_all(
        given in prop::collection::vec((0_usize..3, 0_u32..4, any::<bool>(), any::<bool>(), 0_i64..4), 0..16),
        count in 0_usize..18,
    ) {
        let definition = definition(NetworkMode::Bridge, vec![container("web", true)]);
        let tasks: Vec<Task> = given.iter().zip(0_u32..)
            .map(|((zone, instance, _, _, created), number)| {
                let mut task = task(&definition, number);
                task.availability_zone = Some(["a", "b", "c"][*zone].into());
                let (scope, cluster) = (task.key.scope.clone(), task.key.cluster.clone());
                // An instance is in one zone; none is Fargate.
                let id = format!("{zone}-{instance}").into();
                task.container_instance = (*instance > 0).then_some(ContainerInstanceKey { scope, cluster, id });
                task.created_at = Timestamp::from_millis(START.as_millis() + created);
                task
            })
            .collect();
        let all: Vec<Judged<'_>> = tasks.iter().zip(&given)
            .map(|(task, (_, _, fresh, ..))| {
                Judged { task, worth: if *fresh { Worth::Fresh(None) } else { Worth::Healthy } }
            })
            .collect();
        let stoppable: Vec<Judged<'_>> =
            all.iter().zip(&given).filter(|(_, (_, _, _, stoppable, _))| *stoppable).map(|(it, _)| *it).collect();
        let mut order = Order::new(&stoppable, &all);
        let ours: Vec<Arc<str>> =
            std::iter::from_fn(|| order.next(None)).take(count).map(|it| it.task.key.id.clone()).collect();
        prop_assert_eq!(ours, naive(&stoppable, &all, count));
    }
}
