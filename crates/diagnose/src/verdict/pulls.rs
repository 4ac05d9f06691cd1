//! Whether a text is about a pull at all, and which image it is about.

use pullwhy_ingest::formats::file::Says;
use pullwhy_ingest::{formats, target};
use pullwhy_model::Image;

/// A name with a registry beats one without: `nginx` in one place, `docker.io/library/nginx` in another.
pub(super) fn better(marked: Option<Image>, url: Option<Image>) -> Option<Image> {
    match (marked, url) {
        (Some(marked), _) => Some(marked),
        (None, url) => url,
    }
}

/// Whether a text names an image, a registry, an engine or a pull.
pub(super) fn about_images(text: &str, image: Option<&Image>) -> bool {
    const WORDS: [&str; 8] = [
        "registry",
        "/v2/",
        "/v1/",
        "docker",
        "podman",
        "containerd",
        "layer",
        "image",
    ];
    let small = text.to_ascii_lowercase();
    image.is_some()
        || names_a_pull(text)
        || WORDS.iter().any(|word| small.contains(word))
        || target::urls(text)
            .iter()
            .any(|u| pullwhy_reference::kind(u.host) != "other")
}

/// Whether a text says `pull` or `Pulling`, and not `push`.
pub(super) fn names_a_pull(text: &str) -> bool {
    let has = |word: [u8; 4]| {
        let mut fours = text.as_bytes().windows(4);
        fours.any(|four| four.eq_ignore_ascii_case(&word))
    };
    has(*b"pull") && !has(*b"push")
}

pub(super) fn talks_of_a_pull(reading: &formats::Reading) -> bool {
    reading.marks.iter().any(|m| {
        matches!(
            m.says,
            Says::Start
                | Says::AnonymousRetry
                | Says::Context
                | Says::Failed
                | Says::Cached
                | Says::LayerFresh
                | Says::LayerPresent
                | Says::Success
        )
    })
}

/// A request of the distribution API in the text, or one for the token to pull with; other services
/// have a version 2 too.
pub(super) fn image_request(text: &str) -> bool {
    const BELOW: [&str; 3] = ["/api/docker/", "/repository/docker", "/registry/"];
    const TO_PULL: [&str; 2] = ["scope=repository%3A", "scope=repository:"];
    let urls = target::urls(text);
    let asks_to_pull = |u: &target::Url<'_>| {
        let scope = TO_PULL.iter().find_map(|s| Some(u.text.split_once(s)?.1));
        scope.is_some_and(|s| s.split('&').next().is_some_and(|s| s.ends_with("pull")))
    };
    urls.iter().any(|u| {
        u.scheme.starts_with("http")
            && (matches!(u.path, "/v2" | "/v2/")
                // Repository managers have it below a path of their own.
                || u.path.ends_with("/v2/") && BELOW.iter().any(|part| u.path.contains(part))
                || u.path.starts_with("/v1/repositories/")
                || u.path.starts_with("/v2/")
                    && ["/manifests/", "/blobs/", "/tags/list", "/referrers/"]
                        .iter()
                        .any(|part| u.path.contains(part))
                || u.path.contains("/registry/v2/blobs/")
                || asks_to_pull(u))
    })
}
