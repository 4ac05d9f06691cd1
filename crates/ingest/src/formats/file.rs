//! The form of a format file, `formats/<client>.toml`.

use serde::{Deserialize, Serialize};

/// What one client or platform prints around a pull.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatFile {
    /// For people.
    pub title: String,
    /// Id in reports; `unknown` for words that several clients share.
    pub client: String,
    /// Words by which a line is known to be of this client.
    #[serde(default)]
    pub recognise: Vec<Recognise>,
    /// File names that this client uses.
    #[serde(default)]
    pub file: Vec<FileName>,
    /// What lines mean for the course of a pull.
    #[serde(default, rename = "marker")]
    pub markers: Vec<Marker>,
    /// Words behind which an image stands, and that say nothing else.
    #[serde(default, rename = "image")]
    pub images: Vec<Named>,
    /// Real lines; each one is a test.
    #[serde(default, rename = "sample")]
    pub samples: Vec<Sample>,
}

/// A literal that gives a client away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recognise {
    /// The literal.
    pub text: String,
    /// 1 (hint) to 3 (sure).
    pub weight: u8,
    /// What must stand somewhere behind it, for literals that others print too.
    #[serde(default)]
    pub then: Option<String>,
}

/// A pattern for file names; groups `date` (`YYYY_MM_DD`) and `instance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileName {
    /// The pattern, for the last component of the path.
    pub name: String,
}

/// What a line says about the course of a pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// An attempt begins.
    Start,
    /// The platform's second try, without credentials.
    AnonymousRetry,
    /// The line talks of a pull.
    Context,
    /// A layer was fetched.
    LayerFresh,
    /// A layer was there already.
    LayerPresent,
    /// The image was pulled or is up to date.
    Success,
    /// The platform means to go on with a local copy.
    Cached,
    /// The image was there already, nothing was pulled.
    Present,
    /// The pull failed, without a cause.
    Failed,
    /// The client waits before it tries again; what counts such lines counts no attempts.
    Waits,
    /// A container of the image was started.
    Run,
    /// The application was restarted.
    TriggerRestart,
    /// A new instance or pod.
    TriggerNewInstance,
    /// A new version was rolled out.
    TriggerDeployment,
    /// More copies were asked for.
    TriggerScaleOut,
    /// A person or a job ran a command.
    TriggerManual,
    /// What the engine answered to a client's command: its last word on that command.
    Answer,
    /// The words with which a client ends a command that has failed: once for each command.
    CommandFailed,
    /// The engine turns from one of several endpoints to the next.
    NextHost,
    /// The line names the app; it says nothing about a pull.
    NamesSite,
    /// The file that the lines behind it are from, at the head of a line.
    NamesFile,
    /// A push begins: what follows, up to the next pull, is about it.
    Push,
    /// A push has ended well.
    Pushed,
    /// The image that the tool builds and pushes by itself.
    PushTarget,
    /// A step of a build writes what it has made: an image, a cache. What fails there is no pull,
    /// unless a registry was asked.
    Exports,
    /// A request that asks for the right to push: the error that it answers is a push's.
    AsksToPush,
    /// The client warns of it and goes on by another way.
    Warns,
    /// A build begins.
    Builds,
    /// A line of a CI job, in words that only that system has.
    Job,
    /// The line is about something else.
    NotAPull,
    /// Chatter that looks like an error.
    Noise,
}

/// How the image stands behind a marker's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageForm {
    /// It does not.
    #[default]
    None,
    /// The name is the rest of the message: in a message that goes on in words, a word alone
    /// is no name.
    Rest,
    /// Up to the quote with which the text ends.
    Quoted,
    /// Up to a blank, quote, brace, comma or bracket.
    Word,
    /// A word with what prose has not: a slash, colon, at sign or dot inside. For texts behind which
    /// a sentence may go on.
    Qualified,
    /// The argument of a command, behind its options.
    Command,
    /// The same, where the text is the command's name and a client with options stands before it:
    /// `docker --config DIR pull nginx`.
    Invoked,
    /// The repository behind the text, the tag or digest before it: `1.2: Pulling from team/app`;
    /// or in the field `id` of the Docker Engine's stream.
    Tagged,
    /// Right before the text: `quay.io/team/app:1: resolving`.
    Before,
    /// In round brackets behind one word: `Pulling db (postgres:13)...`.
    Bracketed,
}

/// A literal with a meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// Its meaning.
    pub says: Says,
    /// The literal, in this case.
    pub text: String,
    /// How the image stands behind it.
    #[serde(default)]
    pub image: ImageForm,
    /// What must come right behind the image; then the image must be there too. A quote may be
    /// the end of the message as well.
    #[serde(default)]
    pub then: Option<String>,
    /// What takes the meaning away, wherever it stands in the message.
    #[serde(default)]
    pub unless: Vec<String>,
}

/// A literal behind which an image stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The literal, in this case.
    pub text: String,
    /// How the image stands behind it.
    pub image: ImageForm,
    /// What must come right behind the image.
    #[serde(default)]
    pub then: Option<String>,
}

/// Real lines and what must be read from them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Where they were seen.
    pub from: String,
    /// The lines.
    pub log: String,
    /// The client that must be recognised.
    pub client: Option<String>,
    /// Time of the first line.
    pub at: Option<String>,
    /// First image read.
    pub image: Option<String>,
    /// Markers, in order.
    pub markers: Option<Vec<Says>>,
    /// Markers that must not be there.
    #[serde(default)]
    pub absent: Vec<Says>,
}

/// Checks what the types cannot.
pub fn check(format: FormatFile) -> Result<FormatFile, String> {
    let markers = format.markers.iter().map(|m| (&m.text, m.image));
    let images = format.images.iter().map(|n| (&n.text, n.image));
    for (text, image) in markers.chain(images) {
        if text.len() < 5 {
            return Err(format!("marker `{text}` is shorter than 5 bytes"));
        }
        if image == ImageForm::Quoted && !text.ends_with(['"', '\'', '`']) {
            return Err(format!(
                "marker `{text}` says `quoted` and does not end with a quote"
            ));
        }
    }
    for recognise in &format.recognise {
        if recognise.text.len() < 4 || !(1..=3).contains(&recognise.weight) {
            return Err(format!(
                "recognise `{}`: at least 4 bytes, weight 1 to 3",
                recognise.text
            ));
        }
    }
    for file in &format.file {
        if !file.name.starts_with('^') || !file.name.ends_with('$') {
            return Err(format!(
                "file name pattern `{}` must be anchored with ^ and $",
                file.name
            ));
        }
    }
    Ok(format)
}
