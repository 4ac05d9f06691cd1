//! The token service: Docker's token flow, by GET or, for identity tokens, by `OAuth2` POST
//! (distribution, `docs/spec/auth/token.md` and `oauth.md`). It may be another host.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pullwhy_model::{Hop, Target};
use serde_json::Value;

use super::follow::{Answer, Ask, Stopped, follow};
use super::limits;
use super::registry::{ERROR, Session, is_ip_denied, said};
use crate::credentials::{Credential, Flaw};
use crate::net::http::Response;
use crate::net::origin::Origin;
use crate::rows::{Row, Rows};

/// Bytes of a token answer: tokens with many groups are long.
const MOST: usize = 256 << 10;

impl Session<'_, '_> {
    /// Gets what it takes to ask for the repository. `false`: there is no way to ask.
    pub(crate) fn authenticate(&mut self, rows: &mut Rows<'_>) -> bool {
        let Some(challenge) = self.challenge.clone() else {
            rows.push(Row::new(Hop::Token, "").skipped("the registry asks for none"));
            return true;
        };
        if let Some(Credential::RegistryToken(token)) = &self.credential {
            self.authorization = Some(format!("Bearer {token}"));
            rows.push(Row::new(Hop::Token, "").skipped("the registry token itself is sent"));
            return true;
        }
        match challenge.scheme.as_str() {
            "bearer" => self.bearer(challenge.get("realm"), challenge.get("service"), rows),
            "basic" => {
                let row = Row::new(Hop::Token, "");
                match &self.credential {
                    Some(Credential::Basic { user, password }) => {
                        self.authorization = Some(basic(user, password));
                        rows.push(
                            row.skipped("the credential itself is sent (basic authentication)"),
                        );
                    }
                    _ => rows.push(row.skipped("basic authentication, and no credential to send")),
                }
                true
            }
            other => {
                rows.push(Row::new(Hop::Token, "").warning(
                    "unknown-scheme",
                    format!("the registry wants `{other}`, which no engine speaks"),
                ));
                true
            }
        }
    }

    fn bearer(&mut self, realm: Option<&str>, service: Option<&str>, rows: &mut Rows<'_>) -> bool {
        let Some((origin, path)) = realm.and_then(Origin::parse) else {
            rows.push(
                Row::new(Hop::Token, realm.unwrap_or_default())
                    .role(Target::Token)
                    .failed(
                        "no-realm",
                        "the challenge names no token service that can be asked",
                    ),
            );
            return false;
        };
        if !self.net.reach(&origin, Target::Token, rows) {
            return false;
        }
        let own = || format!("repository:{}:pull", self.repository);
        // Below a path of its own a mirror knows the repository by another name.
        let named = self.challenge.as_ref().and_then(|c| c.get("scope"));
        let named = named.filter(|_| !self.asks_first).map(str::to_owned);
        let scope = named.unwrap_or_else(own);
        let answer = self.ask_token(
            &origin,
            &path,
            service,
            &scope,
            self.credential.as_ref(),
            Some(rows),
        );
        let row = Row::new(Hop::Token, format!("{}{path}", origin.authority()))
            .role(Target::Token)
            .fact("host", origin.host.as_str())
            .fact("scope", scope.as_str());
        let answer = match answer {
            Ok(answer) => answer,
            Err(stopped) => {
                rows.push(stopped.tell(row));
                return false;
            }
        };
        let response = answer.response;
        let row = row
            .fact("http_status", i64::from(response.status))
            .fact("host", answer.at.host.as_str());
        if response.status == 200 {
            return self.take_token(&response, &scope, row, rows);
        }
        let known = self.credential.is_some();
        if known && answer.at.host != origin.host && matches!(response.status, 400..=403) {
            let says = format!(
                "redirected to {}, which gets no credential and refuses: {}: {}",
                answer.at.host,
                response.status,
                said(&response)
            );
            rows.push(row.failed("bad-redirect", says));
            return false;
        }
        // A stale login breaks public images too: does it go without?
        let anonymous = known
            && matches!(response.status, 400 | 401 | 403)
            && self
                .ask_token(&origin, &path, service, &scope, None, None)
                .is_ok_and(|a| {
                    a.response.status == 200
                        && grants(&token_of(&a.response).unwrap_or_default(), &scope) != Some(false)
                });
        let row = if anonymous {
            row.fact("works_without_credential", "yes")
        } else {
            row
        };
        let note = if anonymous {
            "; without the credential the token service answers"
        } else {
            ""
        };
        let says = format!("{}: {}{note}", response.status, said(&response));
        let row = match response.status {
            _ if response.is_page() && response.status < 500 => row.failed("page", says),
            401 | 400 if known => row.failed(self.refusal(), says),
            401 => row.failed("anonymous-refused", says),
            403 if is_ip_denied(&says) => row.failed("ip-denied", says),
            // Amazon's says so of a token whose time is over.
            403 if self.flaw == Flaw::Expired => row.failed(self.refusal(), says),
            403 if known => row.failed("denied", says),
            403 => row.failed("anonymous-denied", says),
            429 => limits::tell(
                limits::note(row, &response).failed("rate-limited", says),
                &response,
            ),
            500.. => row.failed("unavailable", says),
            _ => row.failed("odd", says),
        };
        rows.push(row);
        false
    }

