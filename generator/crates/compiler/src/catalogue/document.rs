//! The faults of the document's shape, which are found while it is read: no rule checks them.

use super::Entry;
use crate::check::Theme;
use crate::diagnostic::{ERRORS_TOO_MANY, Severity};
use crate::document;
use crate::topology;

/// What is known of each.
pub(super) const ENTRIES: [Entry; 7] = [
    Entry {
        code: document::FILE_TOO_LARGE,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "the file is larger than a topology can be",
        explain: "\
A topology of five thousand nodes takes less than a mebibyte, and Kubernetes carries no more nodes than \
that. A file that is larger was most probably not meant: an image, a log, the output of a loop. It is not \
read, so that nobody waits for the report of a million faults.",
    },
    Entry {
        code: ERRORS_TOO_MANY,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "there are more errors than anybody reads",
        explain: "\
Ten thousand errors are told, in every format; the next one says that there are more, and where. Nothing \
is looked for behind them. So many come from a file that is no topology or that a program has damaged, \
and most of them from few causes: mend those that are told, then check again.",
    },
    Entry {
        code: document::SYNTAX,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "the file is not TOML",
        explain: "\
The text breaks TOML's grammar, and nothing behind that place can be relied on: no other check runs until \
it is mended. Mostly a quote, a bracket or the `=` is missing, or a key or table is written twice.

Source: <https://toml.io/en/v1.1.0>.",
    },
    Entry {
        code: topology::KEY_UNKNOWN,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "a table has a key that nothing reads",
        explain: "\
A key that is not known is most often a known one, misspelt, or one that stands in the wrong table: \
under `[[nodes]]` instead of above it. If it were ignored, its default would apply without a word. So it is \
an error, with the key that was probably meant or the table that it belongs in.",
    },
    Entry {
        code: topology::KEY_MISSING,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "a key that has no default is absent",
        explain: "\
What can be derived or has a good default may be left out. The rest nobody can guess: what the cluster \
and its nodes are called, their ids and roles, and the version of Kubernetes. `docs/topology.md` says which \
keys must be there.",
    },
    Entry {
        code: topology::TYPE_MISMATCH,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "a value has another TOML type than its key takes",
        explain: "\
TOML tells a string from a number, a boolean, an array and a table, and each key takes one of them: \
`id = 1` without quotes, `kubernetes_version = \"1.37.2\"` with them, `ssh_from = [\"203.0.113.7\"]` as an array \
even of one.",
    },
    Entry {
        code: topology::VALUE_MALFORMED,
        severity: Severity::Error,
        theme: Theme::File,
        summary: "a value is not what its key holds",
        explain: "\
The value has the right TOML type, and is not an address, a name, a key or whatever its key holds. Taken as \
it is, it would fail much later: on a machine, in the middle of its first boot. Where the right value \
follows from what was written, the help names it.",
    },
];
