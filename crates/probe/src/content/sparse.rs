//! The map of a sparse file in pax's forms, as Go's `archive/tar` reads it (`readGNUSparsePAXHeaders`):
//! what it refuses, engines refuse.

/// Records of a pax header that say where the data of a sparse file is.
#[derive(Default)]
pub(super) struct Sparse {
    major: Option<Vec<u8>>,
    minor: Option<Vec<u8>>,
    map: Option<Vec<u8>>,
    blocks: Option<Vec<u8>>,
    /// Numbers of the oldest form, which has a record for each.
    single: Vec<Vec<u8>>,
}

/// Where the map is.
pub(super) enum Place {
    /// It is no sparse file, whatever else is said.
    Nowhere,
    /// In the header: offsets and lengths.
    Header(Vec<u64>),
    /// In blocks in front of the data.
    Content,
}

/// A map that is refused.
pub(super) struct Refused;

impl Sparse {
    /// Takes a record; `None` where engines refuse it.
    pub(super) fn record(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"GNU.sparse.major" => self.major = Some(value.to_vec()),
            b"GNU.sparse.minor" => self.minor = Some(value.to_vec()),
            b"GNU.sparse.map" => self.map = Some(value.to_vec()),
            b"GNU.sparse.numblocks" => self.blocks = Some(value.to_vec()),
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                let is_length = key == b"GNU.sparse.numbytes";
                if is_length == self.single.len().is_multiple_of(2) || value.contains(&b',') {
                    return None;
                }
                self.single.push(value.to_vec());
            }
            _ => {}
        }
        Some(())
    }

    /// Where the map is, and in the header what it says.
    pub(super) fn place(self) -> Result<Place, Refused> {
        let map = match self.single.as_slice() {
            [] => self.map.unwrap_or_default(),
            all => all.join(&b","[..]),
        };
        let version = (self.major.as_deref(), self.minor.as_deref());
        match version {
            (Some(b"1"), Some(b"0")) => return Ok(Place::Content),
            (Some(b"0"), Some(b"0" | b"1")) => {}
            (None, None) if !map.is_empty() => {}
            _ => return Ok(Place::Nowhere),
        }
        let count = number(self.blocks.as_deref().ok_or(Refused)?)?;
        let parts = map.split(|&byte| byte == b',').filter(|_| !map.is_empty());
        let entries: Vec<u64> = parts.map(number).collect::<Result<_, _>>()?;
        let told = u64::try_from(entries.len()).ok();
        if told.is_none() || told != count.checked_mul(2) {
            return Err(Refused);
        }
        Ok(Place::Header(entries))
    }
}

/// The map out of blocks in front of the data: how many entries there are, and their numbers, each with a
/// line of its own. `lines`: how many have ended so far. `None`: more blocks are wanted.
pub(super) fn of_blocks(blocks: &[u8], lines: usize) -> Result<Option<Vec<u64>>, Refused> {
    let mut all = blocks.split(|&byte| byte == b'\n');
    // A number that goes on behind the first block is none.
    let first = all.next().filter(|_| lines > 0).ok_or(Refused)?;
    let wanted = number(first)?.checked_mul(2).ok_or(Refused)?;
    let wanted = usize::try_from(wanted).map_err(|_| Refused)?;
    if lines <= wanted {
        return Ok(None);
    }
    all.take(wanted)
        .map(number)
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Whether entries follow one another within a file of `size`, with `data` bytes in all.
pub(super) fn fits(entries: &[u64], size: u64, data: u64) -> bool {
    let (mut before, mut sum) = (0, 0_u64);
    for pair in entries.chunks_exact(2) {
        let (offset, length) = (pair[0], pair[1]);
        let end = offset.checked_add(length).filter(|end| *end <= size);
        let Some(end) = end.filter(|_| offset >= before) else {
            return false;
        };
        (before, sum) = (end, sum.saturating_add(length));
    }
    sum == data
}

/// A whole number that is not negative.
fn number(text: &[u8]) -> Result<u64, Refused> {
    let text = std::str::from_utf8(text).map_err(|_| Refused)?;
    let number: i64 = text.parse().map_err(|_| Refused)?;
    u64::try_from(number).map_err(|_| Refused)
}

#[cfg(test)]
mod tests;
