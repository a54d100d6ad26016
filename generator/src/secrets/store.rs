//! The folder that keeps the secrets: one file each, of mode 0600 in folders of mode 0700.
//!
//! Without recipients the files are plain and hidden from git. With recipients each is sealed as
//! `<name>.age`, and no plain byte ever touches the disk. Both forms are read, whichever is asked
//! for, so that no secret is made anew because the topology has changed its mind.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::seal::{Closed, Identities, Recipients};
use super::secret::Secret;
use crate::file;

/// Keeps git from taking what is plain.
const GITIGNORE: &str = ".gitignore";
const GITIGNORE_PLAIN: &str = "*\n";
const GITIGNORE_SEALED: &str = "*\n!*/\n!*.age\n!.gitignore\n!recipients\n";

/// Whom the files are sealed to, as `age -R` reads it.
const RECIPIENTS: &str = "recipients";

/// The folders whose files are ours. Beside them people keep what they like, such as agenix's rules.
const FOLDERS: [&str; 4] = ["clients", "cluster", "nodes", "preshared"];

/// What ends the name of a sealed file.
const SEALED: &str = ".age";

/// More than any secret has; a larger file is none of ours.
const LARGEST: usize = 64 * 1024;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The system's word.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// A verb: `read`, `create`.
        action: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A sealed file, and nothing to open it with.
    #[error("{} is encrypted, and there is no identity to decrypt it with", path.display())]
    NoIdentity {
        /// The file.
        path: PathBuf,
    },
    /// A sealed file that others can open.
    #[error("{} is encrypted to none of the identities", path.display())]
    ToOthers {
        /// The file.
        path: PathBuf,
    },
    /// A sealed file that nobody can open.
    #[error("cannot decrypt {}: {reason}", path.display())]
    Decrypt {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file that cannot be sealed.
    #[error("cannot encrypt {}: {reason}", path.display())]
    Encrypt {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A secret that is needed and not there.
    #[error("there is no {}", path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// A file that holds something else.
    #[error("{} does not hold what it should", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
    },
    /// A secret that is there in both forms, and they differ.
    #[error("{} and {} hold different secrets", plain.display(), sealed.display())]
    Ambiguous {
        /// The plain one.
        plain: PathBuf,
        /// The sealed one.
        sealed: PathBuf,
    },
}

impl Error {
    fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { action, path: path.to_owned(), source }
    }

    /// What to do about it.
    pub(crate) fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoIdentity { .. } => Some("name the file of your age or SSH key with --identity"),
            Self::ToOthers { .. } => Some("name the identity of a recipient with --identity"),
            Self::Ambiguous { .. } => Some("move the one away that is outdated"),
            Self::Missing { .. } => Some("run `meshwright keys`"),
            Self::Unusable { .. } => Some("`meshwright keys --check` says more"),
            Self::File { .. } | Self::Decrypt { .. } | Self::Encrypt { .. } => None,
        }
    }
}

/// How a file is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Plain,
    Sealed,
}

/// What there is of one secret.
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// The secret.
    Open(Secret),
    /// A sealed file, and no identity was given.
    Sealed,
}

/// In what the files differ from what the topology asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outdated {
    /// Some are plain, and there are recipients.
    Plain,
    /// Some are sealed, and there are no recipients.
    Sealed,
    /// They are sealed to others.
    Recipients,
}

/// The store of one cluster. It need not exist before something is put into it.
pub(crate) struct Store {
    root: PathBuf,
    recipients: Option<Recipients>,
    identities: Identities,
}

impl Store {
    /// The store in that folder: sealed to these recipients, or plain without any.
    #[must_use]
    pub(crate) fn new(
        root: impl Into<PathBuf>,
        recipients: Option<Recipients>,
        identities: Identities,
    ) -> Self {
        Self { root: root.into(), recipients, identities }
    }

