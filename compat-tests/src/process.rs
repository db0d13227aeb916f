//! Child processes that end with the tests, even if those are killed.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};

type Order = (Command, Sender<io::Result<Child>>);

/// Starts all children. The kernel sends a child its death signal when the *thread* that started it ends, and test
/// threads end all the time, so one thread that lives as long as the process does it.
static SPAWNER: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
    let (orders, inbox) = channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, reply) in inbox {
            let _ = reply.send(command.spawn());
        }
    });
    Mutex::new(orders)
});

/// Starts `command`; it gets SIGTERM when this process ends, however that happens.
pub(crate) fn spawn(mut command: Command) -> io::Result<Child> {
    // SAFETY: prctl is async-signal-safe and touches nothing of ours.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
    let (reply, answer) = channel();
    let orders = SPAWNER.lock().expect("nobody panics while holding it").clone();
    orders.send((command, reply)).expect("the spawner lives as long as the process");
    answer.recv().expect("the spawner answers each order")
}

/// Sends `signal` to the process.
pub(crate) fn signal(child: &Child, signal: i32) {
    let pid = i32::try_from(child.id()).expect("a process id fits");
    // SAFETY: a plain system call. The child has not been waited for, so the id is still its own.
    unsafe { libc::kill(pid, signal) };
}
