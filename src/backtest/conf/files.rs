//! The files of a draft, within bounds.

use super::ConfError;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of all files together.
const BYTES_MAX: u64 = 64 << 20;
/// Files that are read.
const FILES_MAX: usize = 10_000;

/// Reads the files that a draft consists of.
#[derive(Debug)]
pub(super) struct Files {
    /// The folder that `include` is relative to: that of the draft.
    folder: PathBuf,
    bytes_left: u64,
    files_left: usize,
}

/// What an `include` names.
pub(super) enum Included {
    /// Paths in the order in which nginx reads them.
    Paths(Vec<PathBuf>),
    /// A path without wildcards that leads to nothing.
    Missing,
}

impl Files {
    pub(super) fn of(draft: &Path) -> Self {
        let folder = draft.parent().unwrap_or(Path::new(""));
        Files { folder: folder.to_owned(), bytes_left: BYTES_MAX, files_left: FILES_MAX }
    }

    /// A file's bytes. The error is a sentence.
    pub(super) fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let shown = path.display();
        self.files_left = self.files_left.checked_sub(1).ok_or_else(|| {
            format!("more than {FILES_MAX} files are included: write fewer includes")
        })?;
        let read = File::open(path).and_then(|file| {
            if !file.metadata()?.is_file() {
                return Err(std::io::Error::other("is no file"));
            }
            let mut bytes = Vec::new();
            file.take(self.bytes_left + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        });
        let bytes = read.map_err(|error| format!("cannot read {shown}: {error}"))?;
        self.bytes_left = self
            .bytes_left
            .checked_sub(bytes.len() as u64)
            .ok_or_else(|| format!("the configuration has more than {} MB", BYTES_MAX >> 20))?;
        Ok(bytes)
    }

    /// The files that an `include` names.
    pub(super) fn included(&self, pattern: &str) -> Result<Included, String> {
        let path = self.folder.join(pattern);
        if !pattern.contains(['*', '?', '[']) {
            let found = path.exists().then(|| Included::Paths(vec![path]));
            return Ok(found.unwrap_or(Included::Missing));
        }
        let folder = glob::Pattern::escape(&self.folder.to_string_lossy());
        let pattern = Path::new(&folder).join(pattern);
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let found = glob::glob_with(&pattern.to_string_lossy(), options)
            .map_err(|error| format!("invalid include pattern: {error}"))?;
        Ok(Included::Paths(found.filter_map(Result::ok).take(FILES_MAX + 1).collect()))
    }
}

/// The error of a place.
pub(super) fn wrong(file: &Path, line: u32, message: String) -> ConfError {
    ConfError { message, file: shown(file), line }
}

/// A path as messages and places name it.
pub(super) fn shown(file: &Path) -> String {
    file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
