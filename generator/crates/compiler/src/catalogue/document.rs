//! Codes of the reader of the document: TOML syntax, unknown and missing keys, values of a wrong
//! type or form. No rule reports these.

use super::Entry;
use crate::check::Theme;
use crate::diagnostic::{ERRORS_TOO_MANY, Severity};
use crate::document;
use crate::topology;

/// All codes of the reader.
pub(super) const ENTRIES: [Entry; 8] = [
    Entry {
        code: document::FILE_TOO_LARGE,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "the file is larger than a topology can be",
        explain: "\
A topology of five thousand nodes has less than one mebibyte, and Kubernetes supports no more nodes. A \
larger file is probably a mistake: an image, a log, or the output of a loop. It is not read, so that \
you do not wait for the report of a million errors.

Check the path of the file.",
    },
    Entry {
        code: ERRORS_TOO_MANY,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "there are more errors than the report can hold",
        explain: "\
The report ends after ten thousand errors, in every format. The last entry shows the place of the next \
error; later errors are not reported. So many errors usually have few causes: the file is not a \
topology, or a program has damaged it.

Fix the errors that are reported, then check again.",
    },
    Entry {
        code: document::SYNTAX,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "the file is not valid TOML",
        explain: "\
The text does not follow the grammar of TOML. Everything after this place is uncertain, so no other \
check runs until you fix it. Usually a quote, a bracket or the `=` is missing, or a key or table is \
written twice.

Source: <https://toml.io/en/v1.1.0>.",
    },
    Entry {
        code: topology::KEY_UNKNOWN,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "a table has an unknown key",
        explain: "\
An unknown key is usually misspelt, or in the wrong table, for example under `[[nodes]]` instead of \
above it. If it were ignored, the default of the right key would apply without an error message. So it \
is an error. The help names the key that is probably meant, or the table that the key belongs in.",
    },
    Entry {
        code: topology::KEY_MISSING,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "a required key is missing",
        explain: "\
A key may be left out if its value can be derived or has a good default. Other values cannot be \
guessed: the names of the cluster and its nodes, their ids and roles, and the version of Kubernetes. \
Add the key. `docs/topology.md` lists the required keys.",
    },
    Entry {
        code: topology::TYPE_MISMATCH,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "a value has the wrong TOML type for its key",
        explain: "\
TOML has strings, numbers, booleans, arrays and tables, and each key accepts one of these types: `id = \
1` without quotes, `kubernetes_version = \"1.37.2\"` with quotes, `ssh_from = [\"203.0.113.7\"]` as an \
array, even with one element. The message names the right type.",
    },
    Entry {
        code: topology::VALUE_MALFORMED,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "a value is not valid for its key",
        explain: "\
The value has the right TOML type, but it is not a valid address, name or key, or not valid for this \
key in another way. It would cause an error much later: on a machine, during its first boot. If the \
right value follows from the wrong one, the help shows it.",
    },
    Entry {
        code: topology::SECRET_IN_TOPOLOGY,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "a valid value looks like a secret",
        explain: "\
A token or a private key can be a valid name, label or host. Then it would be copied into the files of \
`out/`, and committed with them and with this file: everyone who may read the repository, now or later, \
has it. Forms that are recognised: keys of age, tokens of kubeadm (`abcdef.0123456789abcdef`), GitHub \
and GitLab, JSON Web Tokens, PEM blocks, passwords in URLs, and long random letters and digits, such as \
tokens of Cloudflare, except in addresses and hostnames. The value is not printed.

Remove it. If it was committed or pushed, revoke it: it stays in the history. Secrets belong in the \
store, which `meshwright keys` fills (`docs/secrets.md`). If it is a name that only looks random, choose \
another one.

Source: kubernetes.io, \"Authenticating with Bootstrap Tokens\"; docs.github.com, \"About authentication \
to GitHub\"; docs.gitlab.com, \"Token prefixes\".",
    },
];
