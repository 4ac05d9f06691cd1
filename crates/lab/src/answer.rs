//! A server as a table of request and answer, with states.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A row: what is asked, and what is answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRow {
    /// Method; any if empty.
    #[serde(default)]
    pub method: String,
    /// Path without query, or its beginning and `*`.
    pub path: String,
    /// The request has this field: `Name`, or `Name: value`.
    #[serde(default)]
    pub if_header: Option<String>,
    /// The request does not have it.
    #[serde(default)]
    pub unless_header: Option<String>,
    /// The query holds all of these.
    #[serde(default)]
    pub if_query: Vec<String>,
    /// The body holds all of these.
    #[serde(default)]
    pub if_body: Vec<String>,
    /// The server is in this state; it begins in the state of no name.
    #[serde(default)]
    pub if_state: Option<String>,
    /// The state after the answer.
    #[serde(default)]
    pub set_state: Option<String>,
    /// Answers so many requests, and then no longer.
    #[serde(default)]
    pub times: Option<u32>,
    /// Status.
    #[serde(default = "ok")]
    pub status: u16,
    /// Fields, with placeholders.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Body, with placeholders.
    #[serde(default)]
    pub body: Option<String>,
    /// A body of so many bytes `x`.
    #[serde(default)]
    pub body_bytes: Option<usize>,
    /// A body in base64.
    #[serde(default)]
    pub base64: Option<String>,
    /// Bytes in place of an HTTP answer.
    #[serde(default)]
    pub raw: Option<String>,
    /// So many bytes behind `raw`.
    #[serde(default)]
    pub raw_bytes: usize,
    /// Waits before the answer.
    #[serde(default)]
    pub delay_ms: u64,
    /// Bytes a second of the body.
    #[serde(default)]
    pub drip: Option<u64>,
    /// Closes after so many bytes of the body.
    #[serde(default)]
    pub cut: Option<usize>,
    /// Says nothing more after so many bytes of the body.
    #[serde(default)]
    pub stall: Option<usize>,
    /// So many bytes `x` behind the body.
    #[serde(default)]
    pub longer: usize,
    /// Flips a bit of this byte of the body.
    #[serde(default)]
    pub flip: Option<usize>,
    /// Sends the body in chunks, without its length.
    #[serde(default)]
    pub chunked: bool,
    /// Sends the whole body to who asks for a part of it.
    #[serde(default)]
    pub no_range: bool,
    /// Closes without an answer.
    #[serde(default)]
    pub hang_up: bool,
}

fn ok() -> u16 {
    200
}

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Path with query.
    pub target: String,
    /// Fields.
    pub fields: Vec<(String, String)>,
    /// Body.
    pub body: String,
}

impl Request {
    /// The first field of a name.
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self
            .fields
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Path without query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    fn has(&self, wanted: &str) -> bool {
        match wanted.split_once(": ") {
            Some((name, value)) => self.field(name) == Some(value),
            None => self.field(wanted).is_some(),
        }
    }
}

/// Rows with what has happened so far.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(AnswerRow, u32)>,
    state: String,
}

impl Table {
    /// A table in its first state.
    pub fn new(rows: impl IntoIterator<Item = AnswerRow>) -> Self {
        Self {
            rows: rows.into_iter().map(|row| (row, 0)).collect(),
            state: String::new(),
        }
    }

    /// The row that answers a request; it counts as used.
    pub fn take(&mut self, request: &Request) -> Option<AnswerRow> {
        let state = &self.state;
        let (row, used) = self.rows.iter_mut().find(|(row, used)| {
            row.fits(request)
                && row.times.is_none_or(|times| *used < times)
                && row.if_state.as_ref().is_none_or(|wanted| wanted == state)
        })?;
        *used += 1;
        let row = row.clone();
        if let Some(next) = &row.set_state {
            self.state.clone_from(next);
        }
        Some(row)
    }
}

impl AnswerRow {
    fn fits(&self, request: &Request) -> bool {
        let path = request.path();
        let query = request.target.split_once('?').map_or("", |(_, q)| q);
        let by_path = match self.path.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == self.path,
        };
        by_path
            && (self.method.is_empty() || self.method == request.method)
            && self.if_header.as_ref().is_none_or(|h| request.has(h))
            && self.unless_header.as_ref().is_none_or(|h| !request.has(h))
            && self.if_query.iter().all(|part| query.contains(part))
            && self.if_body.iter().all(|part| request.body.contains(part))
    }

    /// Puts values in for placeholders.
    #[must_use]
    pub fn filled(mut self, fill: &dyn Fn(&str) -> String) -> Self {
        for text in self.headers.values_mut() {
            *text = fill(text);
        }
        for text in [
            &mut self.body,
            &mut self.base64,
            &mut self.raw,
            &mut self.if_header,
            &mut self.unless_header,
        ]
        .into_iter()
        .flatten()
        {
            *text = fill(text);
        }
        self.path = fill(&self.path);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_and_counts_choose_the_row() {
        let row = |status, if_state: Option<&str>, set_state: Option<&str>, times| AnswerRow {
            path: "/a*".to_owned(),
            status,
            if_state: if_state.map(str::to_owned),
            set_state: set_state.map(str::to_owned),
            times,
            ..AnswerRow::default()
        };
        let mut table = Table::new([
            row(503, Some(""), None, Some(1)),
            row(401, Some(""), Some("asked"), None),
            row(200, Some("asked"), None, None),
        ]);
        let request = Request {
            method: "GET".to_owned(),
            target: "/abc?x".to_owned(),
            ..Request::default()
        };
        let mut got = || table.take(&request).map(|row| row.status);
        assert_eq!(
            [got(), got(), got(), got()],
            [Some(503), Some(401), Some(200), Some(200)]
        );
    }
}
