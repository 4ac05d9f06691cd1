//! Thousands of literals found in one pass over short texts, ready in microseconds.
//!
//! An Aho-Corasick automaton reads a text faster the longer it is, but takes milliseconds to
//! build, which is most of the time of a run over a short log. Here every literal is filed under
//! one of its three-byte windows, the one that the fewest other literals have. At each position
//! of a text, a bit says whether any literal is filed under the window there; only then are
//! literals compared. See `docs/adr/0005-literals.md` for the figures.

/// Bytes of the window; no literal may be shorter.
pub const LEAST: usize = 3;

/// Bits of a window's hash.
const BITS: u32 = 15;
const SIZE: usize = 1 << BITS;

/// A set of literals, compiled.
#[derive(Clone, Debug)]
pub struct Literals {
    words: Vec<Box<[u8]>>,
    fold: bool,
    /// One bit a hash: some literal is filed under it.
    filter: Box<[u64]>,
    /// Where the literals of a hash begin in `filed`; one more than there are hashes.
    starts: Box<[u32]>,
    filed: Vec<Filed>,
}

/// A literal under one of its windows.
#[derive(Clone, Copy, Debug)]
struct Filed {
    window: u32,
    literal: u32,
    offset: u32,
}

impl Literals {
    /// Files literals; `ignore_case` folds ASCII letters of literals and texts.
    ///
    /// A literal shorter than [`LEAST`] bytes is never found.
    pub fn new<'w>(words: impl IntoIterator<Item = &'w str>, ignore_case: bool) -> Self {
        let words: Vec<Box<[u8]>> = words
            .into_iter()
            .map(|w| {
                let mut bytes = w.as_bytes().to_vec();
                if ignore_case {
                    bytes.make_ascii_lowercase();
                }
                bytes.into_boxed_slice()
            })
            .collect();
        let mut common = vec![0u16; SIZE];
        for word in &words {
            for window in word.windows(LEAST) {
                let slot = &mut common[hash(pack(window))];
                *slot = slot.saturating_add(1);
            }
        }
        let mut filed: Vec<Filed> = Vec::with_capacity(words.len());
        for (literal, word) in (0u32..).zip(&words) {
            let rarest = (0u32..)
                .zip(word.windows(LEAST).map(pack))
                .min_by_key(|(_, window)| common[hash(*window)]);
            if let Some((offset, window)) = rarest {
                filed.push(Filed {
                    window,
                    literal,
                    offset,
                });
            }
        }
        filed.sort_by_key(|f| hash(f.window));
        let mut filter = vec![0u64; SIZE / 64];
        let mut starts = vec![0u32; SIZE + 1];
        for f in &filed {
            let slot = hash(f.window);
            filter[slot / 64] |= 1 << (slot % 64);
            starts[slot + 1] += 1;
        }
        for slot in 0..SIZE {
            starts[slot + 1] += starts[slot];
        }
        Self {
            words,
            fold: ignore_case,
            filter: filter.into_boxed_slice(),
            starts: starts.into_boxed_slice(),
            filed,
        }
    }

    /// How many literals there are.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Calls `found` with the number of a literal and where it begins, for every occurrence of
    /// every literal. Occurrences of the same literal come in order; those of different ones may
    /// not.
    pub fn each(&self, text: &str, mut found: impl FnMut(usize, usize)) {
        let text = text.as_bytes();
        for (at, window) in text.windows(LEAST).enumerate() {
            let window = if self.fold {
                pack(window) | case_bits(pack(window))
            } else {
                pack(window)
            };
            let slot = hash(window);
            if self.filter[slot / 64] >> (slot % 64) & 1 == 0 {
                continue;
            }
            let range = self.starts[slot] as usize..self.starts[slot + 1] as usize;
            for filed in &self.filed[range] {
                if filed.window != window {
                    continue;
                }
                let word = &self.words[filed.literal as usize];
                let Some(start) = at.checked_sub(filed.offset as usize) else {
                    continue;
                };
                let same = text.get(start..start + word.len()).is_some_and(|part| {
                    if self.fold {
                        part.eq_ignore_ascii_case(word)
                    } else {
                        part == &**word
                    }
                });
                if same {
                    found(filed.literal as usize, start);
                }
            }
        }
    }
}

/// A window as a number.
fn pack(window: &[u8]) -> u32 {
    u32::from(window[0]) | u32::from(window[1]) << 8 | u32::from(window[2]) << 16
}

/// The bits that make the upper-case ASCII letters of a packed window lower-case.
fn case_bits(window: u32) -> u32 {
    // Per byte, with the high bit out of the way: bit 7 of each sum says "at least" (Hacker's
    // Delight, 6-1); non-ASCII bytes are no letters.
    let low = window & 0x007f_7f7f;
    let from_a = low + 0x003f_3f3f;
    let past_z = low + 0x0025_2525;
    (from_a & !past_z & !window & 0x0080_8080) >> 2
}

fn hash(window: u32) -> usize {
    (window.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(words: &[String], text: &str, fold: bool) -> Vec<(usize, usize)> {
        let mut out = Vec::new();
        Literals::new(words.iter().map(String::as_str), fold).each(text, |w, at| out.push((w, at)));
        out.sort_unstable();
        out
    }

    /// The same by plain search.
    fn plainly(words: &[String], text: &str, fold: bool) -> Vec<(usize, usize)> {
        let folded = |s: &str| {
            if fold {
                s.to_ascii_lowercase()
            } else {
                s.to_owned()
            }
        };
        let text = folded(text).into_bytes();
        let mut out = Vec::new();
        for (number, word) in words.iter().enumerate() {
            let word = folded(word).into_bytes();
            for at in 0..text.len() {
                if text[at..].starts_with(&word) {
                    out.push((number, at));
                }
            }
        }
        out.sort_unstable();
        out
    }

    #[test]
    fn folds_letters_only() {
        for byte in 0..=u8::MAX {
            let window = pack(&[byte, byte, byte]);
            let lower = byte.to_ascii_lowercase();
            assert_eq!(
                window | case_bits(window),
                pack(&[lower, lower, lower]),
                "{byte}"
            );
        }
    }

    #[test]
    fn finds_overlapping_and_repeated_literals() {
        let words = ["denied", "access denied", "DENIED: ", "nie"].map(str::to_owned);
        let text = "Access Denied: denied";
        assert_eq!(all(&words, text, true), plainly(&words, text, true));
        assert_eq!(all(&words, text, true).len(), 6);
    }

    proptest! {
        #[test]
        fn finds_what_plain_search_finds(
            words in proptest::collection::vec("[abAB:é]{3,6}|[a-c]{3,4}", 0..12),
            text in "[abcABC:é]{0,60}",
            fold: bool,
        ) {
            let mut words = words;
            words.sort();
            words.dedup();
            prop_assert_eq!(all(&words, &text, fold), plainly(&words, &text, fold));
        }
    }
}
