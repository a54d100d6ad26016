//! The report: one HTML page about an emitted tree, for people who would rather look than read, and the map of the mesh
//! alone.
//!
//! The page needs no network and no other file. It shows the map of the mesh ([`map`]), the matrix of all pairs with
//! the walk of a packet for each of them ([`walks`]), what each public side accepts, the public names, what single
//! failures lose, and the assumptions. Everything in it comes from the proof: the page computes no verdict.

mod change;
mod graph;
mod map;
mod page;
mod svg;
mod template;
mod walks;

use std::fmt;

use meshwright_proof::model::Model;

pub use page::html;

/// A language in which the map is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapFormat {
    /// For Markdown pages.
    Mermaid,
    /// For Graphviz.
    Dot,
    /// A picture.
    Svg,
}

impl MapFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mermaid, Self::Dot, Self::Svg];

    /// The word by which users choose it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mermaid => "mermaid",
            Self::Dot => "dot",
            Self::Svg => "svg",
        }
    }
}

impl fmt::Display for MapFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The map of a network, as the page draws it.
#[must_use]
pub fn map(model: &Model, format: MapFormat) -> String {
    let map = map::MeshMap::new(model);
    match format {
        MapFormat::Mermaid => graph::mermaid(&map),
        MapFormat::Dot => graph::dot(&map),
        MapFormat::Svg => svg::alone(&map) + "\n",
    }
}
