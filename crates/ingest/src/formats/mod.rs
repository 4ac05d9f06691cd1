//! The formats, compiled: which client wrote a line, and what it means for the course of a pull.

pub mod file;

use std::sync::OnceLock;

use file::{FormatFile, ImageForm, Says};
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
}

impl Reading {
    /// Whether a marker of this meaning is there.
    pub fn has(&self, says: Says) -> bool {
        self.marks.iter().any(|m| m.says == says)
    }

    /// The first image that a marker names.
    pub fn image(&self) -> Option<&Image> {
        self.marks.iter().find_map(|m| m.image.as_ref())
    }
}

enum Word {
    Recognise { format: usize, weight: u8 },
    Marker { says: Says, image: ImageForm },
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
            for r in &file.recognise {
                add(
                    &r.text,
                    Word::Recognise {
                        format,
                        weight: r.weight,
                    },
                );
            }
            for m in &file.markers {
                add(
                    &m.text,
                    Word::Marker {
                        says: m.says,
                        image: m.image,
                    },
                );
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
            for word in &self.words[number] {
                match *word {
                    Word::Recognise { format, weight } => {
                        votes[format] = votes[format].saturating_add(u32::from(weight));
                    }
                    Word::Marker { says, image } => {
                        let told = reading.marks.len() >= 64
                            || reading
                                .marks
                                .iter()
                                .any(|m| m.says == says && m.image.is_some());
                        if !told {
                            let end = start + self.lengths[number];
                            let image = image_after(message, end, image);
                            reading.marks.push(Mark {
                                says,
                                at: start,
                                image,
                            });
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

/// Reads the image that stands at `from`.
fn image_after(message: &str, from: usize, form: ImageForm) -> Option<Image> {
    let rest = &message[from..];
    let text = match form {
        ImageForm::None => return None,
        ImageForm::Quoted => {
            let quote = message[..from].chars().next_back()?;
            &rest[..rest.find(quote)?]
        }
        ImageForm::Word => {
            let end = rest
                .find([' ', ',', ')', ']', '"', '\'', '`', ';', '\\'])
                .unwrap_or(rest.len());
            &rest[..end]
        }
        ImageForm::Rest => rest,
    };
    let text = text
        .trim()
        .trim_end_matches("...")
        .trim_end_matches(['.', ':', '…']);
    pullwhy_reference::read(text)
}
