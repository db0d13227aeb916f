//! What the program prints, in the ways that are hard for those who read it.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::system;

/// Numbered lines: as fast as they go, or `rate` a second; padded with dots to `size` bytes.
pub(crate) fn lines(count: u64, rate: Option<u64>, size: usize) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    system::on_term(system::OnTerm::Exit(143));
    let start = Instant::now();
    for n in 1..=count {
        let line = format!("line {n} ");
        writeln!(out, "{line:.<size$}")?;
        let Some(rate) = rate.filter(|rate| *rate > 0) else { continue };
        let due = Duration::from_secs_f64(n as f64 / rate as f64);
        let ahead = due.saturating_sub(start.elapsed());
        // At high rates what belongs to a hundredth of a second goes in one write.
        if ahead > Duration::from_millis(10) || rate <= 100 {
            out.flush()?;
            std::thread::sleep(ahead);
        }
    }
    out.flush()
}

/// One line of so many characters, each of two bytes, between `<` and `>`.
pub(crate) fn long(characters: usize) -> io::Result<()> {
    writeln!(io::stdout(), "<{}>", "é".repeat(characters))
}

/// Bytes given in hexadecimal, as they are.
pub(crate) fn bytes(hex: &str) -> io::Result<()> {
    let digits: Option<Vec<u8>> =
        hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let bytes = digits.ok_or_else(|| io::Error::other("not hexadecimal"))?;
    io::stdout().write_all(&bytes)
}
