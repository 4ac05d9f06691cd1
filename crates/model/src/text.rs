//! Cleaning of text from outside (placeholder until the real one lands).
use std::borrow::Cow;
/// Text with a span.
pub struct Safe {
    /** text */
    pub text: String,
    /** span */
    pub span: (usize, usize),
}
/// Cleans.
pub fn clean(s: &str, _max: usize) -> String {
    s.to_owned()
}
/// Scrubs.
pub fn scrub(s: &str) -> Cow<'_, str> {
    Cow::Borrowed(s)
}
/// Excerpt.
pub fn safe_excerpt(line: &str, span: (usize, usize), _max: usize) -> Safe {
    Safe {
        text: line.to_owned(),
        span,
    }
}
