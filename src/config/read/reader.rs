//! What reading one zone file carries along: findings, the index of everything that has a name, and who refers to whom.
//!
//! In: references as text. Out: indices, and a record of each use for the rules that need the whole file. Never here:
//! the grammar of tables.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::config::Files;
use crate::config::values::Faults;
use crate::config::values::Value;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::suggest;
use crate::model::{CheckId, CheckRef, Location, NameId, NodeOptions, PoolId, PoolModel};
use crate::wire::{Name, NameHashing};

/// Most checks that one key may list (zone format, section 2: children of a calculated check).
const CHECK_LIST_MAX: usize = 256;

/// Most owner names looked at for "did you mean"; chosen, a thousand findings stay quick.
const OWNERS_COMPARED_MAX: usize = 10_000;

/// Something that can refer and be referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Item {
    Check(CheckId),
    Pool(PoolId),
    Name(NameId),
}

/// One reference.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) from: Item,
    pub(super) to: Item,
    /// Nodes from the root of `from` down to the reference.
    pub(super) depth: usize,
    pub(super) span: Span,
    pub(super) path: String,
    /// Whether health is asked for (`check`), not an answer.
    pub(super) is_check: bool,
}

/// Where a check is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UsedOn {
    /// A pool with members: recipes and gates.
    Members(PoolId),
    /// One member: recipes and gates.
    Member(PoolId, usize),
    /// A policy, a branch or a name: gates only (rule a31).
    Policy,
    /// A calculated check.
    Calculated,
}

/// One use of a check.
#[derive(Clone, Debug)]
pub(super) struct CheckUse {
    pub(super) check: CheckRef,
    pub(super) used_on: UsedOn,
    pub(super) span: Span,
    pub(super) path: String,
}

/// A name written in RDATA or `target`, for rule a6.
#[derive(Clone, Debug)]
pub(super) struct NameUse {
    pub(super) name: Name,
    pub(super) text: String,
    pub(super) labels_written: usize,
    pub(super) span: Span,
    pub(super) path: String,
}

/// What is known about a check before it is read.
#[derive(Debug)]
pub(super) struct CheckEntry {
    pub(super) id: String,
    pub(super) span: Span,
    pub(super) switches: Option<Vec<String>>,
    /// Whether it is a single switch.
    pub(super) is_manual: bool,
}

/// What is known about a pool before it is read.
#[derive(Debug)]
pub(super) struct PoolEntry {
    pub(super) id: String,
    pub(super) span: Span,
    pub(super) is_plain: bool,
    pub(super) location: Option<Location>,
}

/// What is known about a name before it is read.
#[derive(Debug)]
pub(super) struct NameEntry {
    pub(super) owner: Name,
    pub(super) span: Span,
}

/// Numbers of names by owner.
pub(super) type NameIds = HashMap<Name, NameId, NameHashing>;

/// Everything in the file that has a name.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) checks: Vec<CheckEntry>,
    pub(super) check_ids: HashMap<String, CheckId>,
    pub(super) pools: Vec<PoolEntry>,
    pub(super) pool_ids: HashMap<String, PoolId>,
    pub(super) names: Vec<NameEntry>,
    pub(super) name_ids: NameIds,
}

impl Index {
    /// Gives the next number to a name; false if it has one.
    pub(super) fn add_name(&mut self, owner: Name, span: Span) -> bool {
        let Entry::Vacant(place) = self.name_ids.entry(owner.clone()) else {
            return false;
        };
        place.insert(self.names.len());
        self.names.push(NameEntry { owner, span });
        true
    }
}

/// The state of reading one file.
pub(super) struct Reader<'s> {
    pub(super) faults: Faults<'s>,
    pub(super) files: &'s dyn Files,
    pub(super) apex: Name,
    pub(super) index: Index,
    pub(super) edges: Vec<Edge>,
    pub(super) check_uses: Vec<CheckUse>,
    pub(super) name_uses: Vec<NameUse>,
    /// Items with a policy that depends on where the client is.
    pub(super) located: HashSet<Item>,
    /// Pools made from record lists (rule a47).
    pub(super) anonymous: Vec<PoolModel>,
    /// The item being read.
    pub(super) current: Item,
    /// What names without options share.
    pub(super) no_options: Arc<NodeOptions>,
}

impl<'s> Reader<'s> {
    /// Notes that the current item refers to another.
    pub(super) fn add_edge(&mut self, to: Item, depth: usize, value: &Value<'_>, is_check: bool) {
        self.edges.push(Edge {
            from: self.current,
            to,
            depth,
            span: value.span(),
            path: value.path.clone(),
            is_check,
        });
    }

