//! The differences between a file and the expected one, each at its line.

use std::collections::BTreeMap;

use super::latitude::{LATITUDES, LatitudeKind, NESTED, ORDERED};
use crate::read::data::{self, DataDocument, DataNode, DataScalar, DataValue};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// The line in the file that was found.
    pub line: u32,
    /// A description.
    pub message: String,
}

/// A step from a value to a part of it.
#[derive(Debug, Clone)]
enum Step {
    Key(String),
    /// The position in the list that was found.
    Item(usize),
}

/// The comparison of one file.
pub(super) struct Comparison<'a> {
    family: &'a str,
    kind: String,
    /// The object in words; empty for a document that is not an object.
    object: String,
    steps: Vec<Step>,
    differences: Vec<Difference>,
}

impl<'a> Comparison<'a> {
    pub(super) const fn new(family: &'a str) -> Self {
        Self {
            family,
            kind: String::new(),
            object: String::new(),
            steps: Vec::new(),
            differences: Vec::new(),
        }
    }

    /// The differences between all documents of a file. Documents are paired by kind and name, then by
    /// kind, then in their order.
    pub(super) fn documents(
        mut self,
        found: &[DataDocument],
        expected: &[DataDocument],
    ) -> Vec<Difference> {
        let same = |one: &&DataDocument, other: &&DataDocument| {
            one.kind == other.kind && one.name == other.name
        };
        let mut found: Vec<_> = found.iter().collect();
        let mut expected: Vec<_> = expected.iter().collect();
        let mut pairs = take_pairs(&mut found, &mut expected, same);
        let same_kind = |one: &&DataDocument, other: &&DataDocument| one.kind == other.kind;
        pairs.extend(take_pairs(&mut found, &mut expected, same_kind));
        pairs.extend(take_pairs(&mut found, &mut expected, |_, _| true));
        for (one, other) in pairs {
            self.kind.clone_from(&other.kind);
            self.object = named(other);
            self.node(&one.root, &other.root);
        }
        self.object.clear();
        for document in found {
            let message = format!("{} does not belong here", named(document));
            self.differences.push(Difference { line: document.root.line, message });
        }
        for document in expected {
            let message = format!("{} is missing", named(document));
            self.differences.push(Difference { line: 0, message });
        }
        self.differences.sort_by_key(|difference| difference.line);
        self.differences
    }

    fn node(&mut self, found: &DataNode, expected: &DataNode) {
        match (&found.value, &expected.value) {
            (DataValue::Scalar(one), DataValue::Scalar(other)) => {
                self.scalar(found.line, one, other);
            }
            (DataValue::List(one), DataValue::List(other)) => self.list(found.line, one, other),
            (DataValue::Map(one), DataValue::Map(other)) => self.map(found.line, one, other),
            (one, other) => {
                let message = format!("{}, not {}", shown(one), shown(other));
                self.differs(found.line, &message);
            }
        }
    }

    fn scalar(&mut self, line: u32, found: &DataScalar, expected: &DataScalar) {
        if is_equal(found, expected) {
            return;
        }
        if let (DataScalar::Text(one, first), DataScalar::Text(other, _)) = (found, expected)
            && self.ends(NESTED)
        {
            self.nested(first.saturating_sub(1), one, other);
            return;
        }
        let form = self.latitudes().into_iter().find_map(|kind| match kind {
            LatitudeKind::Free(form) => Some(form),
            LatitudeKind::Default(_) => None,
        });
        match form {
            Some(form) if form.contains(found) => {}
            Some(form) => self.differs(line, &format!("{found}: it must be {}", form.expected())),
            None => self.differs(line, &format!("{found}, not {expected}")),
        }
    }

    /// Compares a text that is itself a file.
    fn nested(&mut self, lines_before: u32, found: &str, expected: &str) {
        let one = data::read_after(lines_before, found);
        match (one.as_deref(), data::read(expected).as_deref()) {
            (Ok([one]), Ok([other])) => self.node(&one.root, &other.root),
            (Err(unread), _) => self.differs(unread.line, &format!("not YAML: {}", unread.message)),
            _ => self.differs(lines_before + 1, "more than one document"),
        }
    }

