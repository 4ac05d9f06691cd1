//! What engines ask for again: after what, how often, and after how long. One table an engine; `hops`
//! and `content` follow it. Who is not in a table asks once.
//!
//! Read out of their sources, which are named at each table. What differs between releases follows the
//! newer ones where the release is not known, and says since when.
//!
//! Not here: that a kubelet pulls once more when a pull has failed. That is another pull.

mod came;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::Engine;
use crate::hops::manifest::Reader;
use crate::options::Options;
use crate::setup::Setup;
use crate::setup::endpoint::Order;
use crate::setup::podman::Repeats;
pub(crate) use came::{CODE_ALONE, Came, RESET};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Ping,
    Token,
    Manifest,
    Config,
    Layer,
    /// All of it: connection by connection, from the first host on.
    Pull,
}

/// How long is waited before the next try.
#[derive(Clone, Copy, Debug)]
enum Pause {
    Of(Duration),
    /// So long, and twice as long each time.
    Doubling(Duration),
    /// So long for each try so far.
    Growing(Duration),
    /// What the registry asks for in `Retry-After`; else so long, and twice as long each time; at
    /// most so long.
    AsTold(Duration, Duration),
}

/// A line of a table.
struct Rule {
    of: &'static [Asked],
    after: fn(Came) -> bool,
    /// Tries in all.
    tries: usize,
    pause: Pause,
    /// After what came at all tries so far, the last one included.
    when: fn(&[Came]) -> bool,
    /// Only where no other endpoint is left to be asked.
    last_only: bool,
    /// The first release that does so, and words for that.
    since: ([u32; 3], &'static str),
    /// What the engine does, for people.
    says: &'static str,
}

/// All releases.
const ALWAYS: ([u32; 3], &str) = ([0; 3], "");

/// How a body is asked for again that breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    /// As the table says, in which two requests are one try ([`DOCKER`]).
    InPairs,
    /// Whenever a connection was ended, until so many in a row brought no byte.
    WhileBytesCome { fruitless: u32 },
    /// The first time, after so many bytes, or so long after the last time; not where the server has
    /// no ranges.
    Reconnect {
        bytes: u64,
        since: Duration,
        pause: Duration,
        /// The first release that does so.
        release: [u32; 3],
        /// Who does so from which release on, for people; none where it is known that this one does.
        says: Option<&'static str>,
    },
    /// Not at all.
    Never,
}

impl Resume {
    /// Whether it goes on where the server sends all instead of the rest.
    pub(crate) fn passes_over(self) -> bool {
        matches!(self, Self::WhileBytesCome { .. })
    }

    /// Since when it is asked for again at all, where not all releases do so.
    pub(crate) fn since(self) -> Option<&'static str> {
        match self {
            Self::Reconnect { says, .. } => says,
            Self::InPairs | Self::WhileBytesCome { .. } | Self::Never => None,
        }
    }
}

/// When an engine asks again.
pub(crate) struct Policy {
    pub(crate) who: &'static str,
    rules: &'static [Rule],
    /// For what its settings say how often it is tried.
    set: Option<Asked>,
    resume: Resume,
}

/// What is known of the engine at hand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Own {
    /// What its settings say.
    pub repeats: Repeats,
    /// Its release.
    pub release: Option<[u32; 3]>,
}

impl Own {
    /// Whether it is of an earlier release.
    fn is_before(&self, release: [u32; 3]) -> bool {
        self.release.is_some_and(|own| own < release)
    }
}

/// That it is asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Again {
    /// How long the engine waits before.
    pub(crate) after: Duration,
    /// The registry asks for this wait: nobody asks earlier.
    pub(crate) told: bool,
    pub(crate) says: &'static str,
}

/// Whether a try of two requests has ended.
pub(crate) fn is_whole(came: &[Came]) -> bool {
    came.len().is_multiple_of(2)
}

/// Whenever it comes.
fn always(_: &[Came]) -> bool {
    true
}

const SECOND: Duration = Duration::from_secs(1);

fn breaks(came: Came) -> bool {
    matches!(
        came,
        Came::Cut | Came::Reset | Came::Refused | Came::Unreachable
    )
}

fn is_from(came: Came, least: u16) -> bool {
    came.status().is_some_and(|status| status >= least)
}

/// moby (v29), `daemon/internal/distribution/pull_v2.go` (`retry`), `xfer/download.go`
/// (`makeDownloadFunc`) and `errors.go` (`retryOnError`): a status of 4xx is a registry's error, and
/// is not asked for again. Ping, token and manifest have no loop around them.
///
/// `max-download-attempts` is how many tries there are of a layer; 0 in the file is as none.
///
/// A try of a layer is two requests: the first one only asks how long it is, and what comes of that is
/// not looked at (`layerDescriptor.Download`). Seen with Docker 20.10 too: a 429 that comes once passes.
static DOCKER: Policy = Policy {
    who: "Docker",
    rules: &[
        Rule {
            of: &[Asked::Config],
            after: |came| breaks(came) || is_from(came, 500),
            tries: 5,
            pause: Pause::Doubling(Duration::from_millis(250)),
            when: always,
            last_only: false,
            since: ALWAYS,
            says: "Docker asks again",
        },
        Rule {
            of: &[Asked::Layer],
            after: |came| breaks(came) || is_from(came, 400),
            tries: 10,
            pause: Pause::Of(Duration::ZERO),
            when: |came| !is_whole(came),
            last_only: false,
            since: ALWAYS,
            says: "Docker asks again",
        },
        Rule {
            of: &[Asked::Layer],
            after: |came| breaks(came) || is_from(came, 500),
            tries: 10,
            // 5 s after the first try, 10 s after the second.
            pause: Pause::Growing(Duration::from_millis(2500)),
            when: is_whole,
            last_only: false,
            since: ALWAYS,
            says: "Docker asks again",
        },
    ],
    set: Some(Asked::Layer),
    resume: Resume::InPairs,
};

