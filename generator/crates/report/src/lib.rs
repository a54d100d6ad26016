//! The report: one HTML page about an emitted tree, for people who would rather look than read.
//!
//! The page needs no network and no other file. It shows the map of the mesh ([`map`]), the matrix of all pairs with
//! the walk of a packet for each of them ([`walks`]), what each public side accepts, the public names, what single
//! failures lose, and the assumptions. Everything in it comes from the proof: the page computes no verdict.

mod map;
mod page;
mod walks;

pub use page::html;
