//! Tar archives (POSIX ustar) of one entry: the form in which the engine takes files.

use bytes::Bytes;

use crate::runtime::Permissions;

const BLOCK: usize = 512;
/// The longest name that fits into an entry without extensions.
pub(super) const LONGEST_NAME: usize = 100;

/// One executable file of root's.
pub(super) fn program(name: &str, content: &[u8]) -> Bytes {
    entry(name, b'0', Permissions::default(), content)
}

/// One file of root's that everybody may read. `name` has at most [`LONGEST_NAME`] bytes.
pub(super) fn file(name: &str, content: &[u8]) -> Bytes {
    entry(name, b'0', Permissions { mode: 0o644, ..Permissions::default() }, content)
}

/// One directory. `name` has at most [`LONGEST_NAME`] bytes.
pub(super) fn directory(name: &str, permissions: Permissions) -> Bytes {
    entry(name, b'5', permissions, &[])
}

fn entry(name: &str, kind: u8, permissions: Permissions, content: &[u8]) -> Bytes {
    let mut header = [0_u8; BLOCK];
    let mut put = |at: usize, field: &[u8]| header[at..at + field.len()].copy_from_slice(field);
    put(0, &name.as_bytes()[..name.len().min(LONGEST_NAME)]);
    put(100, format!("{:07o}\0", permissions.mode & 0o7777).as_bytes());
    put(108, &identity(permissions.user));
    put(116, &identity(permissions.group));
    put(124, format!("{:011o}\0", content.len()).as_bytes());
    put(136, b"00000000000\0"); // modified at the epoch: the same bytes every time
    put(148, b"        "); // the checksum counts itself as blanks
    put(156, &[kind]);
    put(257, b"ustar\x0000");
    let checksum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());

    let padding = content.len().next_multiple_of(BLOCK) - content.len();
    let mut archive = Vec::with_capacity(header.len() + content.len() + padding + 2 * BLOCK);
    archive.extend_from_slice(&header);
    archive.extend_from_slice(content);
    archive.resize(archive.len() + padding + 2 * BLOCK, 0); // two empty blocks end it
    Bytes::from(archive)
}

/// In octal where that fits, else in the base-256 form that GNU and Go read.
fn identity(id: u32) -> [u8; 8] {
    let mut field = [0_u8; 8];
    if id <= 0o7_777_777 {
        field.copy_from_slice(format!("{id:07o}\0").as_bytes());
    } else {
        field[0] = 0x80;
        field[4..].copy_from_slice(&id.to_be_bytes());
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checksum_holds(archive: &[u8]) -> bool {
        let blank = |(at, byte): (usize, &u8)| u32::from(if (148..156).contains(&at) { b' ' } else { *byte });
        let sum: u32 = archive[..512].iter().enumerate().map(blank).sum();
        archive[148..154] == *format!("{sum:06o}").as_bytes()
    }

    #[test]
    fn a_file_is_there_in_full() {
        let archive = program("pause", &[7; 700]);
        assert_eq!(archive.len(), 512 + 1024 + 1024);
        assert_eq!((&archive[..6], &archive[257..262]), (&b"pause\0"[..], &b"ustar"[..]));
        assert_eq!(archive[512..512 + 700], [7; 700]);
        assert!(checksum_holds(&archive));
    }

    #[test]
    fn a_directory_has_its_owner() {
        let archive = directory("data/", Permissions { user: 1000, group: 3_000_000, mode: 0o2775 });
        assert_eq!(archive.len(), 512 + 1024);
        assert_eq!((&archive[100..107], archive[156]), (&b"0002775"[..], b'5'));
        assert_eq!(&archive[108..115], b"0001750");
        assert_eq!(archive[116..124], [0x80, 0, 0, 0, 0, 0x2d, 0xc6, 0xc0]);
        assert!(checksum_holds(&archive));
    }
}
