//! What people write where a path is wanted, and what they want instead.

use std::path::PathBuf;

use pullwhy_catalogue::shell_word;
use pullwhy_model::Report;
use pullwhy_report::Format;

use crate::args::Explain;
use crate::exit::Failure;
use crate::terminal;

/// Why none of the arguments is a file, and what to write instead; `None` if they look like paths.
pub(super) fn instead(paths: &[PathBuf]) -> Option<Failure> {
    let words: Vec<&str> = paths
        .iter()
        .filter(|path| !path.exists())
        .filter_map(|path| path.to_str())
        .collect();
    if words.is_empty() || words.len() < paths.len() {
        return None;
    }
    let text = words.join(" ");
    if is_message(&words) {
        let line: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
        let failure = Failure::new("this reads like a message, and PATH is a file or a folder")
            .help(format!("pipe it: echo {} | pullwhy", shell_word(&line)))
            .help("or run `pullwhy explain`, paste it, and press Ctrl-D");
        return Some(failure);
    }
    if let [image] = words.as_slice()
        && is_image(image)
    {
        let image = shell_word(image);
        let failure = Failure::new(format!("`{text}` looks like an image, and PATH is a log"))
            .help(format!(
                "pull it and explain what happens: pullwhy run -- docker pull {image}"
            ))
            .help(format!(
                "or look for it in a log: pullwhy explain LOG --image {image}"
            ));
        return Some(failure);
    }
    None
}

/// Says why no failed pull may have been found: an empty pipe or folder, or a filter.
pub(super) fn nothing_found(report: &Report, args: &Explain, left_out: u64) {
    let from_stdin = args.paths.is_empty() || args.paths.iter().any(|p| p.as_os_str() == "-");
    if from_stdin && report.stats.files <= 1 && report.stats.bytes == 0 {
        if args.output.format == Format::Human {
            terminal::warning(
                "standard input was empty",
                &[
                    "docker and others write errors to standard error; pass it on too: \
                   docker pull IMAGE 2>&1 | pullwhy"
                        .to_owned(),
                ],
            );
        }
        return;
    }
    if report.stats.files == 0 && report.warnings.is_empty() {
        let names: Vec<String> = args
            .paths
            .iter()
            .map(|p| pullwhy_model::text::clean(&p.to_string_lossy(), 4096))
            .collect();
        terminal::warning(
            &format!("there is nothing to read in {}", terminal::either(&names)),
            &["name the folder or the file that the logs are in".to_owned()],
        );
        return;
    }
    let set = args.filter.names();
    if set.is_empty() {
        return;
    }
    let filter = terminal::either(&set);
    if left_out > 0 {
        terminal::warning(
            &format!(
                "{filter} left out all that was found: {}",
                crate::commands::plural(
                    usize::try_from(left_out).unwrap_or(usize::MAX),
                    "failed pull"
                )
            ),
            &[format!("leave {filter} out to see what there is")],
        );
    } else if from_stdin {
        terminal::warning(
            &format!("{filter} is set, and may have left out what there was"),
            &[format!("run it again without {filter} to see all")],
        );
    }
}

/// One argument with blanks, or several bare words where the quotes were forgotten.
fn is_message(words: &[&str]) -> bool {
    let bare = |word: &&str| !word.contains(['.', '/', '\\', '*', '?', '[']);
    match words {
        [text] => text.split_whitespace().count() > 1,
        words => words.iter().all(bare) && words.iter().all(|word| *word != "-"),
    }
}

/// `nginx:1.27`, `contoso.azurecr.io/app@sha256:…`, `ghcr.io/owner/app`; but not `logs/app.log`,
/// which is a file that is gone.
fn is_image(text: &str) -> bool {
    let drive = text.as_bytes().get(1) == Some(&b':') && !text.contains('/');
    if text.contains('\\') || text.starts_with(['.', '/', '~', '-']) || drive {
        return false;
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/:@".contains(&b);
    if !text.bytes().all(plain) {
        return false;
    }
    let (folder, name) = text.rsplit_once('/').unwrap_or(("", text));
    let host = folder.split('/').next().unwrap_or_default();
    let tagged = name
        .split_once([':', '@'])
        .is_some_and(|(name, tag)| !name.is_empty() && !tag.is_empty());
    tagged || (host.contains('.') && !name.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_images_from_files() {
        for image in [
            "nginx:latest",
            "contoso.azurecr.io/app:1",
            "ghcr.io/owner/app",
            "localhost:5000/app:1",
            "app@sha256:0123",
        ] {
            assert!(is_image(image), "{image}");
        }
        for file in [
            "nginx",
            "app.log",
            "logs/app.log",
            "./nginx:latest",
            r"C:\logs",
            "C:app.log",
            "/var/log/x:1",
            "logs.d/app.log",
            "*.log",
        ] {
            assert!(!is_image(file), "{file}");
        }
    }
}