    fn map(
        &mut self,
        line: u32,
        found: &BTreeMap<String, DataNode>,
        expected: &BTreeMap<String, DataNode>,
    ) {
        for (key, one) in found {
            if let Some(other) = expected.get(key) {
                self.at(Step::Key(key.clone()), |inner| inner.node(one, other));
            }
        }
        let unknown = found.iter().filter(|(key, _)| !expected.contains_key(*key));
        let mut unknown: Vec<_> = unknown.map(|(key, node)| (node.line, key)).collect();
        unknown.sort_unstable();
        let absent = expected.iter().filter(|(key, _)| !found.contains_key(*key));
        let mut absent: Vec<_> = absent.collect();
        absent.retain(|(key, node)| !self.at(Step::Key((*key).clone()), |at| at.is_added(node)));
        let mut absent = absent.into_iter();
        for (unknown_line, key) in unknown {
            let message = match absent.next() {
                Some((missing, _)) => format!("`{key}`, and without `{missing}`"),
                None => format!("`{key}`, which does not belong here"),
            };
            self.has(unknown_line, &message);
        }
        for (key, node) in absent {
            self.has(line, &format!("no `{key}`, which is {}", shown(&node.value)));
        }
    }

    fn list(&mut self, line: u32, found: &[DataNode], expected: &[DataNode]) {
        let mut found: Vec<_> = found.iter().enumerate().collect();
        let mut expected: Vec<_> = expected.iter().collect();
        let mut pairs = Vec::new();
        if !self.ends(ORDERED) {
            let named = |one: &(usize, &DataNode), other: &&DataNode| {
                let name = one.1.field("name").and_then(DataNode::text);
                name.is_some() && name == other.field("name").and_then(DataNode::text)
            };
            pairs = take_pairs(&mut found, &mut expected, named);
            let equal = |one: &(usize, &DataNode), other: &&DataNode| {
                self.is_same(Step::Item(one.0), one.1, other)
            };
            pairs.extend(take_pairs(&mut found, &mut expected, equal));
        }
        pairs.extend(take_pairs(&mut found, &mut expected, |_, _| true));
        for ((position, one), other) in pairs {
            self.at(Step::Item(position), |inner| inner.node(one, other));
        }
        for (_, one) in found {
            self.has(one.line, &format!("{}, which does not belong here", shown(&one.value)));
        }
        for other in expected {
            self.has(line, &format!("no {}", shown(&other.value)));
        }
    }

    /// Whether two values differ nowhere.
    fn is_same(&self, step: Step, found: &DataNode, expected: &DataNode) -> bool {
        let steps = self.steps.iter().cloned().chain([step]).collect();
        let (kind, object) = (self.kind.clone(), String::new());
        let mut inner =
            Comparison { family: self.family, kind, object, steps, differences: Vec::new() };
        inner.node(found, expected);
        inner.differences.is_empty()
    }

    /// Whether a program adds this value where it is absent.
    fn is_added(&self, expected: &DataNode) -> bool {
        let text = match &expected.value {
            DataValue::Scalar(DataScalar::Text(text, _)) => text.clone(),
            DataValue::Scalar(DataScalar::Switch(value)) => value.to_string(),
            DataValue::Scalar(DataScalar::Number(value)) => value.to_string(),
            DataValue::List(items) if items.is_empty() => String::new(),
            _ => return false,
        };
        self.latitudes().into_iter().any(|kind| match kind {
            LatitudeKind::Default(value) => value == text,
            LatitudeKind::Free(_) => false,
        })
    }

    fn at<T>(&mut self, step: Step, inside: impl FnOnce(&mut Self) -> T) -> T {
        self.steps.push(step);
        let result = inside(self);
        self.steps.pop();
        result
    }

