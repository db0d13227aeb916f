//! A stand-in for fluentd and Fluent Bit: takes the forward protocol on their socket and port, and prints what comes.
//! <https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1>, messages one by one.

use std::io::{self, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::system;

const SOCKET: &str = "/var/run/fluent.sock";

/// Prints the lines of its configuration behind `config: `, and events as `<tag>: <log>`.
pub(crate) fn serve(config: &str) -> io::Result<()> {
    system::on_term(system::OnTerm::Exit(0));
    for line in std::fs::read_to_string(config)?.lines() {
        println!("config: {line}");
    }
    let _ = std::fs::remove_file(SOCKET);
    let socket = UnixListener::bind(SOCKET)?;
    let port = TcpListener::bind("0.0.0.0:24224")?;
    std::thread::spawn(move || {
        for stream in port.incoming().flatten() {
            std::thread::spawn(move || print(stream));
        }
    });
    for stream in socket.incoming() {
        let stream = stream?;
        std::thread::spawn(move || print(stream));
    }
    Ok(())
}

fn print(stream: impl Read) {
    let mut stream = BufReader::new(stream);
    while let Ok(message) = Value::read(&mut stream) {
        let Value::Array(parts) = message else { continue };
        let [Value::Text(tag), _, Value::Map(record), ..] = parts.as_slice() else { continue };
        let log = record.iter().find(|(name, _)| *name == Value::Text("log".to_owned()));
        if let Some((_, Value::Text(log))) = log {
            println!("{tag}: {log}");
        }
    }
}

/// As much of MessagePack as such messages have.
#[derive(Debug, PartialEq)]
enum Value {
    Text(String),
    Array(Vec<Value>),
    Map(Vec<(Value, Value)>),
    /// Numbers, times, and the like.
    Other,
}

impl Value {
    fn read(from: &mut impl Read) -> io::Result<Self> {
        let kind = number(from, 1)? as u8;
        Ok(match kind {
            0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => Self::Other,
            0x80..=0x8f => Self::map(from, usize::from(kind & 0x0f))?,
            0x90..=0x9f => Self::array(from, usize::from(kind & 0x0f))?,
            0xa0..=0xbf => Self::text(from, usize::from(kind & 0x1f))?,
            0xc4 | 0xd9 => Self::sized(from, 1, Self::text)?,
            0xc5 | 0xda => Self::sized(from, 2, Self::text)?,
            0xc6 | 0xdb => Self::sized(from, 4, Self::text)?,
            0xc7 => Self::sized(from, 1, |from, size| Self::other(from, size + 1))?,
            0xcc | 0xd0 => Self::other(from, 1)?,
            0xcd | 0xd1 => Self::other(from, 2)?,
            0xca | 0xce | 0xd2 => Self::other(from, 4)?,
            0xcb | 0xcf | 0xd3 => Self::other(from, 8)?,
            0xd4..=0xd8 => Self::other(from, 1 + (1 << (kind - 0xd4)))?,
            0xdc => Self::sized(from, 2, Self::array)?,
            0xdd => Self::sized(from, 4, Self::array)?,
            0xde => Self::sized(from, 2, Self::map)?,
            0xdf => Self::sized(from, 4, Self::map)?,
            _ => return Err(io::Error::other("not MessagePack")),
        })
    }

    fn sized<R: Read>(from: &mut R, bytes: usize, read: fn(&mut R, usize) -> io::Result<Self>) -> io::Result<Self> {
        let size = number(from, bytes)?;
        read(from, size as usize)
    }

    fn text<R: Read>(from: &mut R, size: usize) -> io::Result<Self> {
        Ok(Self::Text(String::from_utf8_lossy(&take(from, size)?).into_owned()))
    }

    fn other<R: Read>(from: &mut R, size: usize) -> io::Result<Self> {
        take(from, size).map(|_| Self::Other)
    }

    fn array<R: Read>(from: &mut R, size: usize) -> io::Result<Self> {
        (0..size).map(|_| Self::read(from)).collect::<io::Result<_>>().map(Self::Array)
    }

    fn map<R: Read>(from: &mut R, size: usize) -> io::Result<Self> {
        (0..size).map(|_| Ok((Self::read(from)?, Self::read(from)?))).collect::<io::Result<_>>().map(Self::Map)
    }
}

fn number(from: &mut impl Read, bytes: usize) -> io::Result<u64> {
    Ok(take(from, bytes)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn take(from: &mut impl Read, size: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; size];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}