    /// Resolves a pool id.
    pub(super) fn pool(&mut self, id: &str, value: &Value<'_>) -> Option<PoolId> {
        if let Some(found) = self.index.pool_ids.get(id) {
            return Some(*found);
        }
        let mut diagnostic = Diagnostic::fault(
            "L024",
            value.span(),
            &value.path,
            format!("there is no pool `{id}`"),
        )
        .label("not defined in this file");
        if self.faults.is_full() {
            self.faults.push(diagnostic);
            return None;
        }
        let near = suggest::nearest(id, self.index.pools.iter().map(|pool| pool.id.as_str()));
        if let Some(near) = near {
            let entry = &self.index.pools[self.index.pool_ids[near]];
            diagnostic = diagnostic
                .help(format!("did you mean `{near}`?"))
                .suggest(format!("\"{near}\""))
                .related(entry.span.clone(), format!("`{near}` is defined here"));
        } else if let Some(help) = self.what_else(id) {
            diagnostic = diagnostic.help(help);
        } else if let Some(help) = suggest::help_for(
            id,
            self.index.pools.iter().map(|p| p.id.as_str()),
            "the pools are",
        ) {
            diagnostic = diagnostic.help(help);
        } else {
            diagnostic = diagnostic.help(format!("define it: `[pools.{id}]` with `members`"));
        }
        self.faults.push(diagnostic);
        None
    }

    /// Guesses what someone meant who wrote `text` for a pool.
    fn what_else(&self, text: &str) -> Option<String> {
        if text.parse::<std::net::IpAddr>().is_ok() {
            return Some(format!(
                "addresses belong into a pool: `[pools.main]` with `members = [\"{text}\"]`"
            ));
        }
        if self.index.check_ids.contains_key(text) {
            return Some(format!(
                "`{text}` is a check; a pool uses it with `check = \"{text}\"`"
            ));
        }
        if let Some(rest) = text.strip_prefix("pool:") {
            return Some(format!(
                "pools are written without `pool:` here: `\"{rest}\"`"
            ));
        }
        let name = Name::parse(text, &self.apex).ok()?;
        self.index
            .name_ids
            .contains_key(&name)
            .then(|| format!("`{text}` is a name of this zone; refer to it as `\"name:{text}\"`"))
    }

    /// Resolves the owner of `"name:x"`, given without the prefix.
    pub(super) fn name(&mut self, text: &str, value: &Value<'_>) -> Option<NameId> {
        let owner = match Name::parse(text, &self.apex) {
            Ok(owner) => owner,
            Err(fault) => {
                let place = (value.span(), value.path.as_str());
                self.faults.not_a_name(place, (text, fault), "not a name");
                return None;
            }
        };
        if let Some(found) = self.index.name_ids.get(&owner) {
            return Some(*found);
        }
        let mut diagnostic = Diagnostic::fault(
            "L025",
            value.span(),
            &value.path,
            format!("there is no name `{text}` in this zone"),
        )
        .label("not defined in this file");
        if self.faults.is_full() {
            self.faults.push(diagnostic);
            return None;
        }
        let apex = &self.apex;
        let owners: Vec<String> = self
            .index
            .names
            .iter()
            .take(OWNERS_COMPARED_MAX)
            .map(|entry| entry.owner.to_relative(apex))
            .collect();
        if let Some(near) = suggest::nearest(text, owners.iter().map(String::as_str)) {
            let at = owners.iter().position(|owner| owner == near).unwrap_or(0);
            diagnostic = diagnostic
                .help(format!("did you mean `name:{near}`?"))
                .suggest(format!("\"name:{near}\""))
                .related(
                    self.index.names[at].span.clone(),
                    format!("`{near}` is defined here"),
                );
        } else if !owner.is_at_or_below(apex) {
            diagnostic = diagnostic.help(
                "`name:` refers to names of this zone; a name elsewhere is a pool with a `target`",
            );
        }
        self.faults.push(diagnostic);
        None
    }

    /// Reads a `check` key: one reference or a list of them, all of which must hold (rule a31).
    pub(super) fn check_refs(&mut self, value: &Value<'_>, used_on: UsedOn) -> Vec<CheckRef> {
        let items = value.one_or_items();
        if value.raw.is_array() && !self.faults.count(value, items.len(), CHECK_LIST_MAX) {
            return Vec::new();
        }
        let mut found: Vec<CheckRef> = Vec::new();
        for item in &items {
            let Some(check) = self.check_ref(item) else {
                continue;
            };
            let to = match check {
                CheckRef::Check(id) | CheckRef::Switch(id, _) => Item::Check(id),
                CheckRef::Pool(id) => Item::Pool(id),
                CheckRef::Name(id) => Item::Name(id),
            };
            self.add_edge(to, 0, item, true);
            self.check_uses.push(CheckUse {
                check: check.clone(),
                used_on,
                span: item.span(),
                path: item.path.clone(),
            });
            if !found.contains(&check) {
                found.push(check);
            }
        }
        found
    }

