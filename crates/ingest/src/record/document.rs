//! JSON on one line, taken apart into its records: each message with what stands around it.
//!
//! A line can hold one record (`docker logs`, a shipper) or thousands (`kubectl get events -o json
//! | jq -c`, the answer of Log Analytics, `az container show`). Read as one message, two failures
//! of such a line would merge into one that never happened. The line is read once, without
//! recursion, into a flat list of values; depth, number and length are bounded.

use super::Record;
use super::fields::{self, Fields};
use super::json::{Kind, Tree, offset, unquoted};
use crate::message::Message;

/// A message of a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The message, with the way back to the document.
    pub message: Message,
    /// The part of the document that holds it.
    pub span: (usize, usize),
    /// What stands around it; `last_at` is its time.
    pub record: Record,
}

/// Bytes of a document; a longer one is read like any long line, around what is found in it.
pub const LONGEST: usize = 4 << 20;
/// Messages of a document.
const PARTS: usize = 20_000;
/// Objects around a message that are looked at, fields of each, and fields of those.
const AROUND: usize = 8;
const SIBLINGS: usize = 64;
const INNER: usize = 32;

/// Fields that hold a message, in lower case.
const MESSAGES: [&str; 32] = [
    "message",
    "message_s",
    "@message",
    "log",
    "log_s",
    "msg",
    "msg_s",
    "note",
    "error",
    "err",
    "error_message",
    "resultdescription",
    "resultdescription_s",
    "details",
    "lasterror",
    "lasterrordetails",
    "exception",
    "exception_s",
    "textpayload",
    "renderedmessage",
    "errormessage",
    "statusmessage",
    "short_message",
    "full_message",
    "stderr",
    "stdout",
    "content",
    "body",
    "event",
    "line",
    "output",
    "description",
];

/// Takes a document apart. `None` if the text is none, or holds no message in its records.
pub fn split(text: &str) -> Option<Vec<Part>> {
    if !text.starts_with(['{', '[']) || text.len() > LONGEST {
        return None;
    }
    let mut tree = Tree::read(text);
    if tree.nodes.len() < 2 {
        return None;
    }
    tree.find_tables();
    let mut parts = tree.parts();
    if let Some(at) = tree.broken {
        // Not JSON after all, unless much of it was.
        if parts.len() < 2 {
            return None;
        }
        parts.push(Part {
            message: unquoted(&text[at..], at),
            span: (at, text.len()),
            record: Record::default(),
        });
    }
    if !parts.is_empty() && parts.iter().all(|p| p.record.last_at.is_some()) {
        // Answers of queries often have the newest first, lists of events follow their names.
        parts.sort_by_key(|p| p.record.last_at);
    }
    (!parts.is_empty()).then_some(parts)
}

impl<'a> Tree<'a> {
    /// Finds `"columns":[…],"rows":[[…],…]`.
    fn find_tables(&mut self) {
        for index in 0..self.nodes.len() {
            let is_rows = self.nodes[index].kind == Kind::Array
                && self.key(index).eq_ignore_ascii_case("rows");
            let parent = self.nodes[index].parent;
            if !is_rows || parent == usize::MAX {
                continue;
            }
            let columns = self
                .children(parent)
                .take(SIBLINGS)
                .find(|c| self.key(*c).eq_ignore_ascii_case("columns"));
            let Some(columns) = columns else { continue };
            let names = self.children(columns).take(256).map(|column| {
                if self.nodes[column].kind == Kind::Text {
                    return self.raw(column);
                }
                self.children(column)
                    .find(|c| {
                        let key = self.key(*c);
                        key.eq_ignore_ascii_case("name") || key.eq_ignore_ascii_case("columnname")
                    })
                    .map_or("", |c| self.raw(c))
            });
            let names = names.collect();
            self.tables.insert(index, names);
        }
    }

    /// The columns of a row of a table.
    fn columns(&self, row: usize) -> Option<&[&'a str]> {
        let is_row = self.nodes[row].kind == Kind::Array;
        is_row
            .then(|| self.tables.get(&self.nodes[row].parent))
            .flatten()
            .map(Vec::as_slice)
    }

