//! Codes of `[[lint.allow]]`, which are found in the report and not in the topology.

use super::Entry;
use crate::check::Theme;
use crate::diagnostic::Severity;

/// The code of an entry that names no warning.
pub const UNKNOWN: Entry = Entry {
    code: "lint-allow-unknown",
    severity: Severity::Error,
    theme: Theme::File,
    summary: "a `[[lint.allow]]` does not name a warning",
    explain: "\
An entry of `[[lint.allow]]` accepts one warning, by its code. Its reason is for later readers of the \
file. An entry with the code of no warning has no effect. An error cannot be accepted, because the \
cluster would not work, or would not be private.

Correct the code. The report shows it in brackets, as in `warning[ssh-open-to-world]`, and \
`docs/rules.md` lists all codes.",
};

/// The code of an entry whose warning is not reported.
pub const UNUSED: Entry = Entry {
    code: "lint-allow-unused",
    severity: Severity::Warning,
    theme: Theme::File,
    summary: "a `[[lint.allow]]` accepts a warning that is not reported",
    explain: "\
The warning of this entry is not reported any more: the cause was corrected, or the entry was copied \
from another file. If the same warning comes back for another reason, this entry would hide it.

Remove the entry.",
};

/// All codes of `[[lint.allow]]`.
pub(super) const ENTRIES: [Entry; 2] = [UNKNOWN, UNUSED];
