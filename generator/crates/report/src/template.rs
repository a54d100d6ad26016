//! The templates of this crate.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

/// Renders a template. Every text is escaped as in HTML, which is valid in SVG too.
pub(crate) fn render(name: &str, template: &str, view: &impl Serialize) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    let syntax = syntax.build();
    environment.set_syntax(syntax.unwrap_or_else(|fault| unreachable!("the default: {fault}")));
    let rendered = environment.render_named_str(name, template, Serde(view));
    rendered.unwrap_or_else(|fault| unreachable!("a test renders {name}: {fault}"))
}
