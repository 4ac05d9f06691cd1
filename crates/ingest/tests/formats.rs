//! Every sample of every format file, read by the whole set of formats.

use std::fs;
use std::path::Path;

use pullwhy_ingest::formats::{self, Reading, file};
use pullwhy_ingest::record::{self, document};
use pullwhy_ingest::{message, peel};
use pullwhy_model::Timestamp;

/// Reads a line as the scan does: its envelope off, a document taken apart.
fn read(formats: &'static formats::Formats, line: &str) -> Vec<(Option<Timestamp>, Reading)> {
    let outer = peel::peel(line);
    let Some(parts) = document::split(outer.body) else {
        let body = message::unquote(outer.body);
        let mut reading = formats.read(&body.text);
        if let Some(client) = outer.program.and_then(record::client_of) {
            reading.client = Some((client, 9));
        }
        return vec![(outer.at, reading)];
    };
    parts
        .into_iter()
        .map(|part| {
            let inner = peel::peel(&part.message.text);
            let mut reading = formats.read(&message::unquote(inner.body).text);
            if let Some(client) = part.record.client {
                reading.client = Some((client, 9));
            }
            (part.record.last_at.or(outer.at).or(inner.at), reading)
        })
        .collect()
}

#[test]
fn every_sample_is_read_as_its_file_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("folder")
        .map(|e| e.expect("entry").path())
        .collect();
    paths.sort();
    let formats = formats::built_in();
    let (mut failures, mut samples) = (Vec::new(), 0);
    for path in paths
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
    {
        let name = path
            .file_name()
            .expect("name")
            .to_string_lossy()
            .into_owned();
        let format = toml::from_str::<file::FormatFile>(&fs::read_to_string(path).expect("text"))
            .expect("checked by build.rs");
        if format.client != "unknown" && format.samples.len() < 3 {
            failures.push(format!("{name}: fewer than three samples"));
        }
        for sample in &format.samples {
            samples += 1;
            let lines: Vec<_> = sample.log.lines().flat_map(|l| read(formats, l)).collect();
            let mut wrong = |what: &str, got: String, wanted: String| {
                if got != wanted {
                    failures.push(format!(
                        "{name}: {}: {what}: got {got}, wanted {wanted}\n    {}",
                        sample.from,
                        sample.log.lines().next().unwrap_or_default()
                    ));
                }
            };
            if let Some(client) = &sample.client {
                let mut votes = std::collections::BTreeMap::new();
                for (client, weight) in lines.iter().filter_map(|(_, r)| r.client) {
                    *votes.entry(client).or_insert(0) += weight;
                }
                let got = votes
                    .iter()
                    .max_by_key(|(_, w)| **w)
                    .map_or("unknown", |(c, _)| *c);
                wrong("client", got.to_owned(), client.clone());
            }
            if let Some(at) = &sample.at {
                let got = lines.first().and_then(|(at, _)| *at).map(|t| t.to_string());
                let wanted = at.parse::<Timestamp>().map(|t| t.to_string());
                wrong("at", format!("{got:?}"), format!("{:?}", wanted.ok()));
            }
            if let Some(image) = &sample.image {
                let got = lines
                    .iter()
                    .find_map(|(_, r)| r.image())
                    .map(|i| i.reference.clone());
                wrong("image", got.unwrap_or_default(), image.clone());
            }
            let says = lines
                .iter()
                .flat_map(|(_, r)| r.marks.iter().map(|m| m.says));
            let wrongly: Vec<_> = says.filter(|s| sample.absent.contains(s)).collect();
            wrong("absent", format!("{wrongly:?}"), "[]".to_owned());
            if let Some(markers) = &sample.markers {
                let got: Vec<_> = lines
                    .iter()
                    .flat_map(|(_, r)| r.marks.iter().map(|m| m.says))
                    .filter(|s| markers.contains(s))
                    .collect();
                for wanted in markers {
                    if !got.contains(wanted) {
                        wrong("markers", format!("{got:?}"), format!("{markers:?}"));
                        break;
                    }
                }
            }
        }
    }
    assert!(samples > 20, "only {samples} samples were found");
    assert!(
        failures.is_empty(),
        "{} of {samples} samples:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
