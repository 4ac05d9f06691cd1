//! What one message says by itself.

mod pulls;

use std::sync::Arc;

use pullwhy_catalogue::file::Scope;
use pullwhy_catalogue::{Catalogue, CauseIndex, Hit, SignSet, Where};
use pullwhy_ingest::formats::file::Says;
use pullwhy_ingest::formats::{self, Formats, Mark};
use pullwhy_ingest::message::{self, Part};
use pullwhy_ingest::{facts, target};
use pullwhy_model::{Confidence, Facts, Image, Target};

use pulls::{about_images, better, image_request, names_a_pull, talks_of_a_pull};

/// A cause that a message shows, by the best of its signs.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The cause.
    pub cause: CauseIndex,
    /// How much the sign says; already lowered where the wording leaves others open.
    pub strength: Confidence,
    /// Other programs say this too: it counts only next to talk of a pull.
    pub needs_context: bool,
    /// The message itself shows that it is of a pull: by a headline, a request of the distribution API, or
    /// an image in words that only engines have.
    pub of_a_pull: bool,
    /// Other programs say this too, and it counts only because it was pasted with no log around it.
    pub only_pasted: bool,
    /// It only says that a pull failed or is put off.
    pub symptom: bool,
    /// An engine's own error, in words that no sign knows.
    pub unknown: bool,
    /// It only says that the pull was called off.
    pub called_off: bool,
    /// Of a try that the engine makes only when the pull proper has failed.
    pub afterthought: bool,
    /// Causes that the wording leaves open, most likely first.
    pub open: Vec<CauseIndex>,
    /// The decisive part, as bytes of the body.
    pub span: (usize, usize),
    /// Where the error message that holds it begins in the body.
    pub start: usize,
    /// Image that this very message names.
    pub image: Option<Arc<Image>>,
    /// The registry whose API was asked, by the URL that the message names.
    pub asked: Option<Arc<str>>,
    /// What was read out of the message.
    pub facts: Facts,
}

/// Everything that one message (a line, or a few joined ones) says by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// Client that wrote it and how sure that is.
    pub client: Option<(&'static str, u32)>,
    /// What it means for the course of a pull.
    pub marks: Vec<Mark>,
    /// Image that it names.
    pub image: Option<Arc<Image>>,
    /// App that it names.
    pub site: Option<String>,
    /// Instance that the lines behind it are from.
    pub instance: Option<Arc<str>>,
    /// Whether it talks of a pull.
    pub context: bool,
    /// It is about something else.
    pub not_a_pull: bool,
    /// It names a pull in so many words, and no push.
    pub names_a_pull: bool,
    /// A sign of it says that another program failed.
    pub other_failure: bool,
    /// Causes, in order of appearance.
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Whether a marker of this meaning is there.
    pub fn has(&self, says: Says) -> bool {
        self.marks.iter().any(|m| m.says == says)
    }

    /// Whether it is how a client ends a command that has failed, and not words of that kind within
    /// another program's.
    pub(crate) fn ends_a_command(&self) -> bool {
        /// `docker: `, `ERROR: `, `##[error]`.
        const LEAD: usize = 10;
        let mut marks = self.marks.iter();
        marks.any(|m| m.says == Says::CommandFailed && m.at <= LEAD)
    }

    /// Nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty() && !self.other_failure && self.marks.is_empty() && !self.context
    }
}

/// Words of engines, and of what runs containers, whichever program or container shows them.
const OF_ENGINES: [&str; 10] = [
    "failed to register layer",
    "filesystem layer verification failed",
    "Error loading config file: ",
    "Error parsing config file (",
    "rror response from daemon",
    "error getting credentials - err: ",
    "unable to pull secrets or registry auth",
    "did not resolve to an alias",
    ": exec format error",
    "does not match the detected host platform",
];

/// Reads messages with all formats and all signs.
pub struct Reader<'c> {
    catalogue: &'c Catalogue,
    signs: SignSet,
    formats: &'static Formats,
    /// For each cause, whether it wins over each other one, directly or not.
    over: Vec<Vec<bool>>,
}

impl<'c> Reader<'c> {
    /// Compiles a catalogue.
    pub fn new(catalogue: &'c Catalogue) -> Self {
        Self {
            catalogue,
            signs: SignSet::new(catalogue),
            formats: formats::built_in(),
            over: closure(catalogue),
        }
    }

