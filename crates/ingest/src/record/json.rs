//! JSON as a flat list of values, each with its place: read once, without recursion, as far as it
//! goes. A text that ends in mid-value is as good as a whole one: logs are cut.

use std::collections::HashMap;

use crate::message::Message;

/// Containers that may stand one in the other.
const DEPTH: usize = 64;
/// Values of a document.
const VALUES: usize = 400_000;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    /// A string; its span is between the quotes.
    Text,
    /// A number, `true`, `false`, `null`.
    Word,
}

/// A value, in the order of the document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) parent: usize,
    key: (usize, usize),
    pub(super) span: (usize, usize),
    /// The next value that does not belong to it.
    pub(super) end: usize,
}

/// The values of a document.
pub(super) struct Tree<'a> {
    pub(super) text: &'a str,
    pub(super) nodes: Vec<Node>,
    /// Where reading stopped, if not at the end.
    pub(super) broken: Option<usize>,
    /// Names of the columns of a list of rows.
    pub(super) tables: HashMap<usize, Vec<&'a str>>,
}

impl<'a> Tree<'a> {
    /// Reads as far as the text is JSON; a text that ends too early is as good as a whole one.
    pub(super) fn read(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let mut tree = Self {
            text,
            nodes: Vec::new(),
            broken: None,
            tables: HashMap::new(),
        };
        let mut open: Vec<usize> = Vec::new();
        let mut key = (0, 0);
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            let blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',');
            if blank || byte == b':' && !open.is_empty() {
                at += 1;
                continue;
            }
            let between = open.is_empty() && !matches!(byte, b'{' | b'[');
            if between || tree.nodes.len() >= VALUES {
                tree.broken = Some(at);
                break;
            }
            let kind = match byte {
                b'{' if open.len() < DEPTH => Kind::Object,
                b'[' if open.len() < DEPTH => Kind::Array,
                b'"' => Kind::Text,
                b'}' | b']' => {
                    let wanted = if byte == b'}' {
                        Kind::Object
                    } else {
                        Kind::Array
                    };
                    let last = open.pop().filter(|i| tree.nodes[*i].kind == wanted);
                    let Some(index) = last else {
                        tree.broken = Some(at);
                        break;
                    };
                    at += 1;
                    tree.nodes[index].span.1 = at;
                    tree.nodes[index].end = tree.nodes.len();
                    key = (0, 0);
                    continue;
                }
                b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Kind::Word,
                _ => {
                    tree.broken = Some(at);
                    break;
                }
            };
            let span = match kind {
                Kind::Text => (at + 1, string_end(bytes, at + 1)),
                Kind::Word => (at, word_end(bytes, at)),
                Kind::Object | Kind::Array => (at, bytes.len()),
            };
            let next = match kind {
                Kind::Text => (span.1 + 1).min(bytes.len()),
                Kind::Word => span.1,
                Kind::Object | Kind::Array => at + 1,
            };
            let in_object = open
                .last()
                .is_some_and(|i| tree.nodes[*i].kind == Kind::Object);
            if kind == Kind::Text && in_object && key == (0, 0) {
                key = span;
                at = next;
                continue;
            }
            let index = tree.nodes.len();
            tree.nodes.push(Node {
                kind,
                parent: open.last().copied().unwrap_or(usize::MAX),
                key,
                span,
                end: index + 1,
            });
            if matches!(kind, Kind::Object | Kind::Array) {
                open.push(index);
            }
            key = (0, 0);
            at = next;
        }
        let count = tree.nodes.len();
        for index in open {
            tree.nodes[index].end = count;
            tree.nodes[index].span.1 = tree.broken.unwrap_or(text.len());
        }
        tree
    }

    pub(super) fn children(&self, of: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.nodes[of].end;
        let first = of + 1;
        std::iter::successors(Some(first).filter(|i| *i < end), move |i| {
            Some(self.nodes[*i].end).filter(|next| *next < end)
        })
    }

    pub(super) fn key(&self, of: usize) -> &'a str {
        let (from, to) = self.nodes[of].key;
        &self.text[from..to]
    }

    pub(super) fn raw(&self, of: usize) -> &'a str {
        let (from, to) = self.nodes[of].span;
        &self.text[from..to]
    }

    /// The value of a field that is no object and no list.
    pub(super) fn scalar(&self, of: usize) -> Option<String> {
        let raw = self.raw(of);
        match self.nodes[of].kind {
            Kind::Text if raw.len() > 512 => None,
            Kind::Text if raw.contains('\\') => Some(unquoted(raw, 0).text),
            Kind::Text => Some(raw.to_owned()),
            Kind::Word if raw != "null" => Some(raw.to_owned()),
            _ => None,
        }
    }

    /// A list of bytes, with where each stands.
    pub(super) fn bytes(&self, of: usize) -> Option<(Vec<u8>, Vec<u32>)> {
        let mut bytes = Vec::new();
        let mut origin = Vec::new();
        for child in self.children(of) {
            bytes.push(self.raw(child).parse().ok()?);
            origin.push(offset(self.nodes[child].span.0));
        }
        (!bytes.is_empty()).then_some((bytes, origin))
    }

    pub(super) fn message(&self, of: usize) -> Option<Message> {
        if self.nodes[of].kind == Kind::Text {
            return Some(unquoted(self.raw(of), self.nodes[of].span.0));
        }
        let (bytes, places) = self.bytes(of)?;
        let mut text = String::with_capacity(bytes.len());
        let mut origin = Vec::with_capacity(bytes.len());
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            origin.extend_from_slice(&places[at..at + chunk.valid().len()]);
            at += chunk.valid().len();
            if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
                origin.extend(std::iter::repeat_n(places[at], '\u{fffd}'.len_utf8()));
                at += chunk.invalid().len();
            }
        }
        Some(Message::new(text, origin))
    }
}

