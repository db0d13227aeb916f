//! Images made from a program of this machine and the libraries it is linked to, so that nothing is built twice.

use std::path::{Path, PathBuf};
use std::process::Command;

use compat_tests::{docker, random_name};

/// Removed when it is dropped, with the container that was named.
pub(crate) struct Packed {
    pub(crate) image: String,
    pub(crate) container: Option<String>,
}

impl Packed {
    /// `program` as `/<name>`, with more lines for the Dockerfile.
    pub(crate) fn of(program: &Path, name: &str, lines: &str) -> Self {
        let context = tempfile::tempdir().expect("a temporary folder");
        let root = context.path().join("root");
        for library in libraries(program) {
            let place = root.join(library.strip_prefix("/").expect("absolute"));
            std::fs::create_dir_all(place.parent().expect("a parent")).expect("a folder");
            std::fs::copy(&library, &place).expect("a copy of a library");
        }
        std::fs::create_dir_all(root.join("tmp")).expect("a folder");
        std::fs::copy(program, root.join(name)).expect("a copy of the program");
        let dockerfile = format!("FROM scratch\nCOPY root/ /\nENTRYPOINT [\"/{name}\"]\n{lines}");
        std::fs::write(context.path().join("Dockerfile"), dockerfile).expect("a Dockerfile");
        let image = random_name("localecs/compat-test");
        let _ = docker::run(&["build", "--quiet", "--tag", &image, context.path().to_str().expect("a plain path")]);
        Self { image, container: None }
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        if let Some(container) = &self.container {
            if std::thread::panicking() {
                let log = Command::new("docker").args(["logs", container]).output();
                eprintln!("--- log of the container\n{log:?}");
            }
            let _ = docker::try_run(&["rm", "--force", "--volumes", container]);
        }
        let _ = docker::try_run(&["image", "rm", "--force", &self.image]);
    }
}

/// The shared libraries and the loader that a program asks for; none for a static one.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().expect("ldd");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}
