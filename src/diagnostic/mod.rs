//! What is wrong with a file, where, and what to write instead: one type for every kind of file.
//!
//! In: findings of readers, lints and converters. Out: diagnostics as values, as text, as JSON and as annotations. Never
//! here: reading files, what makes something a fault.

mod list;
mod render;
mod report;
pub mod suggest;

pub use list::{Bounds, DiagnosticList};
pub use render::{render_github, render_json, render_text, summary};
pub use report::{Diagnostic, Severity, Source, Span};
