//! The store of a server: its folder, and what carries its id on the engine.

use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::docker;

/// Outlives the servers that work on it. When dropped, whatever still carries its label is removed, so that not even
/// a failed test leaves anything behind.
#[derive(Debug, Default)]
pub struct Store {
    directory: Option<TempDir>,
    id: OnceLock<String>,
}

impl Store {
    /// One in a new temporary folder.
    ///
    /// # Panics
    /// When there can be none.
    #[must_use]
    pub fn in_folder() -> Self {
        let directory = TempDir::with_prefix("localecs-test-").expect("a temporary folder");
        Self { directory: Some(directory), id: OnceLock::new() }
    }

    /// The folder the state is kept in; none for an ephemeral server.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.directory.as_ref().map(TempDir::path)
    }

    /// The id that a server said it has. Written down at once, for whoever cleans up after a killed test.
    ///
    /// # Panics
    /// When it had another one before.
    pub fn identify(&self, id: &str) {
        if self.id.get_or_init(|| id.to_owned()) != id {
            panic!("the store in one folder changed its id to {id}");
        }
        if let Some(path) = std::env::var_os("LOCALECS_TEST_STORES") {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
            file.and_then(|mut file| writeln!(file, "{id}")).expect("LOCALECS_TEST_STORES can be written");
        }
    }

    /// `localecs.store=<id>`
    ///
    /// # Panics
    /// Before a server was started on it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("localecs.store={}", self.id.get().expect("a server was started"))
    }

    /// Everything on the engine that carries the label: `container <id>`, `network <id>`, `volume <name>`.
    #[must_use]
    pub fn leftovers(&self) -> Vec<String> {
        if self.id.get().is_none() || !docker::answers() {
            return vec![];
        }
        let label = self.label();
        let containers = docker::containers(&label).into_iter().map(|id| format!("container {id}"));
        let networks = docker::networks(&label).into_iter().map(|id| format!("network {id}"));
        let volumes = docker::volumes(&label).into_iter().map(|name| format!("volume {name}"));
        containers.chain(networks).chain(volumes).collect()
    }

    /// Removes them, and says which.
    pub fn sweep(&self) -> Vec<String> {
        let left = self.leftovers();
        for thing in &left {
            let removed = match thing.split_once(' ') {
                Some(("container", id)) => docker::try_run(&["rm", "--force", "--volumes", id]),
                Some(("network", id)) => docker::try_run(&["network", "rm", id]),
                Some((_, name)) => docker::try_run(&["volume", "rm", "--force", name]),
                None => continue,
            };
            if let Err(problem) = removed {
                eprintln!("{thing}: {problem}");
            }
        }
        left
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.sweep();
    }
}
