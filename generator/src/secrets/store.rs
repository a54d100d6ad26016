//! The folder with the secrets: one file each, with mode 0600 in folders with mode 0700.
//!
//! Without recipients the files are plain and ignored by git. With recipients each file is encrypted
//! as `<name>.age`, and no plain byte is written to the disk. Both forms are always read, so that no
//! secret is generated again after a change of the recipients in the topology.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::seal::{DecryptFailure, Identities, Recipients};
use super::secret::Secret;
use crate::file;

/// Makes git ignore plain files.
const GITIGNORE: &str = ".gitignore";
const GITIGNORE_PLAIN: &str = "*\n";
const GITIGNORE_SEALED: &str = "*\n!*/\n!*.age\n!.gitignore\n!recipients\n";

/// The recipients of the files, as `age -R` reads them.
const RECIPIENTS: &str = "recipients";

/// The folders with secrets. Users may keep other files beside them, such as agenix's rules.
const FOLDERS: [&str; 4] = ["clients", "cluster", "nodes", "preshared"];

/// The suffix of an encrypted file.
const SEALED: &str = ".age";

/// The size limit in bytes. No secret is as large.
const LARGEST: usize = 64 * 1024;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// An I/O error.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// The action: `read`, `create` …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file is encrypted, and no identity was given.
    #[error("{} is encrypted, and no identity was given", path.display())]
    NoIdentity {
        /// The file.
        path: PathBuf,
    },
    /// A file is encrypted for other recipients.
    #[error("{} is not encrypted for any of the given identities", path.display())]
    OtherRecipients {
        /// The file.
        path: PathBuf,
    },
    /// A file is damaged.
    #[error("cannot decrypt {}: {reason}", path.display())]
    Decrypt {
        /// The file.
        path: PathBuf,
        /// The cause.
        reason: String,
    },
    /// Encryption failed.
    #[error("cannot encrypt {}: {reason}", path.display())]
    Encrypt {
        /// The file.
        path: PathBuf,
        /// The cause.
        reason: String,
    },
    /// A required secret is missing.
    #[error("{} is missing", path.display())]
    Missing {
        /// The expected path.
        path: PathBuf,
    },
    /// A file contains something else than the expected secret.
    #[error("{} does not contain the expected secret", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
    },
    /// A secret exists in both forms, and they differ.
    #[error("{} and {} contain different secrets", plain.display(), sealed.display())]
    Ambiguous {
        /// The plain file.
        plain: PathBuf,
        /// The encrypted file.
        sealed: PathBuf,
    },
}

impl StoreError {
    fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }

    /// How to correct it.
    pub(crate) fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoIdentity { .. } => Some("name the file of your age or SSH key with --identity"),
            Self::OtherRecipients { .. } => {
                Some("name the identity of a recipient with --identity")
            }
            Self::Ambiguous { .. } => Some("move the outdated file away"),
            Self::Missing { .. } => Some("run `meshwright keys`"),
            Self::Unusable { .. } => Some("run `meshwright keys --check` for the cause"),
            Self::File { .. } | Self::Decrypt { .. } | Self::Encrypt { .. } => None,
        }
    }
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Sealed,
}

/// A secret that was looked up.
pub(super) enum Found {
    /// There is no file.
    Nothing,
    /// The secret.
    Open(Secret),
    /// The file is encrypted, and no identity was given.
    Sealed,
}

/// How the files differ from the form that the topology requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outdated {
    /// Some files are plain, and there are recipients.
    Plain,
    /// Some files are encrypted, and there are no recipients.
    Sealed,
    /// The files are encrypted for other recipients.
    Recipients,
}

/// The store of one cluster. The folder is created with its first file.
pub(crate) struct Store {
    root: PathBuf,
    recipients: Option<Recipients>,
    identities: Identities,
}

impl Store {
    /// The store in a folder: encrypted for these recipients, plain without recipients.
    #[must_use]
    pub(crate) fn new(
        root: impl Into<PathBuf>,
        recipients: Option<Recipients>,
        identities: Identities,
    ) -> Self {
        Self { root: root.into(), recipients, identities }
    }

