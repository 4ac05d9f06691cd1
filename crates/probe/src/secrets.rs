//! The secrets that a walk sends. Whoever is asked may say them back, and no row does: a registry that
//! answers "user me with password … refused" is told without the password, in whichever form it says it.
//!
//! What looks like a secret is taken out by `model::text` besides; here it is known to be one.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::credentials::Credential;
use crate::hops::token::encoded;
use crate::net::{lock, proxy};
use crate::options::Options;

/// What stands for a secret; as in `model::text`.
const GONE: &str = "[redacted]";
/// Bytes from which on a secret is no word that others say by chance.
const LONG: usize = 8;
/// Stands where a text was cut.
pub(crate) const CUT: &str = "…";

/// The secrets of one walk, known to all that makes its rows.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// The image as it was asked for: what is part of its name is shown there.
    reference: String,
    /// In every form that is looked for, the longest first.
    forms: Vec<String>,
}

impl Secrets {
    /// Those that are known before anybody is asked.
    pub(crate) fn of(reference: &str, options: &Options) -> Self {
        let own = Self::default();
        reference.clone_into(&mut lock(&own.0).reference);
        if let Some((user, password)) = &options.credentials {
            own.add_login(user, password);
        }
        for url in [&options.proxy.https, &options.proxy.http] {
            if let Some((user, password)) = url.as_deref().and_then(proxy::login) {
                own.add_login(&user, &password);
            }
        }
        own
    }

    /// Adds what a credential holds.
    pub(crate) fn add(&self, credential: &Credential) {
        match credential {
            Credential::Basic { user, password } => self.add_login(user, password),
            Credential::IdentityToken(token) | Credential::RegistryToken(token) => {
                self.add_token(token);
            }
        }
    }

    /// Adds a token.
    pub(crate) fn add_token(&self, token: &str) {
        self.add_forms(written(token));
    }

    fn add_login(&self, user: &str, password: &str) {
        if password.is_empty() {
            return;
        }
        let both = format!("{user}:{password}");
        let mut forms = written(password);
        forms.push(STANDARD_NO_PAD.encode(&both));
        forms.push(URL_SAFE_NO_PAD.encode(&both));
        forms.push(STANDARD_NO_PAD.encode(password));
        self.add_forms(forms);
    }

    fn add_forms(&self, forms: Vec<String>) {
        let known = &mut *lock(&self.0);
        known
            .forms
            .extend(forms.into_iter().filter(|f| !f.is_empty()));
        known
            .forms
            .sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        known.forms.dedup();
    }

    /// The text without them. One that is short is taken out where it stands as a word by itself, and
    /// names, of hosts and images, keep what is a word in them by chance.
    pub(crate) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let known = lock(&self.0);
        let mut out = Cow::Borrowed(text);
        let is_name = !text.contains(char::is_whitespace);
        for form in &known.forms {
            let by_chance = form.len() < LONG || known.reference.contains(form.as_str());
            if is_name && by_chance && text != form {
                continue;
            }
            if out.contains(form.as_str()) {
                out = Cow::Owned(without(&out, form, form.len() < LONG));
            }
            if let Some(shorter) = without_beginning(&out, form) {
                out = Cow::Owned(shorter);
            }
        }
        out
    }
}

/// How a secret may be written: as it is, in URLs, in JSON, in HTML.
fn written(secret: &str) -> Vec<String> {
    let json = serde_json::Value::from(secret).to_string();
    let mut html = secret.replace('&', "&amp;").replace('<', "&lt;");
    html = html.replace('>', "&gt;").replace('"', "&quot;");
    vec![
        secret.to_owned(),
        encoded(secret),
        json.trim_matches('"').to_owned(),
        html.replace('\'', "&#39;"),
        html.replace('\'', "&#39;").replace("&quot;", "&#34;"),
    ]
}

fn without(text: &str, secret: &str, as_word: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let is_part = |c: Option<char>| as_word && c.is_some_and(char::is_alphanumeric);
    while let Some(at) = rest.find(secret) {
        let (before, found) = rest.split_at(at);
        let behind = &found[secret.len()..];
        out.push_str(before);
        let word = is_part(out.chars().next_back()) || is_part(behind.chars().next());
        out.push_str(if word { secret } else { GONE });
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// A text that was cut within a secret, without what of it stands before the cut.
fn without_beginning(text: &str, secret: &str) -> Option<String> {
    let (before, behind) = text.split_once(CUT)?;
    let starts = secret.char_indices().skip(3).map(|(at, _)| &secret[..at]);
    let start = starts.filter(|start| before.ends_with(start)).last()?;
    let kept = &before[..before.len() - start.len()];
    Some(format!("{kept}{GONE}{CUT}{behind}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{Row, Rows};
    use pullwhy_model::Hop;

    fn of(user: &str, password: &str) -> Secrets {
        let options = Options {
            credentials: Some((user.to_owned(), password.to_owned())),
            ..Options::default()
        };
        Secrets::of("registry.test/team/app:1", &options)
    }

    #[test]
    fn what_a_server_says_back_is_hidden_in_every_form() {
        let secrets = of("me", "p&ss/w\"rd");
        for said in [
            "user me with password p&ss/w\"rd refused",
            "?password=p%26ss%2Fw%22rd was refused",
            r#"{"detail": "p&ss/w\"rd"}"#,
            "<b>p&amp;ss/w&quot;rd</b> is wrong",
            "got Basic bWU6cCZzcy93InJk then",
        ] {
            let hidden = secrets.hide(said);
            assert!(hidden.contains(GONE), "{hidden}");
            for form in ["ss/w", "bWU6cCZz", "%26ss"] {
                assert!(!hidden.contains(form), "{hidden}");
            }
        }
        secrets.add_token("opaque-token-1");
        assert_eq!(secrets.hide("no opaque-token-1 here"), "no [redacted] here");
    }

    #[test]
    fn a_short_secret_is_no_reason_to_tear_words_and_names_apart() {
        let secrets = of("me", "team");
        assert_eq!(
            secrets.hide("password team refused"),
            "password [redacted] refused"
        );
        for kept in [
            "steam is no word of it",
            "registry.test/team/app",
            "team.test:443",
        ] {
            assert_eq!(secrets.hide(kept), kept);
        }
        assert_eq!(secrets.hide("team"), GONE);
    }

    #[test]
    fn what_is_cut_within_a_secret_does_not_show_its_beginning() {
        let secrets = of("me", "correct-horse");
        assert_eq!(
            secrets.hide("user me with correct-ho…; asked again"),
            "user me with [redacted]…; asked again"
        );
    }

    #[test]
    fn rows_are_cleaned_of_them_whoever_made_them_and_whatever_stands_between() {
        let secrets = of("me", "hunter2-hunter2");
        let mut nobody = ();
        let mut rows = Rows::hiding(&mut nobody, secrets);
        let said = "user me with password hunter2-\u{1b}[31mhunter2 refused";
        let mut aside = rows.aside();
        aside.push(
            Row::new(Hop::Manifest, "m")
                .fact("says", said)
                .failed("denied", said),
        );
        let mut made = aside.done();
        made[0].summary.push_str("; before that: hunter2-hunter2");
        rows.replay(made);
        for row in rows.done() {
            let all = format!("{} {:?}", row.summary, row.facts);
            assert!(all.contains("me with password [redacted] refused"), "{all}");
            assert!(!all.contains("hunter2"), "{all}");
        }
    }
}