    /// Reads one reference to a check.
    fn check_ref(&mut self, value: &Value<'_>) -> Option<CheckRef> {
        let Some(text) = value.as_str() else {
            self.faults.wrong_type(
                value,
                "the id of a check, `\"panel/switch\"`, `\"pool:x\"`, `\"name:x\"`, or a list of these",
            );
            return None;
        };
        if let Some(id) = text.strip_prefix("pool:") {
            return self.pool(id, value).map(CheckRef::Pool);
        }
        if let Some(owner) = text.strip_prefix("name:") {
            return self.name(owner, value).map(CheckRef::Name);
        }
        let (id, switch) = match text.split_once('/') {
            Some((id, switch)) => (id, Some(switch)),
            None => (text, None),
        };
        let check = self.check(id, value)?;
        let switches = self.index.checks[check].switches.clone();
        match (switch, switches) {
            (None, None) => Some(CheckRef::Check(check)),
            (Some(switch), Some(switches)) => {
                if let Some(at) = switches.iter().position(|known| known == switch) {
                    return Some(CheckRef::Switch(check, at));
                }
                self.unknown_switch(
                    value,
                    format!("the panel `{id}` has no switch `{switch}`"),
                    suggest::help_for(
                        switch,
                        switches.iter().map(String::as_str),
                        "its switches are",
                    ),
                )
            }
            (Some(_), None) => self.unknown_switch(
                value,
                format!("the check `{id}` has no switches"),
                Some(format!("refer to it as `\"{id}\"`")),
            ),
            (None, Some(switches)) => self.unknown_switch(
                value,
                format!("`{id}` is a panel; say which of its switches"),
                switches
                    .first()
                    .map(|first| format!("write for example `\"{id}/{first}\"`")),
            ),
        }
    }

    fn unknown_switch(
        &mut self,
        value: &Value<'_>,
        message: String,
        help: Option<String>,
    ) -> Option<CheckRef> {
        let mut diagnostic =
            Diagnostic::fault("L026", value.span(), &value.path, message).label("no such switch");
        diagnostic.help = help;
        self.faults.push(diagnostic);
        None
    }

    fn check(&mut self, id: &str, value: &Value<'_>) -> Option<CheckId> {
        if let Some(found) = self.index.check_ids.get(id) {
            return Some(*found);
        }
        let mut diagnostic = Diagnostic::fault(
            "L023",
            value.span(),
            &value.path,
            format!("there is no check `{id}`"),
        )
        .label("not defined in this file");
        if self.faults.is_full() {
            self.faults.push(diagnostic);
            return None;
        }
        let near = suggest::nearest(id, self.index.checks.iter().map(|check| check.id.as_str()));
        if let Some(near) = near {
            let entry = &self.index.checks[self.index.check_ids[near]];
            diagnostic = diagnostic
                .help(format!("did you mean `{near}`?"))
                .suggest(format!("\"{near}\""))
                .related(entry.span.clone(), format!("`{near}` is defined here"));
        } else if self.index.pool_ids.contains_key(id) {
            diagnostic = diagnostic.help(format!(
                "`{id}` is a pool; for its health write `\"pool:{id}\"`"
            ));
        } else if let Some(help) = suggest::help_for(
            id,
            self.index.checks.iter().map(|c| c.id.as_str()),
            "the checks are",
        ) {
            diagnostic = diagnostic.help(help);
        } else {
            diagnostic = diagnostic.help(format!("define it: `[checks.{id}]` with `type`"));
        }
        self.faults.push(diagnostic);
        None
    }

    /// Reads a domain name in RDATA manner: relative to the zone unless it ends in a dot (rule a6).
    pub(super) fn rdata_name(&mut self, value: &Value<'_>) -> Option<Name> {
        let text = self.faults.text(value)?;
        match Name::parse(text, &self.apex) {
            Ok(name) => {
                if !text.ends_with('.') && text != "@" {
                    let labels_written = name.label_count() - self.apex.label_count();
                    self.name_uses.push(NameUse {
                        name: name.clone(),
                        text: text.to_owned(),
                        labels_written,
                        span: value.span(),
                        path: value.path.clone(),
                    });
                }
                Some(name)
            }
            Err(fault) => {
                let place = (value.span(), value.path.as_str());
                self.faults.not_a_name(place, (text, fault), "not a name");
                None
            }
        }
    }
}