pub(super) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The closing quote, or the end.
fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
        if bytes[at + found] == b'"' {
            return at + found;
        }
        at += found + 2;
    }
    bytes.len()
}

fn word_end(bytes: &[u8], from: usize) -> usize {
    let rest = &bytes[from..];
    let end = |b: &u8| !(b.is_ascii_alphanumeric() || b"+-.".contains(b));
    from + rest.iter().position(end).unwrap_or(rest.len()).max(1)
}

/// The value of a JSON string that stands at `base`. Line ends and tabs become blanks.
pub(super) fn unquoted(raw: &str, base: usize) -> Message {
    let mut text = String::with_capacity(raw.len());
    let mut origin = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        let plain = memchr::memchr(b'\\', &raw.as_bytes()[at..]).unwrap_or(raw.len() - at);
        text.push_str(&raw[at..at + plain]);
        origin.extend((base + at..base + at + plain).map(offset));
        at += plain;
        if at >= raw.len() {
            break;
        }
        let (taken, put) = escape(&raw[at..]);
        let place = offset(base + at);
        text.push(put);
        origin.extend(std::iter::repeat_n(place, put.len_utf8()));
        at += taken;
    }
    Message::new(text, origin)
}

/// What an escape sequence at the start of `text` stands for, and its length.
fn escape(text: &str) -> (usize, char) {
    let code = |from: usize| {
        let hex = text.get(from..from + 4)?;
        u32::from_str_radix(hex, 16).ok()
    };
    match text.as_bytes().get(1) {
        Some(b'n' | b'r' | b't' | b'b' | b'f') => (2, ' '),
        Some(b'"') => (2, '"'),
        Some(b'/') => (2, '/'),
        Some(b'\\') => (2, '\\'),
        Some(b'u') => match code(2) {
            Some(high @ 0xd800..0xdc00) => {
                let low = code(8).filter(|l| text[6..].starts_with("\\u") && *l >= 0xdc00);
                let value = low.map(|l| 0x1_0000 + ((high - 0xd800) << 10) + (l & 0x3ff));
                let put = value.and_then(char::from_u32);
                (
                    if low.is_some() { 12 } else { 6 },
                    put.unwrap_or(char::REPLACEMENT_CHARACTER),
                )
            }
            Some(value) => (
                6,
                char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER),
            ),
            None => (1, '\\'),
        },
        _ => (1, '\\'),
    }
}
