//! Notes on what is read and checked but takes effect in a later release, and what happens until then.

use super::finding::Finding;
use super::tree::{name_path, nodes_within, pool_path, roots};
use crate::config::Severity;
use crate::config::model::{AllDownModel, Failback, NodeOptions, Span, TtlModel, ZoneModel};

/// Adds one note a key and place. What the model does not keep (`degraded`, `ramp`, hints that are
/// `auto`) is the reader's to note.
pub(super) fn review(model: &ZoneModel, findings: &mut Vec<Finding>) {
    let mut notes = Notes {
        findings,
        span: Span::default(),
        path: String::new(),
    };
    notes.at(&Span(0..0), "ttl");
    notes.ttl(Some(model.ttl));
    for pool in &model.pools {
        notes.at(&pool.span, &pool_path(pool));
        notes.ttl(pool.ttl);
    }
    for name in &model.names {
        notes.at(&name.span, &name_path(model, &name.owner));
        notes.options(&name.options);
    }
    for root in roots(model) {
        for node in nodes_within(root.node) {
            notes.at(&node.span, &root.path);
            notes.options(&node.options);
        }
    }
}

struct Notes<'f> {
    findings: &'f mut Vec<Finding>,
    span: Span,
    path: String,
}

impl Notes<'_> {
    fn at(&mut self, span: &Span, path: &str) {
        self.span = span.clone();
        path.clone_into(&mut self.path);
    }

    fn add(&mut self, what: &str, until_then: &str) {
        self.findings.push(Finding::new(
            Severity::Note,
            "R020",
            &self.span,
            &self.path,
            format!("{what} takes effect in a later release; until then {until_then}"),
        ));
    }

    fn ttl(&mut self, ttl: Option<TtlModel>) {
        if ttl.is_some_and(|ttl| ttl.min != ttl.max) {
            self.add(
                "a TTL that follows the horizon",
                "`max` is sent at all times",
            );
        }
    }

    fn options(&mut self, options: &NodeOptions) {
        self.ttl(options.ttl);
        match &options.failback {
            Failback::Auto => {}
            Failback::Manual | Failback::After(_) | Failback::Window(_) => self.add(
                "`failback` other than \"auto\"",
                "an earlier tier is answered again as soon as it is healthy",
            ),
        }
        if matches!(options.all_down, Some(AllDownModel::Last)) {
            self.add("`all-down = \"last\"`", "it acts as \"all\"");
        }
    }
}
