//! Characters that a terminal would obey, or that nobody sees, made harmless. Secrets: `secrets`.

/// Removes escape sequences, shows other control, bidirectional and invisible characters as
/// U+FFFD, and caps the length at a character boundary.
pub fn clean(text: &str, max_bytes: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max_bytes) + 4);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (taken, mut put) = clean_step(rest, c);
        if is_variation(c) && !out.chars().next_back().is_some_and(takes_variation) {
            put = Some('\u{fffd}');
        }
        if out.len() + put.map_or(0, char::len_utf8) > max_bytes {
            while out.len() + '…'.len_utf8() > max_bytes && out.pop().is_some() {}
            if max_bytes >= '…'.len_utf8() {
                out.push('…');
            }
            break;
        }
        out.extend(put);
        rest = &rest[taken..];
    }
    out
}

/// Bytes to take from the start of `rest`, and what to put for them.
fn clean_step(rest: &str, c: char) -> (usize, Option<char>) {
    match c {
        '\u{1b}' => (escape_length(rest.as_bytes()), None),
        '\t' | '\n' | '\r' => (1, Some(' ')),
        c if c.is_control() || is_invisible(c) => (c.len_utf8(), Some('\u{fffd}')),
        c => (c.len_utf8(), Some(c)),
    }
}

/// Length of a terminal escape sequence, at most 64 bytes.
fn escape_length(bytes: &[u8]) -> usize {
    match bytes.get(1) {
        Some(b'[') => {
            let parameters = bytes[2..]
                .iter()
                .take(60)
                .take_while(|b| (0x20..0x40).contains(*b))
                .count();
            2 + parameters
                + usize::from(
                    bytes
                        .get(2 + parameters)
                        .is_some_and(|b| (0x40..0x7f).contains(b)),
                )
        }
        // Operating system command: up to BEL or ST.
        Some(b']') => {
            let body = bytes[2..]
                .iter()
                .take(60)
                .take_while(|b| b.is_ascii() && **b != 7 && **b != 0x1b)
                .count();
            2 + body + usize::from(bytes.get(2 + body) == Some(&7))
        }
        Some(b) if b.is_ascii() && *b >= b' ' => 2,
        _ => 1,
    }
}

/// Characters that change how others look, or that nobody sees: bidirectional controls,
/// zero-width and filling characters, annotations, tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Variation selectors choose how the symbol before them looks; behind anything else they hide.
fn is_variation(c: char) -> bool {
    ('\u{fe00}'..='\u{fe0f}').contains(&c)
}

/// Whether a variation selector may follow: a symbol or an ideograph, not a letter of a name.
fn takes_variation(c: char) -> bool {
    !c.is_ascii()
        && c != '\u{fffd}'
        && !is_variation(c)
        && (!c.is_alphanumeric() || ('\u{2e80}'..='\u{9fff}').contains(&c))
}
