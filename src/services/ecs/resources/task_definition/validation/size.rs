//! The task's own CPU and memory against what its containers ask for, and the definition's size in bytes.

use std::io::{self, Write};

use api_models::ecs::Compatibility;

use super::super::sizes::{cpu_units, memory_mib};
use super::{Checked, MAX_BYTES, Subject, ensure, list, name, refuse};

/// CPU units of tasks that do not run on Fargate: an eighth of a vCPU to 192.
const CPU: std::ops::RangeInclusive<i32> = 128..=196_608;

const SEE_ALSO: &str = "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.";

pub(super) fn check(subject: &Subject<'_>) -> Checked {
    let input = subject.input;
    let fargate = subject.requires(&Compatibility::Fargate);
    if fargate {
        super::fargate::size_given(subject)?;
    }
    let invalid = |setting: &str| format!("Invalid '{setting}' setting for task. {SEE_ALSO}");
    if let Some(cpu) = &input.cpu {
        let Some(cpu) = cpu_units(cpu).filter(|units| fargate || CPU.contains(units)) else {
            return refuse(invalid("cpu"));
        };
        let sum: i64 = subject.containers.iter().filter_map(|container| container.cpu).map(i64::from).sum();
        ensure(sum <= i64::from(cpu), || {
            "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.".into()
        })?;
    }
    if let Some(memory) = &input.memory {
        let Some(memory) = memory_mib(memory) else { return refuse(invalid("memory")) };
        for container in subject.containers {
            ensure(container.memory.is_none_or(|mib| mib <= memory), || {
                format!("The 'memory' setting for container '{}' is greater than for the task.", name(container))
            })?;
        }
        let sum: i64 =
            subject.containers.iter().filter_map(|container| container.memory_reservation).map(i64::from).sum();
        ensure(sum <= i64::from(memory), || {
            "The sum of all container 'memoryReservation' values cannot be greater than the value of the task 'memory'."
                .into()
        })?;
    }
    constraints(subject)?;
    let length = json_length(input);
    ensure(length <= MAX_BYTES, || format!("Actual length: '{length}'. Max allowed length is '{MAX_BYTES}' bytes."))
}

/// Placement constraints: ten at most, each with its expression.
fn constraints(subject: &Subject<'_>) -> Checked {
    let constraints = list(&subject.input.placement_constraints);
    ensure(constraints.len() <= 10, || "Maximum number of constraints is 10.".into())?; // (ours)
    for constraint in constraints {
        ensure(constraint.expression.as_deref().is_some_and(|expression| !expression.trim().is_empty()), || {
            "constraint.expression should not be null or empty.".into() // (ours)
        })?;
    }
    Ok(())
}

/// How long the JSON of a request is; ECS counts on its own writing, which differs by little.
fn json_length(input: &impl serde::Serialize) -> usize {
    struct Counter(usize);
    impl Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // Only a number that JSON does not have could fail, and the model has none here.
    let _ = serde_json::to_writer(&mut counter, input);
    counter.0
}
