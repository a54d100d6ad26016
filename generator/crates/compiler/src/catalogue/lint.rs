//! The faults of accepted warnings: they are found in the report, and not in the topology.

use super::Entry;
use crate::check::Theme;
use crate::diagnostic::Severity;

/// An accepted code that no warning has.
pub const UNKNOWN: Entry = Entry {
    code: "lint-allow-unknown",
    severity: Severity::Error,
    theme: Theme::File,
    summary: "a `[[lint.allow]]` names no warning",
explain: "\
An entry of `[[lint.allow]]` accepts one warning, by its code, with the reason for whoever reads it next \
year. A code that no warning has accepts nothing, and looks as if it did; and an error cannot be \
accepted, because the cluster would not work, or not be private.

Correct the code: it stands in brackets in the report, as in `warning[ssh-open-to-world]`, and \
`docs/rules.md` lists all.",
};

/// An accepted warning that is not reported.
pub const UNUSED: Entry = Entry {
    code: "lint-allow-unused",
    severity: Severity::Warning,
    theme: Theme::File,
    summary: "a `[[lint.allow]]` accepts a warning that there is not",
explain: "\
The warning that this entry accepts is not given any more: what it was about has been corrected, or the \
entry came with a table that was copied. Left in place it would silently accept the same warning when it \
comes back, for another reason than the one that is written there.

Remove the entry.",
};

/// All of them.
pub(super) const ENTRIES: [Entry; 2] = [UNKNOWN, UNUSED];
