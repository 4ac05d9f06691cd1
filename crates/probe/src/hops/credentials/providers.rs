//! Credential providers of the kubelet, asked as it asks them.

use pullwhy_model::Hop;

use super::Search;
use crate::credentials::file;
use crate::credentials::keys::Rules;
use crate::rows::{Row, Rows};

impl Search<'_> {
    /// Asks the kubelet's providers for the image. One that fails is only logged by it.
    pub(super) fn providers(&mut self, rows: &mut Rows<'_>) {
        let Some(setup) = &self.options.setup else {
            return;
        };
        let own = setup.providers.iter();
        // Each may take all of its time.
        for provider in own
            .filter(|p| p.takes(self.registry, self.repository))
            .take(4)
        {
            let row = Row::new(Hop::Credentials, provider.name.as_str())
                .fact("helper", provider.name.as_str())
                .fact("configured_in", provider.source.to_string());
            let not_run = match (provider.wants_token, setup.foreign) {
                (true, _) => Some("it wants the token of the pod's service account"),
                (_, true) => Some("it is a program of another system"),
                _ => None,
            };
            if let Some(why) = not_run {
                let says = format!("the kubelet asks it for this image; not run here: {why}");
                rows.push(row.warning("provider-not-run", says));
                continue;
            }
            let image = format!("{}/{}", self.registry, self.repository);
            let file = provider.ask(&image, self.options.timeout);
            let file = file.and_then(|text| {
                file::read(text.as_bytes(), false).map_err(|broken| broken.why().to_owned())
            });
            let found = match &file {
                Ok(file) => self.entries(&provider.name, file, Rules::Kubelet),
                Err(why) => (Vec::new(), Some(why.clone())),
            };
            match found {
                (_, Some(why)) => {
                    let says = format!("{why}; the kubelet only logs that and goes on without");
                    let row = row.fact("passed_provider", provider.name.as_str());
                    rows.push(row.warning("helper-failed", says));
                }
                (found, None) if found.is_empty() => {
                    rows.push(row.ok("it has no credential for this image"));
                }
                (found, None) => self.take(&provider.name, row, &found, Rules::Kubelet, rows),
            }
        }
    }
}