    /// How this place may differ.
    fn latitudes(&self) -> Vec<LatitudeKind> {
        let path = self.path();
        let known = LATITUDES.iter();
        let here = known.filter(|one| one.family == self.family && one.path == path);
        here.map(|one| one.kind).collect()
    }

    /// Whether the path of this place ends so.
    fn ends(&self, ends: &[&str]) -> bool {
        let path = self.path();
        ends.iter().any(|end| {
            let before = path.strip_suffix(end);
            before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
        })
    }

    /// The path of this place as in [`LATITUDES`].
    fn path(&self) -> String {
        let kind = (!self.kind.is_empty()).then_some(self.kind.as_str());
        let steps = self.steps.iter().map(|step| match step {
            Step::Key(key) => key.as_str(),
            Step::Item(_) => "*",
        });
        kind.into_iter().chain(steps).collect::<Vec<_>>().join("/")
    }

    fn differs(&mut self, line: u32, what: &str) {
        let place = self.place();
        let message = if place.is_empty() { what.to_owned() } else { format!("{place} is {what}") };
        self.differences.push(Difference { line, message });
    }

    fn has(&mut self, line: u32, what: &str) {
        let place = self.place();
        let place = if place.is_empty() { "the file" } else { place.as_str() };
        let message = format!("{place} has {what}");
        self.differences.push(Difference { line, message });
    }

    /// This place in words.
    fn place(&self) -> String {
        let mut place = String::new();
        for step in &self.steps {
            match step {
                Step::Key(key) if place.is_empty() => place.push_str(key),
                Step::Key(key) => {
                    place.push('.');
                    place.push_str(key);
                }
                Step::Item(position) => place.push_str(&format!("[{position}]")),
            }
        }
        match (self.object.is_empty(), place.is_empty()) {
            (true, _) => place,
            (false, true) => self.object.clone(),
            (false, false) => format!("{}: {place}", self.object),
        }
    }
}

/// Takes the pairs that fit from both lists, in the order of the first.
fn take_pairs<A, B>(
    found: &mut Vec<A>,
    expected: &mut Vec<B>,
    fits: impl Fn(&A, &B) -> bool,
) -> Vec<(A, B)> {
    let mut pairs = Vec::new();
    let mut left = Vec::new();
    for one in found.drain(..) {
        match expected.iter().position(|other| fits(&one, other)) {
            Some(position) => pairs.push((one, expected.remove(position))),
            None => left.push(one),
        }
    }
    *found = left;
    pairs
}

/// Whether two values are equal, wherever they are.
fn is_equal(one: &DataScalar, other: &DataScalar) -> bool {
    match (one, other) {
        (DataScalar::Text(one, _), DataScalar::Text(other, _)) => one == other,
        _ => one == other,
    }
}

fn named(document: &DataDocument) -> String {
    match (document.kind.as_str(), document.name.as_str()) {
        ("", _) => String::new(),
        (kind, "") => kind.to_owned(),
        (kind, name) => format!("{kind} {name}"),
    }
}

