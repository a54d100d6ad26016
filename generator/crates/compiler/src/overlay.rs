//! Manifests of the user's own. They are carried into the output directory unchanged, and `apply.sh` applies them
//! after ours.

use serde_json::Value;

/// The folder of the manifests, beside the topology.
pub const FOLDER: &str = "overlays";

/// One manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    name: String,
    text: String,
}

/// Why a file cannot be carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverlayFault {
    /// The line, from 1; 0 is the file as a whole.
    pub line: usize,
    /// The fault: lower case, no full stop.
    pub message: String,
}

impl OverlayFault {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

impl Overlay {
    /// Reads a manifest: one or more objects, each a document of YAML.
    ///
    /// # Errors
    ///
    /// When it is not YAML, or when an object cannot be applied or must not be in the output directory.
    pub fn parse(name: &str, text: &str) -> Result<Self, OverlayFault> {
        check_name(name)?;
        let mut objects = 0;
        for (lines_before, document) in documents(text) {
            objects += usize::from(check_object(lines_before, document)?);
        }
        if objects == 0 {
            return Err(OverlayFault::new(0, "it has no object"));
        }
        Ok(Self { name: name.to_owned(), text: text.to_owned() })
    }

    /// The name of its file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// `apply.sh` applies the files in the order of their names.
fn check_name(name: &str) -> Result<(), OverlayFault> {
    let is_inner =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.' | '_');
    let stem = name.strip_suffix(".yaml").unwrap_or_default();
    let starts = stem.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if starts && stem.chars().all(is_inner) {
        return Ok(());
    }
    Err(OverlayFault::new(0, "its name is not one such as `10-monitoring.yaml`"))
}

/// The documents of a file, each with the number of lines before it.
fn documents(text: &str) -> Vec<(usize, &str)> {
    let mut documents = Vec::new();
    let (mut start, mut lines_before, mut position) = (0, 0, 0);
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            documents.push((lines_before, &text[start..position]));
            (start, lines_before) = (position + line.len(), number);
        }
        position += line.len();
    }
    documents.push((lines_before, &text[start..]));
    documents
}

/// Whether the document has an object.
fn check_object(lines_before: usize, document: &str) -> Result<bool, OverlayFault> {
    let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let blank = document.lines().take_while(|line| is_blank(line)).count();
    if blank == document.lines().count() {
        return Ok(false);
    }
    let value: Value = serde_saphyr::from_str(document).map_err(|fault| {
        let line = fault.location().and_then(|place| usize::try_from(place.line()).ok());
        let text = fault.without_snippet().to_string();
        let reason = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        OverlayFault::new(lines_before + line.unwrap_or(1), format!("not valid YAML: {reason}"))
    })?;
    let first = lines_before + blank + 1;
    let fault = |message: &str| Err(OverlayFault::new(first, message));
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    if !text(&value["apiVersion"]) || !text(&value["kind"]) {
        return fault("this object has no `apiVersion` or no `kind`");
    }
    match value["kind"].as_str().unwrap_or_default() {
        "Secret" => fault(
            "a Secret must not be here: all of it would be in `out/`, which git has. Write it with kubectl, or as an \
             object of a program that decrypts it in the cluster, such as SealedSecret",
        ),
        kind if kind.ends_with("List") => fault("write each object of the list as a document"),
        _ if !text(&value["metadata"]["name"]) => fault("this object has no `metadata.name`"),
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::Overlay;

    fn fault(name: &str, text: &str) -> (usize, String) {
        let fault = Overlay::parse(name, text).unwrap_err();
        (fault.line, fault.message)
    }

    const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

    #[test]
    fn objects_are_carried_unchanged() {
        let text = format!("# one\n---\n{OBJECT}---\n# two\n{OBJECT}--- # end\n");
        let overlay = Overlay::parse("10-a_b.yaml", &text).unwrap();
        assert_eq!((overlay.name(), overlay.text()), ("10-a_b.yaml", text.as_str()));
    }

    #[test]
    fn a_fault_is_at_its_line() {
        let table = [
            ("", 0, "it has no object"),
            ("# a\n---\n", 0, "it has no object"),
            ("kind: A\n", 1, "this object has no `apiVersion` or no `kind`"),
            ("apiVersion: v1\nkind: A\nmetadata: {}\n", 1, "this object has no `metadata.name`"),
            (
                "apiVersion: v1\nkind: ConfigMapList\nitems: []\n",
                1,
                "write each object of the list as a document",
            ),
        ];
        for (text, line, message) in table {
            assert_eq!(fault("a.yaml", text), (line, message.to_owned()), "{text}");
        }
        let (line, message) =
            fault("a.yaml", &format!("{OBJECT}---\n# b\napiVersion: v1\nkind: Secret\n"));
        assert_eq!(line, 7);
        assert!(message.starts_with("a Secret must not be here"), "{message}");
        let (line, message) = fault("a.yaml", &format!("{OBJECT}---\na: [\n"));
        assert!(line >= 6 && message.starts_with("not valid YAML: "), "{line}: {message}");
    }

    #[test]
    fn names_are_those_of_the_order() {
        for name in ["a.yml", "A.yaml", "-a.yaml", ".yaml", "a b.yaml", "a/b.yaml"] {
            let message = "its name is not one such as `10-monitoring.yaml`";
            assert_eq!(fault(name, OBJECT), (0, message.to_owned()), "{name}");
        }
    }
}
