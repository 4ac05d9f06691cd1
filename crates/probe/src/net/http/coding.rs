//! Bodies that are compressed for the way (RFC 9110, 8.4), as Go's clients ask for them and undo them.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::{Request, Response};

impl Request<'_> {
    /// Whether a body may come compressed. Go's clients ask for that by themselves and undo it, but for
    /// parts of a body and for no body (`net/http`, `Transport.roundTrip`); so do the engines' for
    /// manifests, tokens and blobs. What they see is what counts: a server's answer may be right or wrong
    /// only then.
    pub(in crate::net) fn asks_for_gzip(&self) -> bool {
        let part = self.fields.iter().any(|(name, _)| *name == "Range");
        self.method != "HEAD" && !part
    }
}

impl Response {
    /// Whether it is compressed for the way.
    pub(in crate::net) fn is_gzip(&self) -> bool {
        let coding = self.field("content-encoding").unwrap_or_default();
        coding.eq_ignore_ascii_case("gzip")
    }

    /// Notes that this is undone: nothing that was said of the compressed body holds.
    pub(in crate::net) fn note_undone(&mut self) {
        self.undone = true;
        self.fields.retain(|(name, _)| {
            let of_it = ["content-encoding", "content-length"];
            !of_it.iter().any(|own| name.eq_ignore_ascii_case(own))
        });
    }

    /// Undoes it, as far as anybody wants it; a body that is none stays as it is.
    pub(super) fn undo(&mut self, most: usize) {
        let mut body = Vec::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        let whole = MultiGzDecoder::new(self.body.as_slice())
            .take(limit)
            .read_to_end(&mut body);
        if whole.is_err() && !self.cut {
            return;
        }
        self.cut |= body.len() > most;
        body.truncate(most);
        self.body = body;
        self.note_undone();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
        packed.write_all(bytes).expect("memory");
        packed.finish().expect("memory")
    }

    fn coded(body: Vec<u8>) -> Response {
        let fields = [
            ("Content-Encoding", "GZIP"),
            ("Content-Length", "9"),
            ("X", "y"),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Response {
            status: 200,
            fields: fields.to_vec(),
            body,
            ..Response::default()
        }
    }

    #[test]
    fn a_body_that_is_compressed_for_the_way_is_undone_and_its_length_is_not_known() {
        let mut response = coded(gzip(b"{\"a\": 1}"));
        assert!(response.is_gzip());
        response.undo(100);
        assert_eq!(response.text(), "{\"a\": 1}");
        assert!(response.undone && !response.cut);
        assert_eq!(response.field("content-length"), None);
        assert_eq!(response.field("x"), Some("y"));
    }

    #[test]
    fn a_body_that_unpacks_to_more_than_is_wanted_is_cut_there() {
        let mut response = coded(gzip(&vec![0; 10 << 20]));
        response.undo(1 << 20);
        assert!(response.cut);
        assert_eq!(response.body.len(), 1 << 20);
    }

    #[test]
    fn a_body_that_is_not_what_it_says_stays_as_it_is() {
        let mut response = coded(b"{\"a\": 1}".to_vec());
        response.undo(100);
        assert_eq!(response.text(), "{\"a\": 1}");
        assert!(!response.undone);
    }

    #[test]
    fn a_part_of_a_body_and_a_head_are_not_asked_for_compressed() {
        let ask = |method, fields| Request {
            method,
            path: "/",
            host: "r.test",
            fields,
            body: None,
            most: 1,
        };
        assert!(ask("GET", vec![]).asks_for_gzip());
        assert!(!ask("HEAD", vec![]).asks_for_gzip());
        let range = vec![("Range", "bytes=7-".to_owned())];
        assert!(!ask("GET", range).asks_for_gzip());
    }
}