    /// The path of a secret, for messages: of the existing file, otherwise of the file to create.
    #[must_use]
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let mut paths = self.forms().map(|form| self.file(name, form)).into_iter();
        let existing = paths.clone().find(|path| path.exists());
        existing.or_else(|| paths.next()).unwrap_or_default()
    }

    /// The path of a folder, for messages.
    #[must_use]
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Reads a secret; `None` if there is no file.
    ///
    /// # Errors
    ///
    /// When it cannot be read or decrypted.
    pub(super) fn read(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        match self.find(name)? {
            Found::Nothing => Ok(None),
            Found::Open(secret) => Ok(Some(secret)),
            Found::Sealed => Err(StoreError::NoIdentity { path: self.path(name) }),
        }
    }

    /// Reads a required secret.
    ///
    /// # Errors
    ///
    /// As for [`Store::read`], and when there is no file.
    pub(super) fn require(&self, name: &str) -> Result<Secret, StoreError> {
        self.read(name)?.ok_or_else(|| StoreError::Missing { path: self.path(name) })
    }

    /// Looks a secret up in both forms, and decrypts it if an identity was given.
    pub(super) fn find(&self, name: &str) -> Result<Found, StoreError> {
        for form in self.forms() {
            match self.find_form(name, form)? {
                Found::Nothing => {}
                found => return Ok(found),
            }
        }
        Ok(Found::Nothing)
    }

    fn find_form(&self, name: &str, form: Form) -> Result<Found, StoreError> {
        let path = self.file(name, form);
        let bytes = match read_small(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(StoreError::file("read", &path)(error)),
        };
        match form {
            Form::Plain => Ok(Found::Open(bytes.into())),
            Form::Sealed if self.identities.is_empty() => Ok(Found::Sealed),
            Form::Sealed => {
                let opened = self.identities.open(&bytes).map(Found::Open);
                opened.map_err(|closed| match closed {
                    DecryptFailure::OtherRecipients => StoreError::OtherRecipients { path },
                    DecryptFailure::Damaged(reason) => StoreError::Decrypt { path, reason },
                })
            }
        }
    }

    /// The names of the folders in a folder, sorted; empty if the folder does not exist.
    pub(super) fn folders(&self, name: &str) -> Result<Vec<String>, StoreError> {
        let path = self.root.join(name);
        let entries = read_folder(&path).map_err(StoreError::file("read", &path))?;
        Ok(entries.into_iter().filter(|(_, is_dir)| *is_dir).map(|(name, _)| name).collect())
    }

    /// Writes a new secret; an existing file is never overwritten.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let [form, other] = self.forms();
        let other_path = self.file(name, other);
        if other_path.exists() {
            return Err(StoreError::file("create", &other_path)(ErrorKind::AlreadyExists.into()));
        }
        self.prepare()?;
        self.put(name, form, bytes)
    }

    /// Gives a file another name, in both forms. No file has that name.
    pub(super) fn rename(&self, name: &str, new: &str) -> Result<(), StoreError> {
        for form in self.forms() {
            let path = self.file(name, form);
            if path.exists() {
                fs::rename(&path, self.file(new, form))
                    .map_err(StoreError::file("rename", &path))?;
            }
        }
        Ok(())
    }

    /// Deletes a file, in both forms.
    pub(super) fn delete(&self, name: &str) -> Result<(), StoreError> {
        for form in self.forms() {
            let path = self.file(name, form);
            if path.exists() {
                fs::remove_file(&path).map_err(StoreError::file("delete", &path))?;
            }
        }
        Ok(())
    }

    fn put(&self, name: &str, form: Form, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.file(name, form);
        let content = self.content(&path, bytes)?;
        make_folder(path.parent().unwrap_or(&self.root))?;
        file::create_private(&path, &content).map_err(StoreError::file("create", &path))
    }

    /// The bytes of the file: the secret, encrypted if there are recipients.
    fn content(&self, path: &Path, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let content = match &self.recipients {
            None => Ok(bytes.to_vec()),
            Some(recipients) => recipients.seal(bytes),
        };
        content
            .map(Zeroizing::new)
            .map_err(|reason| StoreError::Encrypt { path: path.to_owned(), reason })
    }

    /// How the files differ from the form that the topology requires.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn outdated(&self) -> Result<Option<Outdated>, StoreError> {
        let forms: Vec<_> = self.names()?.into_iter().map(|(_, form)| form).collect();
        let Some(recipients) = &self.recipients else {
            return Ok(forms.contains(&Form::Sealed).then_some(Outdated::Sealed));
        };
        if forms.contains(&Form::Plain) {
            return Ok(Some(Outdated::Plain));
        }
        let path = self.root.join(RECIPIENTS);
        let written = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            read => Some(read.map_err(StoreError::file("read", &path))?),
        };
        let is_current = match written {
            Some(lines) => lines == recipients.lines,
            None => forms.is_empty(),
        };
        Ok((!is_current).then_some(Outdated::Recipients))
    }

    /// Writes every file again in the form that the topology requires, and returns the number of files.
    /// No file changes before all have been read.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written; a second run completes the work.
    pub(crate) fn recrypt(&self) -> Result<usize, StoreError> {
        let secrets = self.secrets()?;
        self.prepare()?;
        for (name, secret) in &secrets {
            self.rewrite(name, secret)?;
        }
        self.write_settings()?;
        Ok(secrets.len())
    }

    /// Reads every file, and returns their number.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub(crate) fn read_all(&self) -> Result<usize, StoreError> {
        Ok(self.secrets()?.len())
    }

    fn secrets(&self) -> Result<Vec<(String, Secret)>, StoreError> {
        let mut names: Vec<_> = self.names()?.into_iter().map(|(name, _)| name).collect();
        names.dedup();
        let read = names.into_iter().map(|name| self.read_both(&name).map(|secret| (name, secret)));
        read.collect()
    }

    /// Reads a secret that may exist in both forms after an interrupted run.
    fn read_both(&self, name: &str) -> Result<Secret, StoreError> {
        let forms = [Form::Plain, Form::Sealed].map(|form| self.find_form(name, form));
        match forms {
            [Ok(Found::Open(plain)), Ok(Found::Open(sealed))]
                if plain.expose() != sealed.expose() =>
            {
                let [plain, sealed] = [Form::Plain, Form::Sealed].map(|form| self.file(name, form));
                Err(StoreError::Ambiguous { plain, sealed })
            }
            [Err(error), _] | [_, Err(error)] => Err(error),
            [Ok(Found::Open(secret)), _] | [_, Ok(Found::Open(secret))] => Ok(secret),
            _ => Err(StoreError::NoIdentity { path: self.path(name) }),
        }
    }

    fn rewrite(&self, name: &str, secret: &Secret) -> Result<(), StoreError> {
        let [form, other] = self.forms();
        let (path, outdated) = (self.file(name, form), self.file(name, other));
        if !path.exists() {
            self.put(name, form, secret.expose())?;
        } else if form == Form::Sealed {
            let content = self.content(&path, secret.expose())?;
            file::replace(&path, &content).map_err(StoreError::file("write", &path))?;
        }
        match fs::remove_file(&outdated) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(StoreError::file("remove", &outdated)(error))
            }
            _ => Ok(()),
        }
    }

    /// The form that is written, then the other.
    fn forms(&self) -> [Form; 2] {
        match self.recipients {
            None => [Form::Plain, Form::Sealed],
            Some(_) => [Form::Sealed, Form::Plain],
        }
    }

    fn file(&self, name: &str, form: Form) -> PathBuf {
        match form {
            Form::Plain => self.root.join(name),
            Form::Sealed => self.root.join(format!("{name}{SEALED}")),
        }
    }

    /// The name and form of every file with a secret, sorted by name.
    fn names(&self) -> Result<Vec<(String, Form)>, StoreError> {
        let mut names = Vec::new();
        for folder in FOLDERS {
            self.add_names(folder, &mut names)?;
        }
        names.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(names)
    }

    fn add_names(&self, folder: &str, names: &mut Vec<(String, Form)>) -> Result<(), StoreError> {
        let path = self.root.join(folder);
        for (name, is_dir) in read_folder(&path).map_err(StoreError::file("read", &path))? {
            let name = format!("{folder}/{name}");
            match name.strip_suffix(SEALED) {
                _ if is_dir => self.add_names(&name, names)?,
                Some(name) => names.push((name.to_owned(), Form::Sealed)),
                None => names.push((name, Form::Plain)),
            }
        }
        Ok(())
    }

    /// The paths of all secrets that are not encrypted, sorted.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(super) fn plain_files(&self) -> Result<Vec<PathBuf>, StoreError> {
        let plain = self.names()?.into_iter().filter(|(_, form)| *form == Form::Plain);
        Ok(plain.map(|(name, form)| self.file(&name, form)).collect())
    }

    /// The temporary files of killed runs, in all folders.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn leftovers(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut folders = vec![self.root.clone()];
        folders.extend(FOLDERS.map(|folder| self.root.join(folder)));
        let mut leftovers = Vec::new();
        while let Some(folder) = folders.pop() {
            let is_root = folder == self.root;
            leftovers.extend(file::leftovers(&folder).map_err(StoreError::file("read", &folder))?);
            let entries = read_folder(&folder).map_err(StoreError::file("read", &folder))?;
            let inner = entries.into_iter().filter(|(_, is_dir)| *is_dir && !is_root);
            folders.extend(inner.map(|(name, _)| folder.join(name)));
        }
        leftovers.sort();
        Ok(leftovers)
    }

    /// Whether `.gitignore` is the unchanged one of a plain store.
    pub(crate) fn is_ignored_by_git(&self) -> bool {
        let ignored = fs::read(self.root.join(GITIGNORE));
        ignored.is_ok_and(|text| text == GITIGNORE_PLAIN.as_bytes())
    }

    /// Creates the folder, `.gitignore` and the list of recipients.
    fn prepare(&self) -> Result<(), StoreError> {
        make_folder(&self.root)?;
        let is_set = |file: &str| self.root.join(file).exists();
        match is_set(GITIGNORE) && is_set(RECIPIENTS) == self.recipients.is_some() {
            true => Ok(()),
            false => self.write_settings(),
        }
    }

    /// Writes `.gitignore` and the list of recipients. A `.gitignore` that a user has edited is kept.
    fn write_settings(&self) -> Result<(), StoreError> {
        let (ignored, other) = match self.recipients {
            None => (GITIGNORE_PLAIN, GITIGNORE_SEALED),
            Some(_) => (GITIGNORE_SEALED, GITIGNORE_PLAIN),
        };
        let gitignore = self.root.join(GITIGNORE);
        match fs::read(&gitignore) {
            Ok(text) if text != other.as_bytes() => {}
            Ok(_) => write(&gitignore, ignored)?,
            Err(fault) if fault.kind() == ErrorKind::NotFound => write(&gitignore, ignored)?,
            Err(fault) => return Err(StoreError::file("read", &gitignore)(fault)),
        }
        let list = self.root.join(RECIPIENTS);
        match &self.recipients {
            Some(recipients) => write(&list, &recipients.lines),
            None if list.exists() => {
                fs::remove_file(&list).map_err(StoreError::file("remove", &list))
            }
            None => Ok(()),
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), StoreError> {
    let written = match file::create_private(path, text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            file::replace(path, text.as_bytes())
        }
        created => created,
    };
    written.map_err(StoreError::file("write", path))
}

