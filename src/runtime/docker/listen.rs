//! Listening at 169.254.170.2 where this process can't: port 80 is for root, and in a container the address is not
//! its own.
//!
//! A container in the network of the engine's host listens, hands the listening sockets over a Unix socket, and is
//! gone (docker/pause/listen.c). A listening socket stays what it is whoever holds it. The Unix socket is in a folder
//! that the container mounts; where this process is itself in a container, the other one joins its process namespace
//! and finds the folder under `/proc`.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{CreateContainerOptions, RemoveContainerOptionsBuilder, StartContainerOptions};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use super::errors::{CallError, within};
use super::limits;
use super::link_local::LinkLocal;
use crate::runtime::{ROLE_LABEL, Result, RuntimeError};
use crate::time::{real_sleep, stopwatch};

/// How long the container may take to hand the sockets over, once it was started.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of listening on one port: the socket, or the number of the error.
pub(crate) type Listened = std::result::Result<TcpListener, i32>;

impl LinkLocal {
    /// Listens on each of `ports` (0: any) at 169.254.170.2, through a container.
    ///
    /// # Errors
    /// When the engine does not answer, or the container can't reach this process.
    pub(crate) async fn listen(&self, ports: &[u16]) -> Result<Vec<Listened>> {
        let folder = Folder::new().map_err(|error| trouble(&error))?;
        let socket = UnixListener::bind(folder.0.join(SOCKET)).map_err(|error| trouble(&error))?;
        socket.set_nonblocking(true).map_err(|error| trouble(&error))?;
        let own = own_container();
        let container = self.start(&folder.0, own.as_deref(), ports).await?;
        let received = receive(socket, ports.len()).await;
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        // It removes itself too: either way it is gone.
        if let Err(error) = within(limits::REMOVE, self.0.docker.remove_container(&container, Some(options))).await
            && !error.is_not_found()
            && !error.is_conflict()
        {
            tracing::debug!(%error, "the container that listened for us stays");
        }
        received
    }

    async fn start(&self, folder: &Path, own: Option<&str>, ports: &[u16]) -> Result<String> {
        let image = self.0.listen_image().await?;
        let here = folder.display();
        let (path, pid_mode, binds) = match own {
            Some(own) => {
                let path = format!("/proc/{}/root{here}/{SOCKET}", std::process::id());
                (path, Some(format!("container:{own}")), None)
            }
            None => (format!("/localecs/{SOCKET}"), None, Some(vec![format!("{here}:/localecs")])),
        };
        let body = ContainerCreateBody {
            image: Some(image),
            cmd: Some(std::iter::once(path).chain(ports.iter().map(u16::to_string)).collect()),
            labels: Some([(ROLE_LABEL.to_owned(), "listen".to_owned())].into()),
            host_config: Some(HostConfig {
                network_mode: Some("host".to_owned()),
                // To look into the folder of a process that has more rights than a container's.
                cap_add: pid_mode.is_some().then(|| vec!["SYS_PTRACE".to_owned()]),
                pid_mode,
                binds,
                auto_remove: Some(true),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let docker = &self.0.docker;
        let created = within(limits::CREATE, docker.create_container(None::<CreateContainerOptions>, body)).await;
        let id = created.map_err(CallError::creating)?.id;
        let started = within(limits::START, docker.start_container(&id, None::<StartContainerOptions>)).await;
        match started {
            Ok(()) => Ok(id),
            Err(error) => {
                let options = RemoveContainerOptionsBuilder::new().force(true).build();
                let _ = within(limits::REMOVE, docker.remove_container(&id, Some(options))).await;
                Err(error.starting())
            }
        }
    }
}

const SOCKET: &str = "listen";

/// A folder of our own; gone with what is in it when it is dropped.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let name = format!("localecs-{}-{:x}", std::process::id(), rand::random::<u64>());
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, folder = %self.0.display(), "a temporary folder stays");
        }
    }
}

fn trouble(error: &dyn std::fmt::Display) -> RuntimeError {
    RuntimeError::Other(format!("listening at 169.254.170.2 through a container: {error}"))
}

/// The id of the container that this process is in, if it is in one.
#[must_use]
pub fn own_container() -> Option<String> {
    container_in(&std::fs::read_to_string("/proc/self/mountinfo").ok()?)
}

/// Engines mount files of their own folder for it into each container.
fn container_in(mounts: &str) -> Option<String> {
    let is_id = |name: &str| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    mounts.split_whitespace().find_map(|path| {
        let names = path.split('/').zip(path.split('/').skip(1));
        let mut ids = names.filter(|(folder, name)| folder.ends_with("containers") && is_id(name));
        ids.next().map(|(_, id)| id.to_owned())
    })
}

async fn receive(socket: UnixListener, count: usize) -> Result<Vec<Listened>> {
    let waited = stopwatch();
    let stream = loop {
        match socket.accept() {
            Ok((stream, _)) => break stream,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && waited() < PATIENCE => {
                real_sleep(limits::POLL).await;
            }
            Err(error) => return Err(trouble(&error)),
        }
    };
    stream.set_nonblocking(false).map_err(|error| trouble(&error))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(|error| trouble(&error))?;
    let received = tokio::task::spawn_blocking(move || (0..count).map(|_| one(&stream)).collect()).await;
    match received {
        Ok(received) => received,
        Err(error) => Err(trouble(&error)),
    }
}

fn one(stream: &UnixStream) -> Result<Listened> {
    let mut told = [0_u8];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let message = recvmsg(stream, &mut [IoSliceMut::new(&mut told)], &mut control, RecvFlags::CMSG_CLOEXEC)
        .map_err(|error| trouble(&error))?;
    if message.bytes == 0 {
        return Err(trouble(&"it ended early"));
    }
    let descriptor: Option<OwnedFd> = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok(descriptor.map(TcpListener::from).ok_or(i32::from(told[0])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_known_by_what_the_engine_mounts() {
        let id = "0123456789abcdef".repeat(4);
        let docker = format!(
            "612 590 254:0 /var/lib/docker/containers/{id}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda rw"
        );
        assert_eq!(container_in(&docker), Some(id.clone()));
        let podman =
            format!("612 590 0:24 /containers/overlay-containers/{id}/userdata/hosts /etc/hosts rw - tmpfs tmpfs rw");
        assert_eq!(container_in(&podman), Some(id));
        let host =
            "25 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n26 25 0:5 / /var/lib/containers/storage rw - tmpfs x rw";
        assert_eq!(container_in(host), None);
    }
}
