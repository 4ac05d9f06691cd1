//! Whether a failure that other programs have too is that of a pull at hand.

use pullwhy_ingest::facts::split_port;
use pullwhy_ingest::peel::apart;
use pullwhy_ingest::record::client_of;
use pullwhy_reference::kind;

use super::place::asked;
use super::{Diagnosis, Event};
use crate::attempt::{Attempt, Seen};
use crate::build::fit::address;
use crate::verdict::Finding;

/// Lines and seconds after the last word of an attempt within which a message that names nobody may be
/// of it.
const LINES: u64 = 100;
const SECONDS: i64 = 300;
/// Lines within which the next message of the same program is of it whatever host it names.
const NEXT: u64 = 3;
/// Domains of hosts that serve tokens and layers of registries under other names.
const SERVE: [&str; 22] = [
    "blob.core.chinacloudapi.cn",
    "blob.core.usgovcloudapi.net",
    "blob.core.windows.net",
    "cloudfront.net",
    "cloudflarestorage.com",
    "docker.io",
    "docker.com",
    "quay.io",
    "redhat.com",
    "artifactregistry.googleapis.com",
    "containerregistry.googleapis.com",
    "iamcredentials.googleapis.com",
    "oauth2.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",
    "pkg.dev",
    "pkg-containers.githubusercontent.com",
    "ghcr.io",
    "login.microsoftonline.com",
    "azurecr.io",
    "azureedge.net",
    "gitlab.com",
];
/// Services of AWS that serve them: `s3.eu-west-1.amazonaws.com`.
const OF_AWS: [&str; 4] = ["ecr", "ecr-public", "s3", "sts"];

/// Programs that pull, or tell of those that do, besides the engines that [`client_of`] knows.
const PULL: [&str; 17] = [
    "buildah",
    "cloud-init",
    "compose",
    "cri-dockerd",
    "crictl",
    "ctr",
    "docker-compose",
    "ecs-agent",
    "gitlab-runner",
    "k0s",
    "k3s",
    "k3s-agent",
    "nerdctl",
    "nomad",
    "rke2",
    "skopeo",
    "systemd",
];

impl Diagnosis<'_, '_> {
    /// Whether a failure is what a container printed, or a program that has nothing to do with a pull as
    /// far as is known, and the message itself does not show otherwise.
    pub(super) fn is_of_another(
        &self,
        place: Option<usize>,
        finding: &Finding,
        event: &Event,
    ) -> bool {
        let known = |program: &str| {
            let known = place.map(|place| &self.open[place].programs);
            known.is_some_and(|known| known.iter().any(|own| &**own == program))
        };
        let heard = event.program.as_deref().is_some_and(known);
        (event.of_container || !heard && !self.is_of_a_puller(event)) && !finding.of_a_pull
    }

    /// Whether a line is of a program that pulls, or of none that is named.
    pub(super) fn is_of_a_puller(&self, event: &Event) -> bool {
        let pulls = |program: &str| {
            // Rust names a module where others name themselves.
            let program = program.split("::").next().unwrap_or(program);
            client_of(program).is_some() || PULL.contains(&program)
        };
        let pasted = self.book.source(self.source).paste;
        pasted || !event.of_container && event.program.as_deref().is_none_or(pulls)
    }

    /// Whether something ties a failure to an attempt: the host that it names, or that the same program
    /// says so right after.
    pub(super) fn is_tied(&self, place: usize, finding: &Finding, event: &Event) -> bool {
        let attempt = &self.open[place];
        if finding.of_a_pull {
            return is_near(attempt, event);
        }
        let host = finding.asked.as_deref().map(str::to_owned);
        let host = host.or_else(|| finding.facts.get("host").map(ToString::to_string));
        let dialled = finding.facts.get("address").map(ToString::to_string);
        if [&host, &dialled].into_iter().flatten().any(|a| is_own(a)) {
            // A proxy listens there; so does all that has nothing to do with a pull.
            let proxy = self.reader.catalogue().at(finding.cause).id == *"network/proxy-failed";
            let here = asked(attempt).is_some_and(|own| is_own(&own));
            return (proxy || here) && is_near(attempt, event)
                || !self.is_told(attempt, finding, event) && is_next(attempt, event);
        }
        // Why it failed is told: another reason that names nobody is none of its own.
        let told = || self.is_told(attempt, finding, event);
        match host.filter(|host| host.contains('.') && address(host).is_none()) {
            // A mirror's turn comes with a request that names it, and not with a host alone; whose layers
            // come from where is known of the registries that many have.
            Some(host) => {
                let known = || asked(attempt).is_some_and(|own| kind(&own) != "other");
                let next = || is_next(attempt, event) && !self.tells(attempt, finding) && !known();
                serves(attempt, &host) || next()
            }
            None => !told() && is_near(attempt, event),
        }
    }

    /// Whether why an attempt has failed is told, and nothing says that it is tried on. Who has spoken of
    /// it may go on, and what is wrong with a host lets other things fail.
    fn is_told(&self, attempt: &Attempt, finding: &Finding, event: &Event) -> bool {
        let heard = event
            .program
            .as_ref()
            .is_some_and(|p| attempt.programs.contains(p));
        let of_host = self.reader.catalogue().at(finding.cause).id.family() == "host";
        !attempt.tries_on && !heard && !of_host && self.tells(attempt, finding)
    }

    /// Whether a message that is a pull's beyond doubt has told of another reason.
    fn tells(&self, attempt: &Attempt, finding: &Finding) -> bool {
        let told = |seen: &Seen, f: &Finding| {
            let file = &self.reader.catalogue().at(f.cause).file;
            f.of_a_pull
                && f.cause != finding.cause
                && !file.generic
                && !file.only_warns
                && !seen.warns()
        };
        let mut seen = attempt.seen.iter();
        seen.any(|seen| seen.found().is_some_and(|found| told(seen, found)))
    }
}

/// Whether a host can be one that the pull of an attempt asks.
fn serves(attempt: &Attempt, host: &str) -> bool {
    let host = host.split(':').next().unwrap_or(host);
    let under = |domain: &str| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let of_aws = |label: &str| OF_AWS.contains(&label) || label.starts_with("s3-");
    let Some(own) = asked(attempt) else {
        return true;
    };
    let own = own.split(':').next().unwrap_or(&own);
    let above = own.split_once('.').map_or(own, |(_, domain)| domain);
    under(own)
        || above.contains('.') && under(above)
        || SERVE.iter().any(|domain| under(domain))
        || (under("amazonaws.com") || under("amazonaws.com.cn")) && host.split('.').any(of_aws)
}

/// Whether an address is the machine's own, where whatever else runs there listens too.
fn is_own(host: &str) -> bool {
    split_port(host).0 == "localhost" || address(host).is_some_and(|address| address.is_loopback())
}

fn is_near(attempt: &Attempt, event: &Event) -> bool {
    let gap = attempt.last_at.zip(event.at).and_then(|(a, b)| apart(a, b));
    event.line.abs_diff(attempt.last_line) <= LINES
        && gap.is_none_or(|gap| gap.as_secs().abs() <= SECONDS)
}

/// Whether a line follows at once on the last word of an attempt: any host may serve layers.
fn is_next(attempt: &Attempt, event: &Event) -> bool {
    event.line.abs_diff(attempt.last_line) <= NEXT && is_near(attempt, event)
}
