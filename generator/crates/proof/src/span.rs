//! Where a fact stands: every fact of the proof can be looked up in the tree that it was read from.

/// A file of the tree: its position in [`Paths`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct File(u32);

/// A line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub file: File,
    /// The line, from 1; 0 is the file as a whole, such as for what is missing in it.
    pub line: u32,
}

impl File {
    /// A line of it.
    #[must_use]
    pub const fn line(self, line: u32) -> Place {
        Place { file: self, line }
    }

    /// The file as a whole.
    #[must_use]
    pub const fn whole(self) -> Place {
        self.line(0)
    }
}

/// A value with the line that it stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// The line, from 1.
    pub line: u32,
}

/// A value with the place that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

/// The paths of all files, below the output directory.
#[derive(Debug, Default)]
pub struct Paths(Vec<String>);

impl Paths {
    /// All files of a tree.
    #[must_use]
    pub fn new(mut paths: Vec<String>) -> Self {
        paths.sort_unstable();
        Self(paths)
    }

    /// All files, in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (File, &str)> {
        (0..).map(File).zip(self.0.iter().map(String::as_str))
    }

    /// The file of this path, if the tree has it.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<File> {
        let found = self.0.binary_search_by(|known| known.as_str().cmp(path)).ok()?;
        u32::try_from(found).ok().map(File)
    }

    /// The path of a file.
    #[must_use]
    pub fn path(&self, file: File) -> &str {
        &self.0[file.0 as usize]
    }

    /// `path:line`, as editors and CI take it.
    #[must_use]
    pub fn show(&self, place: Place) -> String {
        let path = self.path(place.file);
        if place.line == 0 { path.to_owned() } else { format!("{path}:{}", place.line) }
    }
}
