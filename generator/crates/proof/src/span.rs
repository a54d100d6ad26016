//! Lines of files: every value of the proof keeps the line that it was read from.

/// A file of the tree: its position in [`TreePaths`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(u32);

/// A line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileLine {
    /// The file.
    pub file: FileId,
    /// The line, from 1; 0 is the file as a whole, for example if a value is missing.
    pub line: u32,
}

impl FileId {
    /// A line of it.
    #[must_use]
    pub const fn line(self, line: u32) -> FileLine {
        FileLine { file: self, line }
    }

    /// The file as a whole.
    #[must_use]
    pub const fn whole(self) -> FileLine {
        self.line(0)
    }
}

/// A value with its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineSpanned<T> {
    /// The value.
    pub value: T,
    /// The line, from 1.
    pub line: u32,
}

/// A value with its file and line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSpanned<T> {
    /// The value.
    pub value: T,
    /// Its file and line.
    pub place: FileLine,
}

/// The paths of all files, below the output directory.
#[derive(Debug, Default)]
pub struct TreePaths(Vec<String>);

impl TreePaths {
    /// All files of a tree.
    #[must_use]
    pub fn new(mut paths: Vec<String>) -> Self {
        paths.sort_unstable();
        Self(paths)
    }

    /// All files, in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &str)> {
        (0..).map(FileId).zip(self.0.iter().map(String::as_str))
    }

    /// The file of this path, if the tree has it.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<FileId> {
        let found = self.0.binary_search_by(|known| known.as_str().cmp(path)).ok()?;
        u32::try_from(found).ok().map(FileId)
    }

    /// The files of a folder, whose name ends in `/`, and of the folders in it.
    pub(crate) fn below(&self, folder: &str) -> impl Iterator<Item = (FileId, &str)> {
        let start = self.0.partition_point(|path| path.as_str() < folder);
        let paths = self.0[start..].iter().map(String::as_str);
        (u32::try_from(start).unwrap_or(u32::MAX)..)
            .map(FileId)
            .zip(paths.take_while(move |path| path.starts_with(folder)))
    }

    /// The path of a file.
    #[must_use]
    pub fn path(&self, file: FileId) -> &str {
        &self.0[file.0 as usize]
    }

    /// `path:line`, the form that editors and CI systems link.
    #[must_use]
    pub fn show(&self, place: FileLine) -> String {
        let path = self.path(place.file);
        if place.line == 0 { path.to_owned() } else { format!("{path}:{}", place.line) }
    }
}
