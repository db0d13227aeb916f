//! What the program asks of the operating system: signals, processes, memory, environment.

use std::fmt::Write;
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
const SIGCHLD: i32 = 17;
const SIG_IGN: usize = 1;

// The C library is linked in any case; these few declarations spare a dependency on the libc crate.
unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
    fn write(fd: i32, bytes: *const u8, count: usize) -> isize;
    fn _exit(code: i32) -> !;
    fn fork() -> i32;
    fn getuid() -> u32;
    fn getgid() -> u32;
}

pub(crate) enum OnTerm {
    Exit(i32),
    Ignore,
}

static EXIT_CODE: AtomicI32 = AtomicI32::new(0);

extern "C" fn exit_on_signal(_number: i32) {
    const MESSAGE: &[u8] = b"stopping on a signal\n";
    // SAFETY: write and _exit are async-signal-safe, and MESSAGE is static.
    unsafe {
        write(1, MESSAGE.as_ptr(), MESSAGE.len());
        _exit(EXIT_CODE.load(Ordering::Relaxed));
    }
}

/// Says what SIGTERM and SIGINT do. PID 1 needs this: without a handler the kernel drops both.
pub(crate) fn on_term(action: OnTerm) {
    let handler = match action {
        OnTerm::Exit(code) => {
            EXIT_CODE.store(code, Ordering::Relaxed);
            exit_on_signal as *const () as usize
        }
        OnTerm::Ignore => SIG_IGN,
    };
    // SAFETY: the handler is a function of the right type, or SIG_IGN. With SIGCHLD ignored the kernel reaps
    // what a container's other processes leave to PID 1.
    unsafe {
        signal(SIGTERM, handler);
        signal(SIGINT, handler);
        signal(SIGCHLD, SIG_IGN);
    }
}

pub(crate) fn identity() -> String {
    // SAFETY: both always succeed and touch no memory.
    let (uid, gid) = unsafe { (getuid(), getgid()) };
    format!("uid={uid} gid={gid}")
}

/// Ends with a child of this process dead and unreaped, whose new parent is PID 1 of the pid namespace.
pub(crate) fn leave_orphan() -> io::Result<()> {
    // SAFETY: the process has one thread, and the child calls only _exit.
    match unsafe { fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => unsafe { _exit(0) },
        child => {
            println!("child {child}");
            Ok(())
        }
    }
}

/// Every process under /proc: pid, parent, state, name.
pub(crate) fn processes() -> String {
    let mut pids: Vec<u32> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    let mut table = String::from("PID PPID STATE NAME\n");
    for pid in pids {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            continue;
        };
        // pid (name) state ppid ...; the name may hold anything, so its end is the last parenthesis.
        let Some((head, tail)) = stat.rsplit_once(") ") else {
            continue;
        };
        let name = head.split_once('(').map_or("?", |(_, name)| name);
        let mut fields = tail.split(' ');
        let state = fields.next().unwrap_or("?");
        let parent = fields.next().unwrap_or("?");
        let _ = writeln!(table, "{pid} {parent} {state} {name}");
    }
    table
}

pub(crate) fn list_directory(path: &str) -> io::Result<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned() + "\n");
    }
    names.sort();
    Ok(names.concat())
}

/// The environment, sorted, a variable a line.
pub(crate) fn environment() -> String {
    let mut lines: Vec<String> = std::env::vars_os()
        .map(|(name, value)| format!("{}={}\n", name.to_string_lossy(), value.to_string_lossy()))
        .collect();
    lines.sort();
    lines.concat()
}

/// Replaces `$NAME` and `${NAME}`; an unset variable becomes empty, a lone `$` stays.
pub(crate) fn expand_variables(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, tail) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some(pair) => pair,
            None => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                after.split_at(after.find(|c| !is_name(c)).unwrap_or(after.len()))
            }
        };
        if name.is_empty() {
            out.push('$');
        } else {
            out.push_str(&std::env::var(name).unwrap_or_default());
        }
        rest = tail;
    }
    out + rest
}

pub(crate) fn burn(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Allocates and touches memory until the kernel kills the container. Where the container has no memory
/// limit this would take the host down, so it is refused.
pub(crate) fn allocate_until_killed() -> io::Result<()> {
    const CHUNK: usize = 1 << 20;
    let limited = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .filter_map(|file| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok())
        .any(|limit| limit < 1 << 40);
    if !limited {
        return Err(io::Error::other("no memory limit is set: not allocating the whole host"));
    }
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        // Not zero: a page of zeroes may never become memory.
        held.push(std::hint::black_box(vec![0x5a; CHUNK]));
    }
}

#[cfg(test)]
mod tests {
    use super::expand_variables;

    #[test]
    fn variables_stand_for_their_values() {
        // SAFETY: no other thread of this test reads or writes this variable.
        unsafe { std::env::set_var("SAMPLE_APP_TEST", "x") };
        assert_eq!(expand_variables("a$SAMPLE_APP_TEST/b${SAMPLE_APP_TEST}c"), "ax/bxc");
        assert_eq!(expand_variables("$ 5$"), "$ 5$");
        assert_eq!(expand_variables("$SAMPLE_APP_UNSET."), ".");
    }
}
