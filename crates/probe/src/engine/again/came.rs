//! What came in place of what was asked for, read out of errors and rows.

use std::io;

use pullwhy_model::{Fact, Hop, HopRow, Status};

/// The fact of a row whose connection was reset, where its word is that of one that ended.
pub(crate) const RESET: &str = "reset";

/// The fact of a row whose registry said a code of the distribution API and nothing besides.
pub(crate) const CODE_ALONE: &str = "code_alone";

/// Codes of the distribution API that no repetition changes, by containers/common.
const LASTING: [&str; 4] = ["UNAUTHORIZED", "DENIED", "NAME_UNKNOWN", "MANIFEST_UNKNOWN"];

/// What came in place of what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Status(u16),
    /// The same of 4xx, with an error of the distribution API that has words or a detail of its own and
    /// is none of those that last: `UNAUTHORIZED`, `DENIED`, `NAME_UNKNOWN`, `MANIFEST_UNKNOWN`.
    Coded(u16),
    /// The connection was ended before or within the answer.
    Cut,
    /// It was reset.
    Reset,
    Refused,
    Unreachable,
    /// Nothing, until the time was over. Engines that ask again wait as long once more, and so on:
    /// it tells nothing new, so it is in no table.
    Silent,
    /// A fault that no repetition mends: a name, a certificate, content.
    Other,
}

impl Came {
    /// The status, where there is one.
    pub(crate) fn status(self) -> Option<u16> {
        match self {
            Self::Status(status) | Self::Coded(status) => Some(status),
            _ => None,
        }
    }

    /// What an error of a connection is.
    pub(crate) fn of_error(error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::UnexpectedEof => Self::Cut,
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Self::Reset,
            Kind::ConnectionRefused => Self::Refused,
            Kind::HostUnreachable | Kind::NetworkUnreachable => Self::Unreachable,
            Kind::TimedOut | Kind::WouldBlock => Self::Silent,
            _ => Self::Other,
        }
    }

    /// What a row says that failed.
    pub(crate) fn of_row(row: &HopRow) -> Self {
        let of_the_way = matches!(row.hop, Hop::Tcp | Hop::Proxy | Hop::Tls);
        let request = matches!(
            row.hop,
            Hop::Ping | Hop::Token | Hop::Manifest | Hop::ConfigBlob | Hop::Layer
        );
        if row.status != Status::Failed || !(of_the_way || request) {
            return Self::Other;
        }
        match row.saw.as_deref() {
            // By HEAD it was asked for as often as it is.
            _ if row.hop == Hop::Manifest && row.facts.contains_key("attempts") => Self::Other,
            // A body that breaks off is no answer that stays away.
            Some("cut") if row.facts.contains_key("bytes") => Self::Other,
            Some("cut") if row.facts.contains_key(RESET) => Self::Reset,
            Some("cut") => Self::Cut,
            Some("reset") => Self::Reset,
            Some("refused") => Self::Refused,
            Some("unreachable") => Self::Unreachable,
            Some("timeout") => Self::Silent,
            // What a proxy says instead of making a tunnel is a text to engines, and no status.
            _ if request => match row.facts.get("http_status") {
                Some(Fact::Number(status)) => match u16::try_from(*status) {
                    Ok(status) if passes(row, status) => Self::Coded(status),
                    Ok(status) => Self::Status(status),
                    Err(_) => Self::Other,
                },
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

/// Whether a status of 4xx came with a code that may pass. 401 is one of who asks, whatever the code; and
/// of what a token service says, its code is not looked at.
fn passes(row: &HopRow, status: u16) -> bool {
    let code = row.facts.get("error_code").map(ToString::to_string);
    row.hop != Hop::Token
        && status != 401
        // Read as a bare code, which `IsErrorRetryable` does not know. Tried with Podman 4.3 and 5.8.
        && !row.facts.contains_key(CODE_ALONE)
        && (400..500).contains(&status)
        && code.is_some_and(|code| !LASTING.contains(&code.as_str()))
}
