//! Digests of the OCI image specification that engines know, computed as bytes come.

use ring::digest::{Algorithm, Context, SHA256, SHA512};

/// A digest that bytes must have: `sha256:…` or `sha512:…`.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    algorithm: &'static Algorithm,
    text: String,
}

impl Wanted {
    /// Reads one; `None` where engines know no such digest.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, hex) = text.split_once(':')?;
        let algorithm = match name {
            "sha256" => &SHA256,
            "sha512" => &SHA512,
            _ => return None,
        };
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (hex.len() == algorithm.output_len() * 2 && hex.bytes().all(is_hex)).then(|| Self {
            algorithm,
            text: text.to_owned(),
        })
    }

    /// One that nothing is held against.
    pub(super) fn any() -> Self {
        Self {
            algorithm: &SHA256,
            text: String::new(),
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Algorithm and value, as they stand in a path; both are checked.
    pub(super) fn parts(&self) -> (&str, &str) {
        self.text.split_once(':').unwrap_or_default()
    }

    /// The digest that bytes have.
    pub(crate) fn of(&self, bytes: &[u8]) -> String {
        let mut digester = self.begin();
        digester.update(bytes);
        digester.done()
    }

    /// Begins to compute.
    pub(super) fn begin(&self) -> Digester {
        Digester(
            Context::new(self.algorithm),
            self.text.starts_with("sha512"),
        )
    }
}

/// A digest in the making.
#[derive(Clone)]
pub(super) struct Digester(Context, bool);

impl Digester {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn done(self) -> String {
        let mut out = String::from(if self.1 { "sha512:" } else { "sha256:" });
        for byte in self.0.finish().as_ref() {
            out.push_str(&format!("{byte:02x}"));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digests_that_engines_know_are_taken() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let wanted = Wanted::parse(empty).expect("a digest");
        assert_eq!(wanted.begin().done(), empty);
        for wrong in [
            "sha256:e3b0",
            "md5:d41d8cd98f00b204e9800998ecf8427e",
            "",
            "sha256:../../../../etc/passwd0000000000000000000000000000000000000000000",
            &empty.to_uppercase(),
        ] {
            assert!(Wanted::parse(wrong).is_none(), "{wrong}");
        }
    }
}
