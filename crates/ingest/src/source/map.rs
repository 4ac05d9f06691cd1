//! Memory maps: the one place of the project with `unsafe` code.

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// Maps a whole file, read-only.
///
/// The caller maps only regular files that nobody has written to for a while.
///
/// # Errors
///
/// The system refuses, for example for want of address space; the file can still be read.
#[expect(unsafe_code, reason = "a memory map has no safe interface")]
pub(super) fn map(file: &File) -> io::Result<Mmap> {
    // SAFETY: The map is read-only and private to this process. `&[u8]` also promises that the
    // bytes do not change, and no program can keep that promise for a file that others may write
    // to. What can happen if they do:
    // - Other bytes within the old length: all that runs on the map are searches over `u8` whose
    //   results are bounds-checked again before use. A line may be read half old and half new.
    // - A shorter file: access behind its new end raises SIGBUS and ends the process. Therefore
    //   `file` maps only what nobody has written to for some seconds and reads the rest in blocks,
    //   where a shorter file is only an early end.
    unsafe { Mmap::map(file) }
}
