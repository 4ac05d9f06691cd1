//! When a credential ends, where it says so itself: a JWT by its `exp` (RFC 7519, 4.1.4), the
//! password of Amazon ECR by the `expiration` in it. Only the date is taken out.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::Credential;

/// Bytes of a token that are looked at.
const MOST: usize = 64 << 10;

/// An end date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Seconds since 1970.
    pub at: i64,
    /// What says so.
    pub by: &'static str,
}

impl Expiry {
    /// The end of a credential, where it can be read.
    pub fn of(credential: &Credential) -> Option<Self> {
        let secret = credential.secret().trim();
        if secret.len() > MOST {
            return None;
        }
        if let Some(at) = jwt(secret) {
            return Some(Self {
                at,
                by: "its `exp`",
            });
        }
        let aws = matches!(credential, Credential::Basic { user, .. } if user == "AWS");
        let at = aws.then(|| ecr(secret)).flatten()?;
        Some(Self {
            at,
            by: "the `expiration` in it",
        })
    }
}

/// `exp` of a JSON web token.
fn jwt(text: &str) -> Option<i64> {
    let mut parts = text.split('.');
    let (head, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || !object(head)?["alg"].is_string() {
        return None;
    }
    whole(&object(claims)?["exp"])
}

fn object(part: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    value.is_object().then_some(value)
}

/// `expiration` of the password that `aws ecr get-login-password` prints.
fn ecr(text: &str) -> Option<i64> {
    let bytes = STANDARD
        .decode(text)
        .or_else(|_| STANDARD_NO_PAD.decode(text))
        .ok()?;
    let value: Value = serde_json::from_slice(&bytes).ok()?;
    whole(&value["expiration"])
}

/// Seconds within four-digit years; a number with a fraction is one too (RFC 7519, section 2).
fn whole(value: &Value) -> Option<i64> {
    let seconds = value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a fraction of a second does not matter, and the range is looked at below"
        )]
        Some(number as i64)
    })?;
    (0..253_402_300_800).contains(&seconds).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!(
            "{}.{}.c2ln",
            part(r#"{"alg":"RS256","typ":"JWT"}"#),
            part(claims)
        )
    }

    fn basic(user: &str, password: &str) -> Credential {
        Credential::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    #[test]
    fn reads_the_end_of_what_tells_it() {
        let jwt = token(r#"{"exp":1700000000,"aud":"r.test"}"#);
        let at = |credential: &Credential| Expiry::of(credential).map(|e| e.at);
        assert_eq!(
            at(&Credential::IdentityToken(jwt.clone())),
            Some(1_700_000_000)
        );
        assert_eq!(at(&basic("u", &jwt)), Some(1_700_000_000));
        let fraction = token(r#"{"exp":1700000000.75}"#);
        assert_eq!(at(&basic("u", &fraction)), Some(1_700_000_000));
        let ecr = STANDARD.encode(
            r#"{"payload":"x","datakey":"y","version":"2","type":"DATA_KEY","expiration":1700000000}"#,
        );
        assert_eq!(at(&basic("AWS", &ecr)), Some(1_700_000_000));
        for opaque in [
            basic("u", &ecr),
            basic("AWS", "opaque"),
            basic("u", "a.b.c"),
            basic("u", &token("{}")),
            basic("u", &token(r#"{"exp":"soon"}"#)),
            basic("u", &token(r#"{"exp":1e300}"#)),
            basic("u", &token(r#"{"exp":-5}"#)),
            Credential::IdentityToken("opaque".to_owned()),
        ] {
            assert_eq!(at(&opaque), None);
        }
    }
}
