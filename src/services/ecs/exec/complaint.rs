//! Pure: why a command can't be run, in the words of the agent that ECS has in the container.

/// What the client shows of an error of the engine's.
pub(super) fn start_error(engine: &str) -> String {
    format!("\n----------ERROR-------\nUnable to start command: Failed to start pty: {}", reason(engine))
}

/// Go's words out of the engine's, which wraps them: the agent is written in Go as well.
fn reason(engine: &str) -> String {
    let Some(start) = engine.find("exec: \"") else { return engine.trim().to_owned() };
    let core = engine[start..].trim().trim_end_matches(": unknown");
    let Some((program, why)) = core["exec: \"".len()..].split_once("\": ") else { return core.to_owned() };
    // Only for what is looked for in $PATH both say the same.
    match why {
        "executable file not found in $PATH" => core.to_owned(),
        why => {
            let why = why.strip_prefix(&format!("stat {program}: ")).unwrap_or(why);
            format!("fork/exec {program}: {why}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_agents() {
        for (engine, agent) in [
            (
                "OCI runtime exec failed: exec failed: unable to start container process: exec: \"bash\": executable \
                 file not found in $PATH: unknown",
                "exec: \"bash\": executable file not found in $PATH",
            ),
            (
                "OCI runtime exec failed: exec failed: unable to start container process: exec: \"/bin/bash\": stat \
                 /bin/bash: no such file or directory: unknown\r\n",
                "fork/exec /bin/bash: no such file or directory",
            ),
            (
                "exec failed: container_linux.go:380: starting container process caused: exec: \"/\": permission denied: unknown",
                "fork/exec /: permission denied",
            ),
            ("Container 1f is not running", "Container 1f is not running"),
        ] {
            let shown = start_error(engine);
            assert_eq!(
                shown,
                format!("\n----------ERROR-------\nUnable to start command: Failed to start pty: {agent}")
            );
        }
    }
}