/// `max-download-attempts` where it is not set.
const ATTEMPTS: u32 = 5;

/// The containerd whose resolver is in Docker, from which release of Docker's on (moby, `vendor.mod` and
/// `go.mod` of the tags), newest first: the first ones that have a rule of the table below, and one before.
const IN_DOCKER: [([u32; 3], [u32; 3]); 3] = [
    ([29, 7, 0], [2, 3, 3]),
    ([28, 3, 0], [2, 1, 3]),
    ([0; 3], [1, 7, 0]),
];

fn containerd_in(docker: [u32; 3]) -> Option<[u32; 3]> {
    let mut all = IN_DOCKER.iter();
    all.find(|(since, _)| *since <= docker).map(|(_, own)| *own)
}

/// What containerd asks for by its resolver and fetcher: not the token. It does not ask `/v2/`; its first
/// request, which says how to log in, is for the manifest.
const BY_CONTAINERD: &[Asked] = &[Asked::Ping, Asked::Manifest, Asked::Config, Asked::Layer];

/// containerd (v2.4.0-beta.0), `core/remotes/docker/resolver.go` (`retryRequest`,
/// `doWithTransportRetries`) and `httpreadseeker.go`. Its 405 is in `hops::manifest::head`, its 401 where
/// tokens are renewed.
static CONTAINERD: Policy = Policy {
    who: "containerd",
    rules: &[
        Rule {
            of: BY_CONTAINERD,
            after: |came| matches!(came.status(), Some(408 | 429)),
            tries: 5,
            pause: Pause::Of(Duration::ZERO),
            when: always,
            last_only: false,
            since: ALWAYS,
            says: "containerd asks again",
        },
        Rule {
            of: BY_CONTAINERD,
            after: |came| matches!(came.status(), Some(500 | 503 | 504)),
            tries: 5,
            pause: Pause::Of(Duration::ZERO),
            when: |came| !matches!(came, [.., one, other] if one == other),
            last_only: true,
            since: (
                [2, 1, 0],
                "containerd asks again from 2.1 on, and not before",
            ),
            says: "containerd asks again",
        },
        Rule {
            of: BY_CONTAINERD,
            after: |came| came == Came::Cut,
            tries: 5,
            pause: Pause::Of(Duration::from_millis(50)),
            when: always,
            last_only: true,
            since: (
                [2, 3, 2],
                "containerd asks again from 2.3.2 on, and not before",
            ),
            says: "containerd asks again",
        },
    ],
    set: None,
    resume: Resume::WhileBytesCome { fruitless: 3 },
};

/// containers/image (v5.36), `docker/docker_client.go` (`makeRequestToResolvedURL`): all requests but
/// that for a token, which is sent without it (`getBearerToken`).
const TOO_MANY: Rule = Rule {
    of: &[Asked::Ping, Asked::Manifest, Asked::Config, Asked::Layer],
    after: |came| came.status() == Some(429),
    tries: 5,
    pause: Pause::AsTold(Duration::from_secs(2), Duration::from_secs(60)),
    when: always,
    last_only: false,
    since: ALWAYS,
    says: "containers/image asks again",
};

/// containers/image (v5.25 on), `docker/body_reader.go`. Tried with Podman 4.3, which has an older one, and
/// fails.
const fn reconnects(release: [u32; 3], says: &'static str) -> Resume {
    Resume::Reconnect {
        release,
        bytes: 1 << 20,
        since: Duration::from_secs(60),
        pause: SECOND,
        says: Some(says),
    }
}

/// containers/common (v0.64), `libimage/copier.go` around `pkg/retry/retry.go` (`IsErrorRetryable`).
/// An end within a body is none of its errors, a reset is. So is each error of the distribution API with words of its
/// own but four ([`Came::Coded`]), whatever the status of 4xx: the pull is repeated after a refusal that lasts, too.
static PODMAN: Policy = Policy {
    who: "Podman",
    rules: &[
        TOO_MANY,
        Rule {
            of: &[Asked::Pull],
            after: breaks,
            tries: 4,
            pause: Pause::Of(SECOND),
            when: always,
            last_only: false,
            since: ALWAYS,
            says: "Podman repeats the pull",
        },
        Rule {
            of: &[Asked::Pull],
            after: |came| matches!(came.status(), Some(502..=504)),
            tries: 4,
            pause: Pause::Of(SECOND),
            when: always,
            last_only: false,
            since: (
                [5, 5, 0],
                "Podman repeats the pull from 5.5 on, and not before",
            ),
            says: "Podman repeats the pull",
        },
        Rule {
            of: &[Asked::Pull],
            after: |came| matches!(came, Came::Coded(_)),
            tries: 4,
            pause: Pause::Of(SECOND),
            when: always,
            last_only: false,
            since: ALWAYS,
            says: "Podman repeats the pull",
        },
    ],
    set: Some(Asked::Pull),
    resume: reconnects([4, 5, 0], "as Podman does from 4.5 on, and not before"),
};

