//! What only Docker's client does with credentials: its variable, entries that it finds by chance, and helpers
//! that give no answer, which hangs on its version.

use pullwhy_credentials::file::{self, AuthFile};

use super::Search;
use crate::Engine;
use crate::credentials::client;
use crate::credentials::keys::{self, Rules};
use crate::rows::Row;

/// Docker's variable that holds logins themselves.
pub(super) const VARIABLE: &str = "DOCKER_AUTH_CONFIG";
/// The first version of Docker's client, major and minor, that reads it.
const VARIABLE_SINCE: (u32, u32) = (28, 3);
/// The first version of Docker's client that stops where a helper fails.
const STOPS: u32 = 29;

/// The row of a login that Docker has or has not, by chance.
pub(super) fn by_chance(row: Row, key: &str, why: &str, own: &str) -> Row {
    let says = format!(
        "the entry `{key}` is broken: {why}; Docker reads entries in no order and stops at this one: by chance it \
         has the login of `{own}` then, or not; this check asks without"
    );
    row.fact("key", key).warning("by-chance", says)
}

impl Search<'_> {
    /// What the variable holds. Where Docker takes nothing of it: what it warns of, if it reads it at all.
    pub(super) fn variable(&mut self, text: &str, name: &str) -> Result<AuthFile, Option<String>> {
        if let Some(client) = self.client().filter(|c| !c.reaches(VARIABLE_SINCE)) {
            let why = format!("Docker {} does not read it", client.text);
            self.passed.file(name, &why);
            return Err(None);
        }
        file::variable(text, self.registry).map_err(|why| {
            Some(format!(
                "{name} {why}: Docker warns of it, and takes nothing of it"
            ))
        })
    }

    /// The key of this image's entry, if Docker has its login only when it undoes the entry's `auth`. Beside a
    /// broken entry that is left to chance: it goes entry by entry, in the order of a Go map, which is another each
    /// time, and no further than the broken one (docker/cli, `config/configfile/file.go`, `LoadFromReader`). Tried
    /// with 20.10 and 28.5: the same file does and does not.
    pub(super) fn hangs_on_auth<'f>(&self, file: &'f AuthFile, rules: Rules) -> Option<&'f str> {
        if rules != Rules::Docker || file.helper(self.registry, rules).is_some() {
            return None;
        }
        let found = keys::select(&file.entries, self.registry, self.repository, rules);
        let own = found.matches.first()?;
        own.hangs_on_decoding().then_some(own.key.as_str())
    }

    /// Docker's client. That of another system's files is not the one on this path.
    pub(super) fn client(&self) -> Option<client::Version> {
        let foreign = self.options.setup.as_ref().is_some_and(|s| s.foreign);
        (self.options.ask_client && !foreign)
            .then(|| client::version(self.options.timeout))
            .flatten()
    }

    /// The row of a helper that gave no answer. Up to version 28 `docker pull` takes no notice and asks
    /// without, which does for a public image; from 29 on it stops (docker/cli, `cli/command/image/pull.go`),
    /// as builds and Compose do. It is the client's version that counts, not the daemon's.
    pub(super) fn unhelped(&self, row: Row, saw: &str, says: String) -> Row {
        if self.options.engine != Some(Engine::Docker) {
            return row.failed(saw, says);
        }
        let Some(client) = self.client() else {
            let docker = "Docker up to 28 asks without a login then, later ones stop";
            return row.warning(saw, format!("{says}; {docker}"));
        };
        let version = client.text.as_str();
        let row = row.fact("client_version", version);
        if client.major < STOPS {
            let docker = format!("Docker {version} takes no notice, and asks without a login");
            row.warning(saw, format!("{says}; {docker}"))
        } else {
            row.failed(saw, format!("{says}; Docker {version} stops there"))
        }
    }
}
