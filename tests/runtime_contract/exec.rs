//! Commands inside containers.

use std::time::Duration;

use localecs::runtime::{ContainerId, Exec, ExecEnd, ExecInput, ExecOutput, ExecSpec, RuntimeError};

use crate::GRACE;
use crate::support::{Does, Harness};

async fn exec(harness: &Harness, id: &ContainerId, command: Vec<String>) -> Exec {
    let spec = ExecSpec { command, ..ExecSpec::default() };
    harness.runtime.exec(id, &spec).await.expect("the container runs")
}

/// All that it says, and how it ends.
async fn heard(exec: &mut Exec) -> (String, ExecEnd) {
    let mut said = Vec::new();
    let listening = async {
        loop {
            match exec.output.recv().await.expect("an end comes last") {
                ExecOutput::Data(data) => said.extend(data),
                ExecOutput::Ended(end) => return end,
            }
        }
    };
    let end = tokio::time::timeout(GRACE, listening).await.expect("it ends");
    (String::from_utf8_lossy(&said).into_owned(), end)
}

pub(crate) async fn a_command_runs_in_a_container(harness: Harness) {
    let id = harness.start(&harness.spec("a", &Does::Sleep)).await.id;
    let mut printing = exec(&harness, &id, harness.prints("hello")).await;
    assert_eq!(heard(&mut printing).await, ("hello\r\n".to_owned(), ExecEnd::Exited(0)));
    let mut failing = exec(&harness, &id, harness.exits(3)).await;
    // A terminal may be resized that has just gone.
    let _ = failing.input.send(ExecInput::Resize { columns: 100, rows: 40 }).await;
    assert_eq!(heard(&mut failing).await, (String::new(), ExecEnd::Exited(3)));
}

pub(crate) async fn a_command_that_does_not_exist_is_told_in_words(harness: Harness) {
    let id = harness.start(&harness.spec("a", &Does::Sleep)).await.id;
    let (said, end) = heard(&mut exec(&harness, &id, vec!["missing-program".to_owned()]).await).await;
    let ExecEnd::NotStarted(message) = end else { panic!("{end:?}") };
    assert!(message.contains("\"missing-program\": executable file not found in $PATH"), "{message}");
    assert_eq!(said, "");
}

pub(crate) async fn a_command_ends_with_its_container(harness: Harness) {
    let id = harness.start(&harness.spec("a", &Does::Sleep)).await.id;
    let mut waiting = exec(&harness, &id, harness.waits()).await;
    harness.runtime.stop_container(&id, Duration::from_secs(1)).await.expect("it is stopped");
    let (_, end) = heard(&mut waiting).await;
    // The container may be faster.
    let ended = matches!(end, ExecEnd::Exited(code) if code != 0) || matches!(end, ExecEnd::NotStarted(_));
    assert!(ended, "{end:?}");
    let spec = ExecSpec { command: harness.prints("x"), ..ExecSpec::default() };
    let error = harness.runtime.exec(&id, &spec).await.expect_err("it does not run");
    assert!(error.to_string().contains("is not running"), "{error}");
    harness.runtime.remove_container(&id).await.expect("it is removed");
    let error = harness.runtime.exec(&id, &spec).await.expect_err("it is gone");
    assert!(matches!(error, RuntimeError::NoSuchContainer(_)), "{error:?}");
}