/// CRI-O has containers/image without what libimage puts around it.
static CRI_O: Policy = Policy {
    who: "CRI-O",
    rules: &[TOO_MANY],
    set: None,
    resume: reconnects([1, 27, 0], "as CRI-O does from 1.27 on, and not before"),
};

impl Policy {
    /// The table of the engine that is followed; of the runtime, below a kubelet.
    pub(crate) fn of(options: &Options) -> Option<&'static Self> {
        match Reader::of(options) {
            Reader::Docker(_) => Some(&DOCKER),
            Reader::Containerd | Reader::Transfer => Some(&CONTAINERD),
            Reader::Podman => Some(&PODMAN),
            Reader::Any => {
                let runtime = options.setup.as_ref().and_then(Setup::runtime);
                (runtime == Some(Engine::Podman)).then_some(&CRI_O)
            }
        }
    }

    /// Whether it ever asks for such a thing again.
    pub(crate) fn repeats(&self, asked: Asked) -> bool {
        self.rules.iter().any(|rule| rule.of.contains(&asked))
    }

    /// Whether what came may be another thing at a further try, by what the engine takes for so.
    pub(crate) fn may_pass(&self, asked: Asked, came: Came, own: Own) -> bool {
        let mut rules = self
            .rules
            .iter()
            .filter(|rule| !own.is_before(rule.since.0));
        rules.any(|rule| rule.of.contains(&asked) && (rule.after)(came))
    }

    /// What is known of the engine at hand.
    pub(crate) fn own(options: &Options) -> Own {
        let Some(setup) = &options.setup else {
            return Own::default();
        };
        let release = setup.release.parts();
        let repeats = match &setup.order {
            Order::Podman(podman) => podman.repeats,
            Order::Docker(docker) => {
                // The first try is one of them from 24.0 on.
                let times = if release.is_some_and(|own| own < [24, 0, 0]) {
                    Some(docker.attempts.unwrap_or(ATTEMPTS).saturating_add(1))
                } else {
                    docker.attempts
                };
                // A try is two requests.
                Repeats {
                    times: times.map(|n| n.saturating_mul(2) - 1),
                    delay: None,
                }
            }
            _ => Repeats::default(),
        };
        let in_docker = options.engine == Some(Engine::Docker) && setup.containerd_store;
        let release = if in_docker {
            release.and_then(containerd_in)
        } else {
            release
        };
        Own { repeats, release }
    }

    /// How a body that breaks off is asked for again.
    pub(crate) fn resume(&self, own: Own) -> Resume {
        match self.resume {
            Resume::Reconnect { release, .. } if own.is_before(release) => Resume::Never,
            Resume::Reconnect {
                bytes,
                since,
                pause,
                release,
                ..
            } if own.release.is_some() => Resume::Reconnect {
                bytes,
                since,
                pause,
                release,
                says: None,
            },
            resume => resume,
        }
    }

    /// Whether it is asked for again after what came at each try so far. `told`: the wait that the
    /// registry asks for. `last`: no other endpoint is left.
    pub(crate) fn again(
        &self,
        asked: Asked,
        came: &[Came],
        told: Option<Duration>,
        last: bool,
        own: Own,
    ) -> Option<Again> {
        let (&now, before) = came.split_last()?;
        let set = if self.set == Some(asked) {
            own.repeats
        } else {
            Repeats::default()
        };
        let tries = set
            .times
            .and_then(|n| usize::try_from(n).ok()?.checked_add(1));
        let rule = self.rules.iter().find(|rule| {
            rule.of.contains(&asked)
                && (rule.after)(now)
                && came.len() < tries.unwrap_or(rule.tries)
                && (last || !rule.last_only)
                && !own.is_before(rule.since.0)
                && (rule.when)(came)
        })?;
        let nth = u32::try_from(before.len()).unwrap_or(u32::MAX);
        let doubled = |first: Duration| first.saturating_mul(2_u32.saturating_pow(nth));
        let (after, told) = match rule.pause {
            Pause::Of(pause) => (set.delay.unwrap_or(pause), false),
            Pause::Doubling(first) => (doubled(first), false),
            Pause::Growing(by) => (by.saturating_mul(nth.saturating_add(1)), false),
            Pause::AsTold(first, most) => match told {
                Some(told) => (told.min(most), true),
                None => (doubled(first).min(most), false),
            },
        };
        Some(Again {
            after,
            told,
            says: match rule.since.1 {
                says if says.is_empty() || own.release.is_some() => rule.says,
                says => says,
            },
        })
    }
}
