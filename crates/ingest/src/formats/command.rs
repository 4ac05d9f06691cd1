//! Reads a command that pulls, as people type it: which client it is of, and its first argument.

use super::image::{looks_like_a_name, trim, word};

/// Words behind `docker pull` where somebody talks about the command.
const PROSE: [&str; 24] = [
    "returned", "failed", "fails", "failure", "failing", "command", "commands", "request",
    "requests", "error", "errors", "access", "limit", "limits", "rate", "secret", "secrets",
    "policy", "progress", "and", "or", "to", "the", "is",
];

/// Programs with a command `pull` that takes images.
const CLIENTS: [&str; 7] = [
    "docker", "podman", "nerdctl", "ctr", "crictl", "buildah", "oras",
];

/// Words that group a client's commands: `docker image pull`, `ctr i pull`.
const GROUPS: [&str; 3] = ["image", "images", "i"];

/// Options of the clients' pulls with a value of their own behind them.
const WITH_VALUE: [&str; 27] = [
    "--platform",
    // Podman and Buildah.
    "--arch",
    "--authfile",
    "--cert-dir",
    "--creds",
    "--decryption-key",
    "--os",
    "--policy",
    "--retry",
    "--retry-delay",
    "--signature-policy",
    "--variant",
    // containerd's ctr and nerdctl.
    "--cosign-key",
    "--hosts-dir",
    "--label",
    "--max-concurrent-downloads",
    "--snapshotter",
    "--tlscacert",
    "--tlscert",
    "--tlskey",
    "--unpack",
    "--user",
    "--verify",
    "-u",
    // crictl.
    "--annotation",
    "--auth",
    "--pull-timeout",
];

/// Words between a client and its command, and behind the command before its argument.
const WORDS: usize = 16;

/// Whether a text ends with a client and options of it, up to where its command would stand.
pub(super) fn is_client(before: &str) -> bool {
    let mut words: Vec<&str> = before.split_ascii_whitespace().rev().take(WORDS).collect();
    words.reverse();
    let name = |word: &str| {
        let name = word
            .rsplit(['/', '\\', '`', '"', '\''])
            .next()
            .unwrap_or(word);
        name.strip_suffix(".exe").unwrap_or(name).to_owned()
    };
    let Some(at) = words.iter().rposition(|w| CLIENTS.contains(&&*name(w))) else {
        return false;
    };
    let mut between = &words[at + 1..];
    if let Some((last, options)) = between.split_last()
        && GROUPS.contains(last)
    {
        between = options;
    }
    // Each word is an option, or the value of the one before it.
    let is_option = |word: &str| word.starts_with('-');
    let mut before = "";
    between.iter().all(|word| {
        let fits = is_option(word) || is_option(before) && !before.contains('=');
        before = word;
        fits
    })
}

/// The first argument of a command that is no option: `-q --platform linux/arm64 nginx:1`.
pub(super) fn argument(text: &str) -> Option<(&str, &str)> {
    let mut rest = text;
    for _ in 0..WORDS {
        rest = rest.trim_start_matches(' ');
        let (name, after) = word(rest);
        if name.starts_with('-') {
            rest = after;
            if WITH_VALUE.contains(&name) {
                rest = word(after.trim_start_matches(' ')).1;
            }
            continue;
        }
        let plain = !looks_like_a_name(name);
        let goes_on = after
            .strip_prefix(' ')
            .is_some_and(|a| a.starts_with(|c: char| c.is_ascii_alphanumeric()));
        if name.is_empty() || plain && (goes_on || PROSE.contains(&trim(name))) {
            return None;
        }
        return Some((name, after));
    }
    None
}
