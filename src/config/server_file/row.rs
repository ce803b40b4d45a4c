//! One row of the table of keys.
//!
//! In: nothing. Out: a row with its bounds in words. Never here: which rows there are.

use super::forms::{At, Field, Form, Setting};

/// When a key takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// When the file is read again.
    Reload,
    /// At the next start.
    Restart,
}

/// A key of the server file.
pub struct ServerKey {
    /// The key with its table, as a TOML path.
    pub path: &'static str,
    /// When a change takes effect.
    pub effect: Effect,
    /// One line on what it is for; `{min}` and `{max}` stand for its bounds.
    doc: &'static str,
    pub(super) setting: Box<dyn Setting>,
}

impl ServerKey {
    /// Returns its table; empty at the top.
    pub fn table(&self) -> &'static str {
        self.path.split_once('.').map_or("", |(table, _)| table)
    }

    /// Returns the key without its table.
    pub fn key(&self) -> &'static str {
        self.path.rsplit('.').next().unwrap_or_default()
    }

    /// Says in one line what it is for, with its bounds.
    pub fn doc(&self) -> String {
        let (min, max) = self.setting.bounds().unwrap_or_default();
        self.doc.replace("{min}", &min).replace("{max}", &max)
    }

    /// Returns the key as one that takes effect when the file is read again.
    pub(super) fn on_reload(mut self) -> Self {
        self.effect = Effect::Reload;
        self
    }
}

/// Makes a row of a setting at a place.
pub(super) fn key<T: Clone + 'static, F: Form<T> + 'static>(
    path: &'static str,
    field: Field<T>,
    form: F,
    doc: &'static str,
) -> ServerKey {
    own(path, At(field, form), doc)
}

/// Makes a row of a setting of its own kind.
pub(super) fn own(
    path: &'static str,
    setting: impl Setting + 'static,
    doc: &'static str,
) -> ServerKey {
    ServerKey {
        path,
        effect: Effect::Restart,
        doc,
        setting: Box::new(setting),
    }
}
