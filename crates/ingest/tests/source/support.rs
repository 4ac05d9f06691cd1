//! Archives made on the spot, and a visitor that keeps what it sees.

use std::fs;
use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use pullwhy_ingest::source::{Body, Input, Limits, VisitStats, visit};
use pullwhy_model::Warning;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

pub(crate) const LINE: &str = "2024-05-01T10:00:00Z Failed to pull image: connection refused\n";

#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) texts: Vec<(String, String, Vec<u8>)>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) stats: VisitStats,
}

impl Seen {
    pub(crate) fn names(&self) -> Vec<&str> {
        self.texts.iter().map(|(name, ..)| name.as_str()).collect()
    }

    pub(crate) fn text(&self, end: &str) -> &str {
        let found = self.texts.iter().find(|(name, ..)| name.ends_with(end));
        std::str::from_utf8(&found.unwrap_or_else(|| panic!("no {end} in {self:?}")).2).unwrap()
    }

    #[track_caller]
    pub(crate) fn warned(&self, file_end: &str, text: &str) {
        assert!(
            self.warnings
                .iter()
                .any(|warning| warning.file.ends_with(file_end) && warning.text.contains(text)),
            "no warning {text:?} for {file_end:?} in {:?}",
            self.warnings
        );
    }

    #[track_caller]
    pub(crate) fn quiet(&self) {
        assert!(self.warnings.is_empty(), "{:?}", self.warnings);
    }
}

pub(crate) fn look_within(inputs: &[Input], limits: &Limits) -> Seen {
    let mut seen = Seen::default();
    let texts = &mut seen.texts;
    seen.stats = visit(inputs, limits, &mut seen.warnings, &mut |meta, body| {
        let mut text = Vec::new();
        match body {
            Body::Mapped(bytes) => text.extend_from_slice(bytes),
            Body::Stream(stream) => {
                stream.read_to_end(&mut text).unwrap();
            }
        }
        texts.push((meta.name.clone(), meta.base_name.clone(), text));
        ControlFlow::Continue(())
    });
    seen
}

pub(crate) fn look(path: impl Into<PathBuf>) -> Seen {
    look_within(&[Input::Path(path.into())], &Limits::default())
}

pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

pub(crate) fn gz(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zst(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    ruzstd::encoding::compress_to_vec(bytes.as_ref(), level)
}

pub(crate) fn tar_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        if name.len() < 100 {
            // Names that the builder refuses are written as they are.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, *bytes).unwrap();
        } else {
            builder.append_data(&mut header, name, *bytes).unwrap();
        }
    }
    builder.into_inner().unwrap()
}

pub(crate) fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let method = if name.contains("stored") {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        let options = SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// As tools write that cannot go back: sizes stand behind the data.
pub(crate) fn streamed_zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new_stream(Vec::new());
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Text that does not compress to nothing.
pub(crate) fn lines(count: usize) -> String {
    let mut state = 7_u64;
    let line = |number: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        format!("{number} layer {state:016x} failed\n")
    };
    (0..count).map(line).collect()
}
