//! From bytes to readings: sources, encodings, line envelopes, formats and facts.
//!
//! A source gives lines; [`peel`] takes a line's prefix off (time, level, host); [`message`]
//! undoes quoting and splits lists into single error messages; [`formats`] says what a line means
//! for the course of a pull; [`facts`] reads hosts, images and numbers out of a message.
//! Causes are not known here.

pub mod facts;
pub mod formats;
pub mod message;
pub mod peel;
pub mod record;
pub mod source;
pub mod target;
pub mod unpack;
