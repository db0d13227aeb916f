//! The files that codegen makes: formatted, then written or compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

#[derive(Default)]
pub(crate) struct Output {
    files: BTreeMap<String, String>,
    rust: BTreeSet<String>,
    /// Folders in which every file is generated, so that others are left over from before.
    owned: Vec<String>,
}

impl Output {
    pub(crate) fn add_rust(&mut self, path: impl Into<String>, text: String) {
        let path = path.into();
        self.rust.insert(path.clone());
        self.files.insert(path, text);
    }

    pub(crate) fn add_text(&mut self, path: impl Into<String>, text: String) {
        self.files.insert(path.into(), text);
    }

    pub(crate) fn own(&mut self, folder: &str) {
        self.owned.push(folder.to_owned());
    }

    #[cfg(test)]
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Writes what differs, or fails when `check` is set and something does.
    pub(crate) fn finish(mut self, root: &Path, check: bool) -> Result<()> {
        self.format(root)?;
        let mut differences = vec![];
        for (path, text) in &self.files {
            let target = root.join(path);
            // Files that are the same are left alone, so that cargo does not rebuild them.
            if fs::read_to_string(&target).is_ok_and(|current| current == *text) {
                continue;
            }
            differences.push(path.clone());
            if !check {
                fs::create_dir_all(target.parent().expect("has a parent"))?;
                fs::write(&target, text).with_context(|| format!("writing {path}"))?;
            }
        }
        for path in self.left_over(root)? {
            differences.push(path.strip_prefix(root)?.display().to_string());
            if !check {
                fs::remove_file(path)?;
            }
        }
        if check && !differences.is_empty() {
            bail!("not up to date, run `cargo xtask codegen`:\n  {}", differences.join("\n  "));
        }
        println!("{} generated files, {} changed", self.files.len(), differences.len());
        Ok(())
    }

    fn left_over(&self, root: &Path) -> Result<Vec<PathBuf>> {
        let mut found = vec![];
        let mut folders: Vec<PathBuf> = self.owned.iter().map(|folder| root.join(folder)).collect();
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(folder) else {
                continue;
            };
            for entry in entries {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if !self.files.contains_key(&*path.strip_prefix(root)?.to_string_lossy()) {
                    found.push(path);
                }
            }
        }
        Ok(found)
    }

    /// Formats all Rust files.
    fn format(&mut self, root: &Path) -> Result<()> {
        for path in &self.rust {
            let text = self.files.get_mut(path).expect("it was added");
            *text = rustfmt(root, text).with_context(|| format!("formatting {path}"))?;
        }
        Ok(())
    }
}

/// Formats one file. By stdin, so that rustfmt does not look for the modules it declares.
fn rustfmt(root: &Path, text: &str) -> Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("running rustfmt")?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = text.to_owned();
    // From its own thread: rustfmt may write before it has read all.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    writer.join().expect("the writer does not panic")?;
    ensure!(output.status.success(), "rustfmt failed");
    Ok(String::from_utf8(output.stdout)?)
}
