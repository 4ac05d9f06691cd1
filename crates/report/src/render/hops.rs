//! Hops of a check as they end, for people: layers of which nothing is to be told share a line.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use pullwhy_model::text::size;
use pullwhy_model::{Fact, Hop, HopRow, Status};

use super::{check, count};
use crate::Style;

/// So many layers still have a line each.
const FEW: usize = 2;
/// Columns of a layer's name.
const NAME: usize = 19;
/// How long a layer is held back: a large image takes an hour, and people want to see that it goes on.
const PATIENCE: Duration = Duration::from_secs(2);

/// Writes hops one after the other, soon after each ended.
///
/// Most images have more layers than a screen has lines, and all of them are as they must be: such
/// rows are held back for a moment, and told together. `-v` and JSON have each of them.
#[derive(Debug, Default)]
pub struct Hops {
    held: Vec<HopRow>,
    /// When the first of them came.
    since: Option<Instant>,
}

impl Hops {
    /// Writes a hop, or holds it back.
    ///
    /// # Errors
    ///
    /// If `out` cannot be written to.
    pub fn write(&mut self, row: &HopRow, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let goes_on = self.held.first().is_none_or(|held| held.hop == row.hop);
        if !goes_on || !is_plain(row) {
            self.end(style, out)?;
        }
        if is_plain(row) && style.verbose == 0 {
            self.since.get_or_insert_with(Instant::now);
            self.held.push(row.clone());
            return if self.is_due() {
                self.end(style, out)
            } else {
                Ok(())
            };
        }
        check::row(row, style, out)
    }

    /// Whether something has been held back for long enough.
    pub fn is_due(&self) -> bool {
        self.since.is_some_and(|since| since.elapsed() > PATIENCE)
    }

    /// Writes what is held back.
    ///
    /// # Errors
    ///
    /// If `out` cannot be written to.
    pub fn end(&mut self, style: &Style, out: &mut dyn Write) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        self.since = None;
        if held.len() <= FEW {
            return held.iter().try_for_each(|row| check::row(row, style, out));
        }
        together(&held).map_or(Ok(()), |row| check::row(&row, style, out))
    }
}

/// Whether nothing but its size is to be told of a layer.
fn is_plain(row: &HopRow) -> bool {
    let once = number(row, "attempts").is_none_or(|attempts| attempts == 1);
    // Of several walks each row tells how often and how long.
    let walked_once = !row.facts.contains_key("runs");
    row.status == Status::Ok && row.saw.is_none() && once && walked_once && of_size(row).is_some()
}

/// Bytes that a layer has, packed or unpacked.
fn of_size(row: &HopRow) -> Option<u64> {
    match row.hop {
        Hop::Layer => number(row, "size"),
        Hop::Unpack => number(row, "unpacked_size"),
        _ => None,
    }
}

fn number(row: &HopRow, name: &str) -> Option<u64> {
    match row.facts.get(name)? {
        Fact::Number(n) => u64::try_from(*n).ok(),
        Fact::Text(_) => None,
    }
}

/// One row for several: what they come to, and the one that took longest.
fn together(rows: &[HopRow]) -> Option<HopRow> {
    let slowest = rows
        .iter()
        .max_by(|a, b| a.elapsed_ms.total_cmp(&b.elapsed_ms))?;
    let all: u64 = rows.iter().filter_map(of_size).sum();
    let entries: u64 = rows.iter().filter_map(|row| number(row, "entries")).sum();
    let many = match slowest.hop {
        Hop::Unpack => format!("{} in {entries} entries", size(all)),
        _ => size(all),
    };
    let name = check::shorten(&slowest.target, NAME);
    let summary = format!("{many}; the time is that of {name}; -v has each");
    Some(HopRow {
        target: count(rows.len() as u64, "layer"),
        summary,
        ..slowest.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(hop: Hop, status: Status, bytes: i64) -> HopRow {
        let name = if hop == Hop::Layer {
            "size"
        } else {
            "unpacked_size"
        };
        HopRow {
            hop,
            target: format!("sha256:{bytes}"),
            status,
            elapsed_ms: bytes as f64,
            summary: "of its own".to_owned(),
            facts: [
                (name.to_owned(), Fact::from(bytes)),
                ("entries".to_owned(), Fact::from(2)),
            ]
            .into(),
            cause: None,
            role: None,
            saw: None,
        }
    }

    fn shown(rows: &[HopRow]) -> String {
        let (mut hops, mut out) = (Hops::default(), Vec::new());
        let style = Style::default();
        for row in rows {
            hops.write(row, &style, &mut out).expect("memory");
        }
        hops.end(&style, &mut out).expect("memory");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn many_layers_share_a_line_and_what_is_odd_has_its_own() {
        let ok = |n| layer(Hop::Layer, Status::Ok, n);
        let text = shown(&[
            ok(1024),
            ok(2048),
            ok(512),
            layer(Hop::Layer, Status::Failed, 7),
            ok(8),
            layer(Hop::Unpack, Status::Ok, 100),
            layer(Hop::Unpack, Status::Ok, 200),
            layer(Hop::Unpack, Status::Ok, 300),
        ]);
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let wanted = [
            "ok   layer       3 layers  2048.0 ms",
            "3.5 KiB; the time is that of sha256:2048; -v has each",
            "FAIL layer       sha256:7  7.0 ms",
            "of its own",
            "ok   layer       sha256:8  8.0 ms",
            "of its own",
            "ok   unpack      3 layers  300.0 ms",
            "600 bytes in 6 entries; the time is that of sha256:300; -v has each",
        ];
        assert_eq!(lines, wanted, "{text}");
    }
}
