//! `WWW-Authenticate` by RFC 9110, section 11: several challenges in one or more fields, each a
//! scheme with parameters or a token.

/// One challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Scheme in lower case: `bearer`, `basic`.
    pub scheme: String,
    /// Parameters, names in lower case, in order.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Challenges read of one field at most; servers send one or two.
const MOST: usize = 16;

/// Reads the value of a `WWW-Authenticate` field, as far as it can be read.
pub fn parse(field: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = field;
    while found.len() <= MOST {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = token(rest);
        if word.is_empty() {
            break;
        }
        let trimmed = after.trim_start_matches([' ', '\t']);
        if let Some(value) = trimmed.strip_prefix('=').filter(|_| !found.is_empty()) {
            let (value, after) = value_of(value.trim_start_matches([' ', '\t']));
            if let Some(last) = found.last_mut()
                && last.parameters.len() < 64
            {
                last.parameters.push((word.to_ascii_lowercase(), value));
            }
            rest = after;
        } else {
            found.push(Challenge {
                scheme: word.to_ascii_lowercase(),
                parameters: Vec::new(),
            });
            rest = after;
            // token68: `Negotiate YII…==`; it has no parameters.
            let (_, behind) = token(rest.trim_start());
            let padded = behind.trim_start_matches('=');
            if padded.len() < behind.len() && (padded.is_empty() || padded.starts_with(',')) {
                rest = padded;
            }
        }
    }
    found
}

/// A token (RFC 9110, 5.6.2; `/` too, for token68) and what follows it.
fn token(text: &str) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|b| !(b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&b)))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// A quoted string or a token, and what follows it.
fn value_of(text: &str) -> (String, &str) {
    let Some(inside) = text.strip_prefix('"') else {
        // Lenient: unquoted URLs are seen in the wild.
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &inside[at + 1..]),
            _ => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_registries_send() {
        let all = parse(
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push""#,
        );
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].scheme, "bearer");
        assert_eq!(all[0].get("realm"), Some("https://auth.docker.io/token"));
        assert_eq!(
            all[0].get("scope"),
            Some("repository:library/nginx:pull,push")
        );
    }

    #[test]
    fn reads_several_challenges_in_one_field() {
        let all = parse(
            r#"Negotiate YII2+/==, Basic realm="a \"b\"" , BEARER Realm = https://x/t, error=insufficient_scope"#,
        );
        let schemes: Vec<_> = all.iter().map(|c| c.scheme.as_str()).collect();
        assert_eq!(schemes, ["negotiate", "basic", "bearer"]);
        assert_eq!(all[1].get("realm"), Some("a \"b\""));
        assert_eq!(all[2].get("realm"), Some("https://x/t"));
        assert_eq!(all[2].get("error"), Some("insufficient_scope"));
    }

    #[test]
    fn survives_nonsense() {
        for text in [
            "",
            ",,,",
            "=",
            "a=b",
            "Basic realm=\"",
            "Basic realm=\"\\",
            "é",
            "Bearer ,=,",
        ] {
            parse(text);
        }
    }
}
