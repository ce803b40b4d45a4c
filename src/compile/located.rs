//! Policies by the client's location to nodes: `geo`, `subnets`, `nearest`, `latency`.
//!
//! In: keyed or placed branches. Out: located nodes with their rules. Never here: where a client is.

use crate::geo::Coordinates;
use crate::geo::TimesFor;
use crate::zone::{ClientTimes, LocationRule, NodeSpec, Options};

use super::compiler::{Compiler, Family};
use crate::model::{BranchModel, GeoKey, SubnetKeys, TimesModel};

impl<'m> Compiler<'m> {
    pub(super) fn geo_spec(
        &mut self,
        keyed: &'m [(GeoKey, BranchModel)],
        family: Family,
        options: Options,
    ) -> Option<NodeSpec> {
        let (mut children, mut places, mut default) = (Vec::new(), Vec::new(), None);
        for (key, branch) in keyed {
            let Some(spec) = self.branch_spec(branch, family) else {
                continue;
            };
            let child = children.len() as u16;
            children.push(spec);
            match key {
                GeoKey::Place(place) => places.push((*place, child)),
                GeoKey::Default => default = Some(child),
            }
        }
        let rule = LocationRule::Geo { places, default };
        (!children.is_empty()).then(|| self.policies.located(children, rule, options))
    }

    pub(super) fn subnets_spec(
        &mut self,
        keyed: &'m [(SubnetKeys, BranchModel)],
        family: Family,
        options: Options,
    ) -> Option<NodeSpec> {
        let (mut children, mut prefixes, mut default) = (Vec::new(), Vec::new(), None);
        for (keys, branch) in keyed {
            let Some(spec) = self.branch_spec(branch, family) else {
                continue;
            };
            let child = children.len() as u16;
            children.push(spec);
            match keys {
                SubnetKeys::Prefixes(list) => {
                    prefixes.extend(list.iter().map(|&prefix| (prefix, child)));
                }
                SubnetKeys::Awaited(_) => {}
                SubnetKeys::Default => default = Some(child),
            }
        }
        let rule = LocationRule::Subnets { prefixes, default };
        (!children.is_empty()).then(|| self.policies.located(children, rule, options))
    }

    pub(super) fn nearest_spec(
        &mut self,
        branches: &'m [BranchModel],
        family: Family,
        options: Options,
    ) -> Option<NodeSpec> {
        let (placed, children) = self.placed_branches(branches, family);
        let points = placed.iter().map(|(branch, point)| (*point, branch.bias));
        let rule = LocationRule::Nearest {
            points: points.collect(),
        };
        (!children.is_empty()).then(|| self.policies.located(children, rule, options))
    }

    /// Compiles `latency`: by the operator's table, and by distance where it says nothing (`route53` 2.4.2).
    pub(super) fn latency_spec(
        &mut self,
        branches: &'m [BranchModel],
        family: Family,
        options: Options,
        times: Option<&'m TimesModel>,
    ) -> Option<NodeSpec> {
        let (placed, children) = self.placed_branches(branches, family);
        let lines = times.map_or_else(Vec::new, |times| lines_for(times, &placed));
        let rule = LocationRule::Latency {
            points: placed.iter().map(|(_, point)| *point).collect(),
            times: lines.into(),
        };
        (!children.is_empty()).then(|| self.policies.located(children, rule, options))
    }

    /// Compiles the branches that stand somewhere, each with its point.
    fn placed_branches(
        &mut self,
        branches: &'m [BranchModel],
        family: Family,
    ) -> (Vec<(&'m BranchModel, Coordinates)>, Vec<NodeSpec>) {
        let compiled = self.branches(branches, family).into_iter();
        let placed = compiled.filter_map(|(at, spec)| {
            let branch = &branches[at];
            Some(((branch, branch.location.as_ref()?.point), spec))
        });
        placed.unzip()
    }
}

/// Turns the regions of a table to children; lines for none of them are left out.
fn lines_for(times: &TimesModel, placed: &[(&BranchModel, Coordinates)]) -> Vec<ClientTimes> {
    let child_of = |region: &String| -> Option<u16> {
        let found = placed
            .iter()
            .position(|(branch, _)| branch.is_called(region));
        found.map(|child| child as u16)
    };
    let children: Vec<Option<u16>> = times.regions.iter().map(child_of).collect();
    let line = |(client, times): &(TimesFor, Vec<(u16, u32)>)| {
        let known = times
            .iter()
            .filter_map(|&(region, micros)| Some((children[usize::from(region)]?, micros)));
        let times: Box<[(u16, u32)]> = known.collect();
        (!times.is_empty()).then_some(ClientTimes {
            client: *client,
            times,
        })
    };
    times.clients.iter().filter_map(line).collect()
}