fn shown(value: &DataValue) -> String {
    match value {
        DataValue::Scalar(scalar) => scalar.to_string(),
        DataValue::List(items) if items.is_empty() => "an empty list".to_owned(),
        DataValue::List(_) => "a list".to_owned(),
        DataValue::Map(fields) => {
            let keys: Vec<_> = fields.keys().map(String::as_str).collect();
            format!("a value with {}", keys.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Comparison, data};

    fn differences(family: &str, found: &str, expected: &str) -> Vec<(u32, String)> {
        let (found, expected) = (data::read(found).unwrap(), data::read(expected).unwrap());
        let all = Comparison::new(family).documents(&found, &expected);
        all.into_iter().map(|one| (one.line, one.message)).collect()
    }

    const POD: &str = "kind: Pod\nmetadata:\n  name: a\nspec:\n  user: 1\n  root: false\n  ports:\n  - one\n  - two\n";

    #[test]
    fn the_form_of_a_file_is_free() {
        let form = "# x\n---\nspec: {ports: [\"two\", 'one'], root: false, user: 0x1} # y\nkind: \"Pod\"\nmetadata: {\"name\": a}\n";
        assert_eq!(differences("", form, POD), []);
    }

    #[test]
    fn a_difference_is_at_its_line() {
        let table = [
            ("user: 1", "user: 2", (5, "Pod a: spec.user is `2`, not `1`")),
            ("user: 1", "user: \"1\"", (5, "Pod a: spec.user is `\"1\"`, not `1`")),
            ("root: false", "root: falsx", (6, "Pod a: spec.root is `falsx`, not `false`")),
            ("  root: false\n", "", (4, "Pod a: spec has no `root`, which is `false`")),
            ("root:", "roox:", (6, "Pod a: spec has `roox`, and without `root`")),
            (
                "spec:\n",
                "spec:\n  host: true\n",
                (5, "Pod a: spec has `host`, which does not belong here"),
            ),
            ("  - one\n", "", (7, "Pod a: spec.ports has no `one`")),
            ("- one", "- onx", (8, "Pod a: spec.ports[0] is `onx`, not `one`")),
            (
                "- two\n",
                "- two\n  - six\n",
                (10, "Pod a: spec.ports has `six`, which does not belong here"),
            ),
            ("name: a", "name: b", (3, "Pod a: metadata.name is `b`, not `a`")),
        ];
        for (from, to, (line, message)) in table {
            let changed = POD.replacen(from, to, 1);
            let expected = (line, message.to_owned());
            assert_eq!(differences("", &changed, POD), [expected], "{from}");
        }
    }

    #[test]
    fn documents_are_paired_by_kind_and_name() {
        let two = format!("{POD}---\nkind: Service\nmetadata: {{name: s}}\n");
        let turned = format!("kind: Service\nmetadata: {{name: s}}\n---\n{POD}");
        assert_eq!(differences("", &turned, &two), []);
        assert_eq!(differences("", POD, &two), [(0, "Service s is missing".to_owned())]);
        let message = "Service s does not belong here".to_owned();
        assert_eq!(differences("", &two, POD), [(11, message)]);
    }

    #[test]
    fn a_text_that_is_a_file_is_compared_as_one() {
        let map = |text: &str| {
            format!("kind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  config.yaml: |\n{text}")
        };
        let expected = map("    a: 1\n    ingress:\n    - b\n    - c\n");
        let form = map("    # why\n    ingress: [b, c]\n    a: 1\n");
        assert_eq!(differences("", &form, &expected), []);
        let found = map("    a: 1\n    ingress:\n    - c\n    - b\n");
        let at = |line, from: &str, to: &str, position: usize| {
            let place = format!("ConfigMap c: data.config.yaml.ingress[{position}]");
            (line, format!("{place} is `{from}`, not `{to}`"))
        };
        assert_eq!(differences("", &found, &expected), [at(7, "c", "b", 0), at(8, "b", "c", 1)]);
    }

    #[test]
    fn a_latitude_is_for_its_family_and_path() {
        let ipam = "cluster/calico/ipam.yaml";
        let expected = "kind: IPAMConfiguration\nspec:\n  maxBlocksPerHost: 0\n  a: 1\n";
        let other = expected.replace(": 0", ": 7");
        assert_eq!(differences(ipam, &other, expected), []);
        let absent = expected.replace("  maxBlocksPerHost: 0\n", "");
        assert_eq!(differences(ipam, &absent, expected), []);
        let message = "IPAMConfiguration: spec.maxBlocksPerHost is `7`, not `0`".to_owned();
        assert_eq!(differences("", &other, expected), [(3, message)]);
        let wrong = expected.replace(": 0", ": -1");
        let message = "IPAMConfiguration: spec.maxBlocksPerHost is `-1`: it must be a number from 0 to 2147483647";
        assert_eq!(differences(ipam, &wrong, expected), [(3, message.to_owned())]);
    }
}
