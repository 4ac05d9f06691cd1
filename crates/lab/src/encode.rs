//! Texts of scenarios that must be encoded: base64, and tokens with claims.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Puts base64 in for `{=text}`, and a token with such claims in for `{jwt=claims}`; the inner
/// ones first.
pub fn in_base64(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(start) = text.rfind("{=").max(text.rfind("{jwt=")) {
        let inner = &text[start..];
        let mut depth = 0;
        let end = inner.char_indices().find(|(_, c)| {
            depth += i32::from(*c == '{') - i32::from(*c == '}');
            depth == 0
        });
        let Some((end, _)) = end else { break };
        let made = match inner[1..end].split_once('=') {
            Some(("jwt", claims)) => {
                let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
                format!("{}.{}.c2ln", part(r#"{"alg":"none"}"#), part(claims))
            }
            _ => STANDARD.encode(&inner[2..end]),
        };
        text.replace_range(start..=start + end, &made);
    }
    text
}