    /// The values of a record that hold a message.
    fn messages(&self, of: usize) -> Vec<usize> {
        let holds = |value: usize, name: &str| {
            // Flattened objects name the way to it: `status.message`.
            let last = name.rsplit('.').next().unwrap_or(name);
            let known = MESSAGES.iter().any(|m| last.eq_ignore_ascii_case(m));
            let node = self.nodes[value];
            known
                && match node.kind {
                    Kind::Text => node.span.1 > node.span.0,
                    // journald prints a message with control characters as a list of bytes.
                    Kind::Array => name == "MESSAGE" && self.bytes(value).is_some(),
                    Kind::Object | Kind::Word => false,
                }
        };
        if let Some(columns) = self.columns(of) {
            let cells = self.children(of).zip(columns);
            return cells
                .filter(|(c, name)| holds(*c, name))
                .map(|(c, _)| c)
                .collect();
        }
        if self.nodes[of].kind != Kind::Object {
            return Vec::new();
        }
        let own: Vec<usize> = self
            .children(of)
            .take(SIBLINGS * 4)
            .filter(|c| holds(*c, self.key(*c)))
            .collect();
        if own.is_empty() && self.key(of) == "waiting" {
            // A container that waits for its image, of a kubelet that does not say why.
            let reason = |c: &usize| self.key(*c) == "reason" && self.nodes[*c].kind == Kind::Text;
            return self.children(of).filter(reason).take(1).collect();
        }
        own
    }

    fn parts(&self) -> Vec<Part> {
        let count = self.nodes.len();
        let mut own: Vec<u8> = vec![0; count];
        // Records inside, in a list and not.
        let mut listed = vec![false; count];
        let mut nested = vec![false; count];
        for index in (0..count).rev() {
            let node = self.nodes[index];
            if matches!(node.kind, Kind::Text | Kind::Word) {
                continue;
            }
            own[index] = u8::try_from(self.messages(index).len()).unwrap_or(u8::MAX);
            if node.parent == usize::MAX {
                continue;
            }
            let any = own[index] > 0 || nested[index];
            if self.nodes[node.parent].kind == Kind::Array {
                listed[node.parent] |= any || listed[index];
            } else {
                nested[node.parent] |= any;
                listed[node.parent] |= listed[index];
            }
        }
        let mut parts = Vec::new();
        let mut index = 0;
        while index < count && parts.len() < PARTS {
            let node = self.nodes[index];
            if own[index] == 0 {
                index += 1;
                continue;
            }
            let messages = self.messages(index);
            // `{"code":"TOOMANYREQUESTS","message":"…"}`: the code says more than the message.
            let coded = self
                .children(index)
                .take(SIBLINGS)
                .any(|c| self.key(c).eq_ignore_ascii_case("code"));
            let whole = !listed[index] && (nested[index] || coded || messages.len() > 1);
            if whole {
                // What failed and why are two fields of one message.
                let origin = (node.span.0..node.span.1).map(offset).collect();
                let message = Message::new(self.raw(index).to_owned(), origin);
                parts.push(self.part(message, node.span, index));
                index = node.end;
                continue;
            }
            for value in messages {
                if let Some(message) = self.message(value) {
                    parts.push(self.part(message, self.nodes[value].span, index));
                }
            }
            index += 1;
        }
        parts
    }

    fn part(&self, message: Message, span: (usize, usize), of: usize) -> Part {
        // Who ships records of another shipper has them as text.
        let mut fields = if message.text.starts_with('{') && span != self.nodes[of].span {
            fields::json(&message.text)
        } else {
            Fields::default()
        };
        fields.append(self.fields(of));
        Part {
            message,
            span,
            record: fields.record(),
        }
    }

    /// The fields of a record, then those of the objects around it.
    fn fields(&self, of: usize) -> Fields {
        let mut fields = Fields::default();
        if let Some(columns) = self.columns(of) {
            for (cell, name) in self.children(of).zip(columns) {
                if let Some(value) = self.scalar(cell) {
                    fields.put(name, &value);
                }
            }
            return fields;
        }
        self.put(of, true, &mut fields);
        let mut at = of;
        for _ in 0..AROUND {
            if self.key(at) == "instanceView" {
                fields.put("shape", "aci");
            }
            at = self.nodes[at].parent;
            if at == usize::MAX {
                break;
            }
            if self.nodes[at].kind == Kind::Object && !fields.is_full() {
                self.put(at, false, &mut fields);
            }
        }
        fields
    }

    /// The fields of an object, two levels deep.
    fn put(&self, of: usize, own: bool, fields: &mut Fields) {
        for child in self.children(of).take(SIBLINGS) {
            let key = self.key(child);
            // How often and what: of an object around, these say nothing about the message.
            let misleading = ["count", "name", "type"];
            if self.nodes[child].kind == Kind::Object {
                for inner in self.children(child).take(INNER) {
                    if let Some(value) = self.scalar(inner) {
                        fields.put(&format!("{key}.{}", self.key(inner)), &value);
                    }
                }
            } else if (own || !misleading.iter().any(|m| key.eq_ignore_ascii_case(m)))
                && let Some(value) = self.scalar(child)
            {
                fields.put(key, &value);
            }
        }
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