    fn take_token(
        &mut self,
        response: &Response,
        scope: &str,
        row: Row,
        rows: &mut Rows<'_>,
    ) -> bool {
        let Some(token) = token_of(response) else {
            let row = if response.is_page() {
                row.failed(
                    "page",
                    "a page for people, where the token service answers with JSON",
                )
            } else {
                row.failed("no-token", "the answer holds no token")
            };
            rows.push(row);
            return false;
        };
        self.net.secrets.add_token(&token);
        let granted = grants(&token, scope);
        let who = match &self.credential {
            Some(Credential::Basic { user, .. }) => format!("for user `{user}`"),
            Some(Credential::IdentityToken(_)) => "for the identity token".to_owned(),
            Some(Credential::RegistryToken(_)) => "for the registry token".to_owned(),
            None => "for everyone".to_owned(),
        };
        let row = match granted {
            Some(false) => row.fact("granted", "nothing").warning("no-grant", format!("a token {who} that grants nothing on this repository: it is not there, or not for this caller")),
            _ => row.ok(format!("a token {who}")),
        };
        rows.push(row);
        self.authorization = Some(format!("Bearer {token}"));
        true
    }

    fn ask_token(
        &self,
        origin: &Origin,
        path: &str,
        service: Option<&str>,
        scope: &str,
        credential: Option<&Credential>,
        rows: Option<&mut Rows<'_>>,
    ) -> Result<Answer, Stopped> {
        let roles = (Target::Token, Target::Token);
        let mut query = format!("scope={}", encoded(scope));
        if let Some(service) = service {
            query = format!("service={}&{query}", encoded(service));
        }
        let mut ask = Ask {
            method: "GET",
            most: MOST.max(ERROR),
            ..Ask::default()
        };
        if let Some(Credential::IdentityToken(token)) = credential {
            let form = [(
                "Content-Type",
                "application/x-www-form-urlencoded".to_owned(),
            )];
            let body = format!(
                "grant_type=refresh_token&client_id=pullwhy&refresh_token={}&{query}",
                encoded(token)
            );
            ask.method = "POST";
            ask.path = path;
            ask.fields = &form;
            ask.body = Some(&body);
            return follow(self.net, origin, roles, ask, None, rows);
        }
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut full = format!("{path}{joint}{query}");
        let mut authorization = None;
        if let Some(Credential::Basic { user, password }) = credential {
            full.push_str(&format!("&account={}", encoded(user)));
            authorization = Some(basic(user, password));
        }
        ask.path = &full;
        ask.authorization = authorization.as_deref();
        follow(self.net, origin, roles, ask, None, rows)
    }
}

pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

fn token_of(response: &Response) -> Option<String> {
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    let named = body["token"]
        .as_str()
        .or_else(|| body["access_token"].as_str());
    named.filter(|t| !t.is_empty()).map(str::to_owned)
}

/// Whether a JWT grants `pull` on the repository of a scope; `None` when it cannot be read.
fn grants(token: &str, scope: &str) -> Option<bool> {
    let payload = token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: Value = serde_json::from_slice(&bytes).ok()?;
    let access = claims["access"].as_array()?;
    let repository = scope.strip_prefix("repository:")?.strip_suffix(":pull")?;
    Some(access.iter().any(|a| {
        let actions = a["actions"].as_array().into_iter().flatten();
        a["name"] == repository
            && actions
                .filter_map(Value::as_str)
                .any(|w| w == "pull" || w == "*")
    }))
}

/// Percent-encoding of a query value.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_token_grants() {
        let token = |claims: &str| format!("h.{}.s", URL_SAFE_NO_PAD.encode(claims));
        let scope = "repository:a/b:pull";
        assert_eq!(
            grants(
                &token(r#"{"access":[{"type":"repository","name":"a/b","actions":["pull"]}]}"#),
                scope
            ),
            Some(true)
        );
        assert_eq!(grants(&token(r#"{"access":[]}"#), scope), Some(false));
        assert_eq!(grants(&token("{}"), scope), None);
        assert_eq!(grants("opaque", scope), None);
    }
}
