//! Line formats: templates, each with its own view.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value,
};
use serde::Serialize;

/// The templates by their names, without `.j2`; `build.rs` has parsed each.
const TEMPLATES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// Renders one template.
///
/// # Panics
///
/// When the view lacks a field of the template: a bug, whatever the topology.
#[must_use]
pub fn render(name: &str, view: &impl Serialize) -> String {
    let template = ENVIRONMENT.get_template(name);
    let text = template.and_then(|template| template.render(minijinja::value::Serde(view)));
    text.unwrap_or_else(|fault| unreachable!("{name}: {fault}"))
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_syntax(whitespace());
    environment.set_formatter(refuse_none);
    for (name, text) in TEMPLATES {
        let added = environment.add_template(name, text);
        added.unwrap_or_else(|fault| unreachable!("build.rs has parsed {name}: {fault}"));
    }
    environment
}

/// A line that contains only a tag is not rendered.
fn whitespace() -> SyntaxConfig {
    let mut syntax = SyntaxConfig::builder();
    syntax.keep_trailing_newline(true).trim_blocks(true).lstrip_blocks(true);
    syntax.build().unwrap_or_else(|fault| unreachable!("the default delimiters: {fault}"))
}

/// Strict mode refuses what is undefined, but prints a Rust `None` as `none`.
fn refuse_none(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if value.is_none() {
        return Err(Error::new(ErrorKind::InvalidOperation, "a template prints an absent value"));
    }
    minijinja::escape_formatter(out, state, value)
}
