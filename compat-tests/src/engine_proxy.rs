//! A socket between LocalECS and the engine, whose connections a test can cut.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

/// Passes everything on to the engine's socket. Ends when dropped.
#[derive(Debug)]
pub struct EngineProxy {
    directory: TempDir,
    cuts: watch::Sender<u64>,
}

impl EngineProxy {
    /// To be called inside a Tokio runtime.
    ///
    /// # Panics
    /// When there can be no socket.
    #[must_use]
    pub fn start(engine: PathBuf) -> Self {
        let directory = TempDir::with_prefix("localecs-engine-").expect("a directory for the socket");
        let listener = UnixListener::bind(directory.path().join("s")).expect("the socket is free");
        let cuts = watch::Sender::new(0);
        let mut ended = cuts.subscribe();
        tokio::spawn(async move {
            loop {
                let client = tokio::select! {
                    accepted = listener.accept() => accepted,
                    // The proxy is dropped.
                    () = async { while ended.changed().await.is_ok() {} } => return,
                };
                let Ok((mut client, _)) = client else { return };
                let (engine, mut cut) = (engine.clone(), ended.clone());
                cut.mark_unchanged();
                tokio::spawn(async move {
                    let Ok(mut engine) = UnixStream::connect(engine).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut engine) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { directory, cuts }
    }

    /// As in `DOCKER_HOST`.
    #[must_use]
    pub fn host(&self) -> String {
        format!("unix://{}", self.directory.path().join("s").display())
    }

    /// Breaks all connections, in the middle of whatever they carry. New ones are accepted.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}