/// The entries of a folder, sorted by name, each with whether it is a folder. Names that begin with a
/// dot are omitted, such as the temporary file of a killed run.
fn read_folder(folder: &Path) -> io::Result<Vec<(String, bool)>> {
    let read = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read?,
    };
    let mut entries = Vec::new();
    for found in read {
        let entry = found?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with('.') {
            entries.push((name, entry.file_type()?.is_dir()));
        }
    }
    entries.sort();
    Ok(entries)
}

/// Creates a folder and its parents with mode 0700 from the start. The umask is corrected for each
/// level, because a umask that removes the owner's permissions would prevent the next level.
fn make_folder(folder: &Path) -> Result<(), StoreError> {
    let missing: Vec<_> = folder
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
        .collect();
    for path in missing.into_iter().rev() {
        let made = match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
            Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o700)),
        };
        made.map_err(StoreError::file("create", path))?;
    }
    Ok(())
}

/// Reads a file into a buffer that never grows: growing leaves copies of the secret in memory.
pub(crate) fn read_small(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; LARGEST + 1]);
    let mut file = fs::File::open(path)?;
    let mut length = 0;
    while length < bytes.len() {
        match io::Read::read(&mut file, &mut bytes[length..])? {
            0 => break,
            read => length += read,
        }
    }
    if length > LARGEST {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "too large for a secret"));
    }
    bytes.truncate(length);
    Ok(bytes)
}
