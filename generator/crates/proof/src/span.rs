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
pub struct TreePaths {
    paths: Vec<String>,
    /// The number of the first file. Trees that are compared have different numbers, so that a [`FileId`]
    /// belongs to one of them.
    first: u32,
}

impl TreePaths {
    /// All files of a tree.
    #[must_use]
    pub fn new(paths: Vec<String>) -> Self {
        Self::numbered_from(0, paths)
    }

    /// All files of a tree, numbered from `first`.
    pub(crate) fn numbered_from(first: u32, mut paths: Vec<String>) -> Self {
        paths.sort_unstable();
        Self { paths, first }
    }

    /// The number after the last file.
    pub(crate) fn end(&self) -> u32 {
        self.id(self.paths.len()).0
    }

    /// The file at a position.
    fn id(&self, position: usize) -> FileId {
        FileId(self.first.saturating_add(u32::try_from(position).unwrap_or(u32::MAX)))
    }

    /// All files, in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &str)> {
        (self.first..).map(FileId).zip(self.paths.iter().map(String::as_str))
    }

    /// The file of this path, if the tree has it.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<FileId> {
        let found = self.paths.binary_search_by(|known| known.as_str().cmp(path)).ok()?;
        Some(self.id(found))
    }

    /// The files of a folder, whose name ends in `/`, and of the folders in it.
    pub(crate) fn below(&self, folder: &str) -> impl Iterator<Item = (FileId, &str)> {
        let start = self.paths.partition_point(|path| path.as_str() < folder);
        let paths = self.paths[start..].iter().map(String::as_str);
        (self.id(start).0..).map(FileId).zip(paths.take_while(move |path| path.starts_with(folder)))
    }

    /// Whether it is a file of this tree.
    #[must_use]
    pub fn contains(&self, file: FileId) -> bool {
        (self.first..self.end()).contains(&file.0)
    }

    /// The path of a file.
    #[must_use]
    pub fn path(&self, file: FileId) -> &str {
        &self.paths[(file.0 - self.first) as usize]
    }

    /// `path:line`, the form that editors and CI systems link.
    #[must_use]
    pub fn show(&self, place: FileLine) -> String {
        let path = self.path(place.file);
        if place.line == 0 { path.to_owned() } else { format!("{path}:{}", place.line) }
    }
}
