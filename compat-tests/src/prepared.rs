//! What the repository's scripts prepare for tests.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// An image with a shell; `docker/busybox/build` makes it, for the first test that asks.
///
/// # Panics
/// When it can't.
pub fn busybox() -> &'static str {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let output = Command::new(root.join("docker/busybox/build")).output().expect("docker/busybox/build");
        assert!(output.status.success(), "docker/busybox/build: {}", String::from_utf8_lossy(&output.stderr));
    });
    "localecs/busybox:latest"
}
