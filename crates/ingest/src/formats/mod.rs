//! The formats, compiled: which client wrote a line, and what it means for the course of a pull.

mod command;
pub mod file;
mod image;

use std::sync::OnceLock;

use file::{FormatFile, Marker, Says};
use pullwhy_literals::Literals;
use pullwhy_model::Image;
use regex::bytes::Regex;

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its meaning.
    pub says: Says,
    /// Offset in the message.
    pub at: usize,
    /// The image that it names.
    pub image: Option<Image>,
}

/// What the formats tell about a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The client that wrote it, with how sure that is (sum of weights).
    pub client: Option<(&'static str, u32)>,
    /// Markers in order of appearance.
    pub marks: Vec<Mark>,
    /// The first image that stands behind words that are no marker, with its offset.
    pub named: Option<(usize, Image)>,
}

impl Reading {
    /// Whether a marker of this meaning is there.
    pub fn has(&self, says: Says) -> bool {
        self.marks.iter().any(|m| m.says == says)
    }

    /// The first image that a marker names, else one that only stands there.
    pub fn image(&self) -> Option<&Image> {
        let marked = self.marks.iter().find_map(|m| m.image.as_ref());
        marked.or_else(|| self.named.as_ref().map(|(_, image)| image))
    }

    /// Takes in a marker whose text stands at `span`.
    fn mark(&mut self, message: &str, span: (usize, usize), marker: &Marker) {
        let says = marker.says;
        let told = self.marks.len() >= 64
            || self
                .marks
                .iter()
                .any(|m| m.says == says && m.image.is_some());
        if told || marker.unless.iter().any(|u| message.contains(u.as_str())) {
            return;
        }
        let image = image::at(message, span, marker.image, marker.then.as_deref());
        let must = marker.then.is_some() || image::is_told_by_shape(marker.image);
        if image.is_some() || !must {
            self.marks.push(Mark {
                says,
                at: span.0,
                image,
            });
        }
    }
}

/// Where in the files a literal stands: format, and place in its list.
#[derive(Clone, Copy)]
enum Word {
    Recognise(usize, usize),
    Marker(usize, usize),
    Named(usize, usize),
}

/// All formats.
pub struct Formats {
    files: Vec<FormatFile>,
    literals: Literals,
    words: Vec<Vec<Word>>,
    lengths: Vec<usize>,
    names: Vec<OnceLock<Option<Regex>>>,
}

/// What a file's name tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileHint {
    /// Client that names its files so.
    pub client: Option<&'static str>,
    /// Instance in the name.
    pub instance: Option<String>,
    /// Date in the name, `YYYY_MM_DD`.
    pub date: Option<String>,
}

/// The formats that come with the tool.
pub fn built_in() -> &'static Formats {
    static FORMATS: OnceLock<Formats> = OnceLock::new();
    static BLOB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/formats.bin"));
    FORMATS.get_or_init(|| {
        Formats::new(
            postcard::from_bytes(BLOB).expect("build.rs wrote this blob with the same types"),
        )
    })
}

impl Formats {
    fn new(files: Vec<FormatFile>) -> Self {
        let mut texts: Vec<String> = Vec::new();
        let mut words: Vec<Vec<Word>> = Vec::new();
        let mut numbers = std::collections::HashMap::new();
        let mut add = |text: &str, word: Word| {
            let number = *numbers.entry(text.to_owned()).or_insert_with(|| {
                texts.push(text.to_owned());
                words.push(Vec::new());
                words.len() - 1
            });
            words[number].push(word);
        };
        for (format, file) in files.iter().enumerate() {
            for (index, r) in file.recognise.iter().enumerate() {
                add(&r.text, Word::Recognise(format, index));
            }
            for (index, m) in file.markers.iter().enumerate() {
                add(&m.text, Word::Marker(format, index));
            }
            for (index, n) in file.images.iter().enumerate() {
                add(&n.text, Word::Named(format, index));
            }
        }
        let literals = Literals::new(texts.iter().map(String::as_str), false);
        let lengths = texts.iter().map(String::len).collect();
        let names = files
            .iter()
            .flat_map(|f| &f.file)
            .map(|_| OnceLock::new())
            .collect();
        Self {
            files,
            literals,
            words,
            lengths,
            names,
        }
    }

    /// Id and title of every client.
    pub fn clients(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut told = std::collections::BTreeSet::new();
        self.files
            .iter()
            .filter(move |f| f.client != "unknown" && told.insert(&f.client))
            .map(|f| (f.client.as_str(), f.title.as_str()))
    }

    /// Texts of all markers; for choosing what to search a log for.
    pub fn marker_texts(&self) -> impl Iterator<Item = (Says, &str)> {
        self.files
            .iter()
            .flat_map(|f| &f.markers)
            .map(|m| (m.says, m.text.as_str()))
    }

    /// Reads one message.
    pub fn read(&'static self, message: &str) -> Reading {
        let mut reading = Reading::default();
        let mut votes = vec![0u32; self.files.len()];
        self.literals.each(message, |number, start| {
            let end = start + self.lengths[number];
            for word in &self.words[number] {
                match *word {
                    Word::Recognise(format, index) => {
                        let r = &self.files[format].recognise[index];
                        let then = r.then.as_deref();
                        if then.is_none_or(|then| message[end..].contains(then)) {
                            votes[format] = votes[format].saturating_add(u32::from(r.weight));
                        }
                    }
                    Word::Marker(format, index) => {
                        let marker = &self.files[format].markers[index];
                        reading.mark(message, (start, end), marker);
                    }
                    Word::Named(format, index) => {
                        let named = &self.files[format].images[index];
                        let earlier = reading.named.as_ref().is_none_or(|(at, _)| start < *at);
                        if earlier
                            && let Some(image) =
                                image::at(message, (start, end), named.image, named.then.as_deref())
                        {
                            reading.named = Some((start, image));
                        }
                    }
                }
            }
        });
        let best = (0..)
            .zip(&votes)
            .filter(|(_, v)| **v > 0)
            .max_by_key(|(i, v)| (**v, usize::MAX - i));
        reading.client = best.map(|(i, v)| (self.files[i].client.as_str(), *v));
        reading.marks.sort_by_key(|m| m.at);
        reading
    }

    /// Reads a file's name.
    pub fn file_hint(&'static self, base_name: &str) -> FileHint {
        let patterns = self
            .files
            .iter()
            .flat_map(|f| f.file.iter().map(move |n| (f, n)));
        for ((format, pattern), compiled) in patterns.zip(&self.names) {
            let regex = compiled.get_or_init(|| {
                regex::bytes::RegexBuilder::new(&pattern.name)
                    .unicode(false)
                    .build()
                    .ok()
            });
            let Some(groups) = regex
                .as_ref()
                .and_then(|r| r.captures(base_name.as_bytes()))
            else {
                continue;
            };
            let group = |name: &str| {
                groups
                    .name(name)
                    .map(|m| String::from_utf8_lossy(m.as_bytes()).into_owned())
            };
            return FileHint {
                client: Some(format.client.as_str()).filter(|c| *c != "unknown"),
                instance: group("instance"),
                date: group("date"),
            };
        }
        FileHint::default()
    }
}