    /// The catalogue that it reads with.
    pub fn catalogue(&self) -> &'c Catalogue {
        self.catalogue
    }

    /// Whether one cause wins over another when both show.
    pub fn wins(&self, one: CauseIndex, other: CauseIndex) -> bool {
        self.over[usize::from(one)][usize::from(other)]
    }

    /// Reads one body for what it means for the course of a pull only: for lines that cannot hold
    /// an error.
    pub fn glance(&self, body: &str) -> Verdict {
        let reading = self.formats.read(body);
        let image = reading.image().cloned().map(Arc::new);
        let names_site = reading.has(Says::NamesSite);
        Verdict {
            context: talks_of_a_pull(&reading),
            not_a_pull: reading.has(Says::NotAPull) || reading.has(Says::Push),
            site: facts::site(body).filter(|_| names_site).map(str::to_owned),
            instance: self.instance(&reading, body),
            image,
            client: reading.client,
            names_a_pull: names_a_pull(body),
            marks: reading.marks,
            other_failure: false,
            findings: Vec::new(),
        }
    }

    /// Reads one body. `paste`: it was asked about on purpose, with no log around it.
    pub fn read(&self, body: &str, paste: bool) -> Verdict {
        let whole = message::unquote(body);
        let reading = self.formats.read(&whole.text);
        let url_image = facts::image_of_url(&whole.text);
        let marked = reading.image().cloned();
        let image = better(marked, url_image);
        let mut context = talks_of_a_pull(&reading) || image_request(&whole.text);
        let not_a_pull = reading.has(Says::NotAPull) || reading.has(Says::Push);
        let mut statements: Vec<(Part, Option<Image>, Vec<Hit>)> = Vec::new();
        if !not_a_pull && !reading.has(Says::Noise) {
            let parts = message::split(&whole);
            let alone = parts.len() == 1;
            for part in parts {
                let own = if alone {
                    image.clone()
                } else {
                    let text = &part.message.text;
                    let marked = self.formats.read(text).image().cloned();
                    better(marked, facts::image_of_url(text))
                };
                let host = own.as_ref().or(image.as_ref());
                let host = host.and_then(|i| i.registry.as_deref());
                let text = &part.message.text;
                let place = Self::place(text, host);
                let hits = self.signs.hits(
                    text,
                    Where {
                        target: place.0,
                        registry: place.1,
                    },
                );
                context |= hits.iter().any(|h| {
                    h.scope == Scope::Pull
                        && !self.is_none(h.cause)
                        && h.strength > Confidence::Possible
                });
                statements.push((part, own, hits));
            }
        }
        let image = image.map(Arc::new);
        // A message that was pasted is about a pull, unless it names a request to something else.
        let paste = paste && (context || !target::asks_another_service(&whole.text));
        let findings: Vec<Finding> = statements
            .iter()
            .filter_map(|(part, own, hits)| {
                let own = own.clone().map(Arc::new);
                let image = own.or_else(|| image.clone());
                self.choose(part, hits, context, paste, image)
            })
            .collect();
        let other_failure = findings.is_empty()
            && (statements.iter()).any(|(_, _, hits)| hits.iter().any(|h| self.is_none(h.cause)));
        let names_site = reading.has(Says::NamesSite);
        Verdict {
            instance: self.instance(&reading, &whole.text),
            client: reading.client,
            marks: reading.marks,
            image,
            site: facts::site(&whole.text)
                .filter(|_| names_site)
                .map(str::to_owned),
            context,
            not_a_pull,
            names_a_pull: names_a_pull(&whole.text),
            other_failure,
            findings,
        }
    }

    /// The instance in the name of the file that a log stream goes on with.
    fn instance(&self, reading: &formats::Reading, text: &str) -> Option<Arc<str>> {
        let mut marks = reading.marks.iter();
        marks.find(|m| m.says == Says::NamesFile && m.at == 0)?;
        let path = text.split_whitespace().next()?;
        let name = path.rsplit('/').next()?;
        self.formats.file_hint(name).instance.map(Arc::from)
    }

    fn is_none(&self, cause: CauseIndex) -> bool {
        self.catalogue.at(cause).id.family() == "none"
    }

    fn place(text: &str, registry: Option<&str>) -> (Option<Target>, Option<&'static str>) {
        let urls = target::urls(text);
        let url_host = urls
            .iter()
            .find(|u| u.scheme.starts_with("http") && !target::is_documentation(u))
            .map(|u| u.host)
            .filter(|h| h.contains('.') || h.starts_with("localhost"));
        let kind = url_host.or(registry).map(pullwhy_reference::kind);
        (target::of(text, registry), kind)
    }

    /// The best sign of one message, if it counts.
    fn choose(
        &self,
        part: &Part,
        hits: &[Hit],
        context: bool,
        paste: bool,
        image: Option<Arc<Image>>,
    ) -> Option<Finding> {
        let counts = |h: &&Hit| match h.scope {
            Scope::Pull | Scope::Any => true,
            Scope::Paste => paste,
        };
        let mut alive: Vec<&Hit> = hits.iter().filter(counts).collect();
        let dominated = |h: &Hit, all: &[&Hit]| {
            all.iter().any(|g| {
                self.wins(g.cause, h.cause)
                    && (g.strength >= Confidence::Likely || g.strength >= h.strength)
            })
        };
        let all = alive.clone();
        alive.retain(|h| !dominated(h, &all));
        let generic = |h: &Hit| self.catalogue.at(h.cause).file.generic;
        // Of equal strength, a word for a follow-up says less than any cause.
        alive.sort_by_key(|h| {
            let rank = (h.strength, !generic(h), h.specificity);
            (std::cmp::Reverse(rank), h.cause)
        });
        let best = *alive.first()?;
        if self.is_none(best.cause) {
            return None;
        }
        let file = &self.catalogue.at(best.cause).file;
        let sign = &file.signs[usize::from(best.sign)];
        let mut open: Vec<CauseIndex> = sign
            .also
            .iter()
            .filter_map(|id| self.catalogue.index(id))
            .collect();
        let rivals = alive.iter().filter(|h| {
            h.cause != best.cause
                && h.strength >= best.strength
                && h.strength > Confidence::Possible
                && !self.is_none(h.cause)
                && best.strength < Confidence::Certain
        });
        for rival in rivals {
            if !open.contains(&rival.cause) {
                open.push(rival.cause);
            }
        }
        let closed = open.is_empty();
        let strength = if closed {
            best.strength
        } else {
            best.strength.min(Confidence::Likely)
        };
        let said_by_pulls_only = alive
            .iter()
            .any(|h| h.cause == best.cause && h.scope == Scope::Pull);
        // Words that only a failed pull has are context, though another sign says more.
        let headline = hits.iter().any(|h| h.headline);
        let alone = !said_by_pulls_only && !headline && !context;
        let mut found = Facts::new();
        for (name, value) in &best.facts {
            let number = value
                .parse::<i64>()
                .ok()
                .filter(|_| !matches!(name.as_str(), "tag" | "digest" | "aws_account"));
            found.insert(
                name.clone(),
                number.map_or_else(|| value.as_str().into(), Into::into),
            );
        }
        let message = &part.message;
        facts::extract(&message.text, image.as_deref(), &mut found);
        // A message that nothing but the asking ties to a pull proves little, and less where it
        // names neither image, nor registry, nor pull; so does how a second try ended.
        let strength = if alone && paste && !about_images(&message.text, image.as_deref()) {
            Confidence::Possible
        } else if alone && paste || part.afterthought {
            strength.min(Confidence::Likely)
        } else {
            strength
        };
        // Units and scripts that pull have names of their own.
        let says_so = said_by_pulls_only
            && closed
            && best.strength == Confidence::Certain
            && about_images(&message.text, image.as_deref());
        Some(Finding {
            cause: best.cause,
            strength,
            symptom: self.catalogue.at(best.cause).id == *"orchestrator/symptom-only",
            unknown: sign.unknown,
            called_off: sign.called_off,
            afterthought: part.afterthought,
            needs_context: alone && !paste,
            of_a_pull: headline
                || says_so
                || asked(&found).is_some()
                || context && image.is_some()
                || OF_ENGINES.iter().any(|words| message.text.contains(words)),
            only_pasted: alone && paste,
            open,
            span: message.original(best.span),
            start: message.original((0, 1)).0,
            image,
            asked: asked(&found),
            facts: found,
        })
    }
}

/// The registry whose API a failure's URL is of.
pub(crate) fn asked(facts: &Facts) -> Option<Arc<str>> {
    let url = facts.get("url").map(ToString::to_string)?;
    facts::registry_of_url(&url).map(Arc::from)
}

/// `over`, followed to the end.
fn closure(catalogue: &Catalogue) -> Vec<Vec<bool>> {
    let count = catalogue.causes().len();
    let mut over = vec![vec![false; count]; count];
    for (i, cause) in catalogue.causes().iter().enumerate() {
        for id in &cause.file.over {
            if let Some(j) = catalogue.index(id) {
                over[i][usize::from(j)] = true;
            }
        }
    }
    for middle in 0..count {
        for from in 0..count {
            if over[from][middle] {
                let further = over[middle].clone();
                for (to, reached) in further.into_iter().enumerate() {
                    over[from][to] |= reached && from != to;
                }
            }
        }
    }
    over
}
