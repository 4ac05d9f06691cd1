//! The `auth` of an entry: base64 of `user:password`.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// base64 as Go's `StdEncoding` reads it, which passes over line breaks besides.
pub(super) const GO: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Go's `RawStdEncoding`, by which the kubelet reads what does not end with `=` (kubernetes,
/// `pkg/credentialprovider/config.go`, `decodeDockerConfigFieldAuth`).
pub(super) const GO_RAW: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// User and password, and whether all of it is text.
pub(super) fn decode(
    auth: &str,
    base64: &GeneralPurpose,
) -> Result<((String, String), bool), &'static str> {
    let joined: String = auth.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let bytes = base64.decode(joined).map_err(|_| "`auth` is no base64")?;
    let text = String::from_utf8_lossy(&bytes);
    let (user, password) = text
        .split_once(':')
        .ok_or("`auth` holds no `user:password`: there is no colon in it")?;
    // Old versions of Docker filled up with zeros.
    let password = password.trim_matches('\0');
    let is_text = std::str::from_utf8(&bytes).is_ok();
    Ok(((user.to_owned(), password.to_owned()), is_text))
}