    /// The path of a secret, for messages: where it is, else where it would be.
    #[must_use]
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let mut paths = self.forms().map(|form| self.file(name, form)).into_iter();
        let there = paths.clone().find(|path| path.exists());
        there.or_else(|| paths.next()).unwrap_or_default()
    }

    /// The path of a folder, for messages.
    #[must_use]
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Reads a secret; none if there is no such file.
    ///
    /// # Errors
    ///
    /// When it cannot be read, for want of an identity too.
    pub(super) fn read(&self, name: &str) -> Result<Option<Secret>, Error> {
        match self.find(name)? {
            Found::Nothing => Ok(None),
            Found::Open(secret) => Ok(Some(secret)),
            Found::Sealed => Err(Error::NoIdentity { path: self.path(name) }),
        }
    }

    /// Reads a secret that has to be there.
    ///
    /// # Errors
    ///
    /// As of [`Store::read`], and when there is no such file.
    pub(super) fn require(&self, name: &str) -> Result<Secret, Error> {
        self.read(name)?.ok_or_else(|| Error::Missing { path: self.path(name) })
    }

    /// Reads a secret as far as it can be opened.
    pub(super) fn find(&self, name: &str) -> Result<Found, Error> {
        for form in self.forms() {
            match self.find_form(name, form)? {
                Found::Nothing => {}
                found => return Ok(found),
            }
        }
        Ok(Found::Nothing)
    }

    fn find_form(&self, name: &str, form: Form) -> Result<Found, Error> {
        let path = self.file(name, form);
        let bytes = match read_small(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(error) => return Err(Error::file("read", &path)(error)),
        };
        match form {
            Form::Plain => Ok(Found::Open(bytes.into())),
            Form::Sealed if self.identities.is_empty() => Ok(Found::Sealed),
            Form::Sealed => {
                let opened = self.identities.open(&bytes).map(Found::Open);
                opened.map_err(|closed| match closed {
                    Closed::ToOthers => Error::ToOthers { path },
                    Closed::Broken(reason) => Error::Decrypt { path, reason },
                })
            }
        }
    }

    /// The names of the folders in a folder, in their order; none if it is not there.
    pub(super) fn folders(&self, name: &str) -> Result<Vec<String>, Error> {
        let path = self.root.join(name);
        let entries = entries(&path).map_err(Error::file("read", &path))?;
        Ok(entries.into_iter().filter(|(_, is_dir)| *is_dir).map(|(name, _)| name).collect())
    }

    /// Keeps a secret that is not there yet; nothing is ever overwritten.
    pub(super) fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let [form, other] = self.forms();
        let taken = self.file(name, other);
        if taken.exists() {
            return Err(Error::file("create", &taken)(ErrorKind::AlreadyExists.into()));
        }
        self.open()?;
        self.put(name, form, bytes)
    }

    fn put(&self, name: &str, form: Form, bytes: &[u8]) -> Result<(), Error> {
        let path = self.file(name, form);
        let content = self.content(&path, bytes)?;
        make_folder(path.parent().unwrap_or(&self.root))?;
        file::create_private(&path, &content).map_err(Error::file("create", &path))
    }

    /// What is written of a secret.
    fn content(&self, path: &Path, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let content = match &self.recipients {
            None => Ok(bytes.to_vec()),
            Some(recipients) => recipients.seal(bytes),
        };
        let path = path.to_owned();
        content.map(Zeroizing::new).map_err(|reason| Error::Encrypt { path, reason })
    }

    /// In what the files differ from what the topology asks for, if in anything.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn outdated(&self) -> Result<Option<Outdated>, Error> {
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
            read => Some(read.map_err(Error::file("read", &path))?),
        };
        let is_current = match written {
            Some(lines) => lines == recipients.lines,
            None => forms.is_empty(),
        };
        Ok((!is_current).then_some(Outdated::Recipients))
    }

    /// Brings every file into the form that the topology asks for, sealed to its recipients, and
    /// returns how many there are. Nothing changes before all of them have been read.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written; a second run then finishes.
    pub(crate) fn recrypt(&self) -> Result<usize, Error> {
        let mut names: Vec<_> = self.names()?.into_iter().map(|(name, _)| name).collect();
        names.dedup();
        let read = names.iter().map(|name| Ok((name, self.read_both(name)?)));
        let secrets = read.collect::<Result<Vec<_>, Error>>()?;
        self.open()?;
        for (name, secret) in &secrets {
            self.rewrite(name, secret)?;
        }
        self.write_settings()?;
        Ok(secrets.len())
    }

    /// Reads a secret that may have been left in both forms by an interrupted run.
    fn read_both(&self, name: &str) -> Result<Secret, Error> {
        let forms = [Form::Plain, Form::Sealed].map(|form| self.find_form(name, form));
        match forms {
            [Ok(Found::Open(plain)), Ok(Found::Open(sealed))]
                if plain.expose() != sealed.expose() =>
            {
                let [plain, sealed] = [Form::Plain, Form::Sealed].map(|form| self.file(name, form));
                Err(Error::Ambiguous { plain, sealed })
            }
            [Err(error), _] | [_, Err(error)] => Err(error),
            [Ok(Found::Open(secret)), _] | [_, Ok(Found::Open(secret))] => Ok(secret),
            _ => Err(Error::NoIdentity { path: self.path(name) }),
        }
    }

    fn rewrite(&self, name: &str, secret: &Secret) -> Result<(), Error> {
        let [form, other] = self.forms();
        let (path, outdated) = (self.file(name, form), self.file(name, other));
        if !path.exists() {
            self.put(name, form, secret.expose())?;
        } else if form == Form::Sealed {
            let content = self.content(&path, secret.expose())?;
            file::replace(&path, &content).map_err(Error::file("write", &path))?;
        }
        match fs::remove_file(&outdated) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Error::file("remove", &outdated)(error))
            }
            _ => Ok(()),
        }
    }

    /// The form that is written, and the other.
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

    /// Every secret that there is, by name, each with its form.
    fn names(&self) -> Result<Vec<(String, Form)>, Error> {
        let mut names = Vec::new();
        for folder in FOLDERS {
            self.add_names(folder, &mut names)?;
        }
        names.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(names)
    }

    fn add_names(&self, folder: &str, names: &mut Vec<(String, Form)>) -> Result<(), Error> {
        let path = self.root.join(folder);
        for (name, is_dir) in entries(&path).map_err(Error::file("read", &path))? {
            let name = format!("{folder}/{name}");
            match name.strip_suffix(SEALED) {
                _ if is_dir => self.add_names(&name, names)?,
                Some(name) => names.push((name.to_owned(), Form::Sealed)),
                None => names.push((name, Form::Plain)),
            }
        }
        Ok(())
    }

    /// Whether its `.gitignore` is the one that is written for a plain store.
    pub(crate) fn is_ignored_by_git(&self) -> bool {
        let ignored = fs::read(self.root.join(GITIGNORE));
        ignored.is_ok_and(|text| text == GITIGNORE_PLAIN.as_bytes())
    }

    /// Makes the folder, and what is written beside the secrets.
    fn open(&self) -> Result<(), Error> {
        make_folder(&self.root)?;
        let is_set = |file: &str| self.root.join(file).exists();
        match is_set(GITIGNORE) && is_set(RECIPIENTS) == self.recipients.is_some() {
            true => Ok(()),
            false => self.write_settings(),
        }
    }

    /// Writes what git may take and whom the files are sealed to. A `.gitignore` that people have
    /// edited is theirs.
    fn write_settings(&self) -> Result<(), Error> {
        let (ignored, other) = match self.recipients {
            None => (GITIGNORE_PLAIN, GITIGNORE_SEALED),
            Some(_) => (GITIGNORE_SEALED, GITIGNORE_PLAIN),
        };
        let path = self.root.join(GITIGNORE);
        match fs::read(&path) {
            Ok(text) if text != other.as_bytes() => {}
            Ok(_) => write(&path, ignored)?,
            Err(fault) if fault.kind() == ErrorKind::NotFound => write(&path, ignored)?,
            Err(fault) => return Err(Error::file("read", &path)(fault)),
        }
        let path = self.root.join(RECIPIENTS);
        match &self.recipients {
            Some(recipients) => write(&path, &recipients.lines),
            None if path.exists() => fs::remove_file(&path).map_err(Error::file("remove", &path)),
            None => Ok(()),
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    let written = match file::create_private(path, text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            file::replace(path, text.as_bytes())
        }
        created => created,
    };
    written.map_err(Error::file("write", path))
}

/// What is in a folder, in the order of the names, each with whether it is a folder itself. What
/// begins with a dot is none of ours: such as a file that a killed run was writing.
fn entries(folder: &Path) -> io::Result<Vec<(String, bool)>> {
    let read = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read?,
    };
    let mut entries = Vec::new();
    for entry in read {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if !name.starts_with('.') {
            entries.push((name, entry.file_type()?.is_dir()));
        }
    }
    entries.sort();
    Ok(entries)
}

/// Creates a folder and its parents, private from the moment they exist. The umask is undone level by
/// level: one that takes the owner's own rights would lock us out of the next.
fn make_folder(folder: &Path) -> Result<(), Error> {
    let missing = folder.ancestors().take_while(|path| !path.as_os_str().is_empty());
    let missing: Vec<_> = missing.take_while(|path| !path.exists()).collect();
    for path in missing.into_iter().rev() {
        let made = match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
            Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o700)),
        };
        made.map_err(Error::file("create", path))?;
    }
    Ok(())
}

/// Reads into a buffer that never grows: one that does leaves copies behind.
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
