//! The table and the file.

use std::path::Path;

use serde::Serialize;

/// How a number is judged against what it should be.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// Nothing is asked of it.
    Free,
}

#[derive(Serialize)]
struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    bound: Bound,
    met: bool,
}

#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Adds a number, and prints it at once: a benchmark takes minutes.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str, bound: Bound) {
        let (met, asked) = match bound {
            Bound::AtMost(most) => (value <= most, format!("<= {most}")),
            Bound::AtLeast(least) => (value >= least, format!(">= {least}")),
            Bound::Free => (true, String::new()),
        };
        let name = name.into();
        let mark = if met { ' ' } else { '!' };
        println!("{mark} {name:<68} {value:>12.3} {unit:<10} {asked}");
        self.rows.push(Row { name, value, unit, bound, met });
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let missed = self.rows.iter().filter(|row| !row.met).count();
        println!("\n{} numbers, {missed} of them missed (marked with !)", self.rows.len());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, serde_json::to_string_pretty(&self.rows)? + "\n")?;
        println!("written to {}", path.display());
        Ok(())
    }
}

/// The value below which `share` (0 to 1) of the sorted samples lie.
pub(crate) fn quantile(samples: &mut [f64], share: f64) -> f64 {
    samples.sort_by(f64::total_cmp);
    let place = ((samples.len() as f64 - 1.0) * share).round() as usize;
    samples[place]
}
