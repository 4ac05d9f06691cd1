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
    /// The line names the app; it says nothing about a pull.
    NamesSite,
    /// A push begins: what follows, up to the next pull, is about it.
    Push,
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
    /// Up to the end of the line.
    Rest,
    /// Up to the quote with which the text ends.
    Quoted,
    /// Up to a blank, comma or bracket.
    Word,
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
}

/// Checks what the types cannot.
pub fn check(format: FormatFile) -> Result<FormatFile, String> {
    for marker in &format.markers {
        if marker.text.len() < 5 {
            return Err(format!("marker `{}` is shorter than 5 bytes", marker.text));
        }
        if marker.image == ImageForm::Quoted && !marker.text.ends_with(['"', '\'', '`']) {
            return Err(format!(
                "marker `{}` says `quoted` and does not end with a quote",
                marker.text
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
