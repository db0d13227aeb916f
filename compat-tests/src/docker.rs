//! What the engine itself says about the containers, through the `docker` command.

use std::process::Command;

use serde_json::Value;

/// Runs `docker` and returns what it prints.
///
/// # Panics
/// When it fails.
#[must_use]
pub fn run(arguments: &[&str]) -> String {
    try_run(arguments).unwrap_or_else(|problem| panic!("docker {}: {problem}", arguments.join(" ")))
}

/// # Errors
/// What it says when it fails.
pub fn try_run(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("docker").args(arguments).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// `docker inspect` of one container.
#[must_use]
pub fn inspect(id: &str) -> Value {
    let text = run(&["container", "inspect", id]);
    let mut found: Vec<Value> = serde_json::from_str(&text).expect("docker inspect prints JSON");
    found.remove(0)
}

/// The ids of all containers with that label, stopped ones too.
#[must_use]
pub fn containers(label: &str) -> Vec<String> {
    list(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &format!("label={label}")])
}

/// The ids of all networks with that label.
#[must_use]
pub fn networks(label: &str) -> Vec<String> {
    list(&["network", "ls", "--quiet", "--filter", &format!("label={label}")])
}

/// The names of all volumes with that label.
#[must_use]
pub fn volumes(label: &str) -> Vec<String> {
    list(&["volume", "ls", "--quiet", "--filter", &format!("label={label}")])
}

/// The containers of a task, as pairs of the name in the task definition and the id; the pause container too.
#[must_use]
pub fn containers_of(task_arn: &str) -> Vec<(String, String)> {
    let filter = format!("label=com.amazonaws.ecs.task-arn={task_arn}");
    let format = "{{.Label \"com.amazonaws.ecs.container-name\"}} {{.ID}}";
    list(&["ps", "--all", "--no-trunc", "--filter", &filter, "--format", format])
        .iter()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, id)| (name.to_owned(), id.to_owned()))
        .collect()
}

/// Whether the engine answers at all.
#[must_use]
pub fn answers() -> bool {
    try_run(&["version", "--format", "{{.Server.Version}}"]).is_ok()
}

fn list(arguments: &[&str]) -> Vec<String> {
    run(arguments).lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}
