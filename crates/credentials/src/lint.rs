//! The form of a credential: what looks wrong about it, said without showing it.

use crate::Credential;

/// What looks wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Smell {
    /// It cannot be right.
    Wrong(&'static str),
    /// It may be right, and seldom is.
    Odd(&'static str),
}

/// The number that stands for a user where an Azure registry's token is the password.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// Looks at the form of a credential for a registry.
pub fn smell(registry: &str, credential: &Credential) -> Option<Smell> {
    let secret = credential.secret();
    if secret.is_empty() {
        return Some(Smell::Wrong("the password is empty"));
    }
    // A header field cannot carry them (RFC 9110, 5.5), and no password has them.
    let inner = secret.trim_matches(['\n', '\r', ' ', '\t']);
    if secret.ends_with(['\n', '\r']) {
        return Some(Smell::Odd(
            "the password ends with a line break, as `echo` adds one",
        ));
    }
    if inner.bytes().any(|b| b < b' ' || b == 0x7f) {
        return Some(Smell::Odd("there is a control character in the password"));
    }
    if inner.len() != secret.len() {
        return Some(Smell::Odd("the password begins or ends with a blank"));
    }
    let quoted = |q| secret.len() > 1 && secret.starts_with(q) && secret.ends_with(q);
    if quoted('"') || quoted('\'') {
        return Some(Smell::Odd("the password stands in quotes"));
    }
    if secret.starts_with(['"', '\'']) || secret.ends_with(['"', '\'']) {
        return Some(Smell::Odd("the password begins or ends with a quote"));
    }
    let Credential::Basic { user, .. } = credential else {
        let blank = secret.contains(char::is_whitespace);
        return blank.then_some(Smell::Odd("there is a blank in the token"));
    };
    if user.trim() != user {
        return Some(Smell::Odd("the user name begins or ends with a blank"));
    }
    let acr = pullwhy_reference::kind(registry) == "acr";
    (acr && !is_user_of_acr(registry, user)).then_some(Smell::Odd(
        "the user name is neither the registry's name nor a client id, which is a GUID",
    ))
}

/// An Azure registry knows its own name (the admin user), client ids (GUIDs), and names of its
/// tokens, which are letters, digits, `-` and `_`, 5 to 50 of them.
fn is_user_of_acr(registry: &str, user: &str) -> bool {
    let name = registry.split('.').next().unwrap_or_default();
    let word = (5..=50).contains(&user.len())
        && user
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    // A GUID that lost a letter is still a word.
    let nearly = user.len() >= 30 && user.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    user.eq_ignore_ascii_case(name) || user == NOBODY || is_guid(user) || (word && !nearly)
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(registry: &str, user: &str, password: &str) -> Option<Smell> {
        let credential = Credential::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        };
        smell(registry, &credential)
    }

    #[test]
    fn smells_what_went_wrong_when_copying() {
        for (password, says) in [
            ("secret\n", "line break"),
            ("secret\r\n", "line break"),
            ("se\ncret", "control character"),
            (" secret", "blank"),
            ("\"secret\"", "in quotes"),
            ("'secret'", "in quotes"),
            ("secret\"", "a quote"),
            ("\"", "a quote"),
        ] {
            let Some(Smell::Odd(why)) = of("r.test", "u", password) else {
                panic!("nothing smelt of {password:?}")
            };
            assert!(why.contains(says), "{password:?}: {why}");
        }
        assert_eq!(
            of("r.test", "u", ""),
            Some(Smell::Wrong("the password is empty"))
        );
        for fine in ["secret", "se cret", "a\"b", "ü"] {
            assert_eq!(of("r.test", "u", fine), None, "{fine}");
        }
    }

    #[test]
    fn knows_who_an_azure_registry_can_know() {
        for (user, fine) in [
            ("contoso", true),
            ("Contoso", true),
            ("0a1b2c3d-0000-1111-2222-333344445555", true),
            (NOBODY, true),
            ("pull-token", true),
            ("0a1b2c3d-0000-1111-2222-33334444555", false),
            ("{0a1b2c3d-0000-1111-2222-333344445555}", false),
            ("0a1b2c3d000011112222333344445555", false),
            ("http://my-principal", false),
            ("me@contoso.example", false),
            ("my principal", false),
        ] {
            let smelt = of("contoso.azurecr.io", user, "p");
            assert_eq!(smelt.is_none(), fine, "{user}");
            assert_eq!(of("r.test", user, "p"), None, "{user} elsewhere");
        }
    }
}
