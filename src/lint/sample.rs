//! Small zones for the tests of the reviews and of `show`, built by hand.

use std::net::IpAddr;
use std::time::Duration;

use crate::diagnostic::Span;
use crate::geo::{Place, region_point};
use crate::health::{Damping, Endpoint, HttpProbe, ProbeKind, Timeout};
use crate::model::*;
use crate::wire::{Name, Rtype};

/// A zone under construction. Each item stands a hundred octets after the one before it.
pub(crate) struct Sample {
    /// The zone so far.
    pub(crate) model: ZoneModel,
    at: usize,
}

impl Sample {
    /// Starts `example.com` with NS at its apex.
    pub(crate) fn new() -> Self {
        let apex = Name::parse_absolute("example.com").expect("a name");
        let ns = Name::parse_absolute("ns1.example.net").expect("a name");
        let soa = SoaModel {
            mname: ns.clone(),
            rname: Name::parse("hostmaster", &apex).expect("a name"),
            serial: None,
            refresh: 7200,
            retry: 900,
            expire: 1_209_600,
            ttl: 900,
            negative_ttl: 30,
        };
        let mut sample = Self {
            model: ZoneModel {
                file: "example.com.toml".into(),
                apex,
                ttl: TtlModel { min: 60, max: 60 },
                soa,
                checks: Vec::new(),
                pools: Vec::new(),
                names: Vec::new(),
                expects: Vec::new(),
                maintenance: Vec::new(),
            },
            at: 0,
        };
        sample.records("@", Rtype::NS, &[ns.octets()]);
        sample
    }

    /// Returns the next position.
    pub(crate) fn span(&mut self) -> Span {
        self.at += 100;
        Span(self.at..self.at + 10)
    }

    /// Adds a check of any kind.
    pub(crate) fn check_of(&mut self, id: &str, kind: CheckKind) -> CheckId {
        let span = self.span();
        self.model.checks.push(CheckModel {
            id: id.to_owned(),
            kind,
            invert: false,
            disabled: false,
            unknown_is_healthy: true,
            span,
        });
        self.model.checks.len() - 1
    }

    /// Adds an `http` recipe with defaults: detection takes 33 s.
    pub(crate) fn check(&mut self, id: &str) -> CheckId {
        self.check_of(id, CheckKind::Probe(Box::new(http(None))))
    }

    /// Adds an `http` gate that probes a name.
    pub(crate) fn gate(&mut self, id: &str, host: &str) -> CheckId {
        self.check_of(
            id,
            CheckKind::Probe(Box::new(http(Some(Endpoint::Host(host.to_owned()))))),
        )
    }

    /// Adds a pool of members given as text: addresses, or targets when they end in a dot.
    pub(crate) fn pool(&mut self, id: &str, members: &[&str], checks: &[CheckId]) -> PoolId {
        let members = members.iter().map(|text| self.member(text)).collect();
        let body = PoolBody::Members(members);
        let refs = checks.iter().map(|check| CheckRef::Check(*check)).collect();
        self.pool_of(id, body, refs)
    }

    /// Adds a pool that is a policy.
    pub(crate) fn policy(&mut self, id: &str, node: NodeModel) -> PoolId {
        self.pool_of(id, PoolBody::Policy(node), Vec::new())
    }

    fn pool_of(&mut self, id: &str, body: PoolBody, checks: Vec<CheckRef>) -> PoolId {
        let span = self.span();
        self.model.pools.push(PoolModel {
            id: id.to_owned(),
            body,
            checks,
            probe: ProbeOverride::default(),
            location: None,
            site: id.to_owned(),
            min_healthy: MinHealthy::Count(1),
            capacity_percent: None,
            ramp: Duration::ZERO,
            ttl: None,
            answers: None,
            families: None,
            span,
        });
        self.model.pools.len() - 1
    }

    fn member(&mut self, text: &str) -> MemberModel {
        let value = match text.parse::<IpAddr>() {
            Ok(address) => MemberValue::Address(address),
            Err(_) => MemberValue::Target(Name::parse_absolute(text).expect("a name")),
        };
        MemberModel {
            value,
            weight: 1,
            checks: None,
            probe: ProbeOverride::default(),
            site: None,
            force: None,
            flatten: false,
            span: self.span(),
        }
    }

    /// Returns the members of a plain pool for changes.
    pub(crate) fn members(&mut self, id: PoolId) -> &mut Vec<MemberModel> {
        match &mut self.model.pools[id].body {
            PoolBody::Members(members) => members,
            PoolBody::Policy(_) => panic!("pool {id} is a policy"),
        }
    }

    /// Adds a name with a policy.
    pub(crate) fn name(&mut self, owner: &str, node: NodeModel) -> NameId {
        let id = self.bare_name(owner);
        self.model.names[id].policy = Some(Box::new(node));
        id
    }

    /// Adds a name with records, or records to a name that exists.
    pub(crate) fn records(&mut self, owner: &str, rtype: Rtype, rdata: &[&[u8]]) -> NameId {
        let wanted = Name::parse(owner, &self.model.apex).expect("a name");
        let known = self
            .model
            .names
            .iter()
            .position(|name| name.owner == wanted);
        let id = known.unwrap_or_else(|| self.bare_name(owner));
        let span = self.span();
        self.model.names[id].rrsets.push(RrsetModel {
            ttl: None,
            rtype,
            rdata: rdata.iter().map(|octets| Box::from(*octets)).collect(),
            span,
        });
        id
    }

    fn bare_name(&mut self, owner: &str) -> NameId {
        let owner = Name::parse(owner, &self.model.apex).expect("a name");
        let span = self.span();
        self.model.names.push(NameModel {
            owner,
            policy: None,
            type_policies: Vec::new(),
            rrsets: Vec::new(),
            options: std::sync::Arc::default(),
            families: None,
            span,
        });
        self.model.names.len() - 1
    }

    /// Makes a node of a kind.
    pub(crate) fn node(&mut self, kind: NodeKind) -> NodeModel {
        NodeModel {
            kind,
            options: NodeOptions::default(),
            span: self.span(),
        }
    }

    /// Makes a reference to a pool.
    pub(crate) fn to(&mut self, pool: PoolId) -> NodeModel {
        self.node(NodeKind::Pool(pool))
    }

    /// Makes a branch.
    pub(crate) fn branch(&mut self, kind: NodeKind) -> BranchModel {
        let label = match &kind {
            NodeKind::Pool(id) => self.model.pools[*id].id.clone(),
            _ => format!("branch-{}", self.at),
        };
        BranchModel {
            node: self.node(kind),
            checks: Vec::new(),
            follow_health: true,
            weight: 1,
            bias: 0,
            location: None,
            label,
        }
    }

    /// Makes branches to pools.
    pub(crate) fn branches(&mut self, pools: &[PoolId]) -> Vec<BranchModel> {
        pools
            .iter()
            .map(|pool| self.branch(NodeKind::Pool(*pool)))
            .collect()
    }

    /// Makes a failover over pools.
    pub(crate) fn failover(&mut self, pools: &[PoolId]) -> NodeModel {
        let list = self.branches(pools);
        self.node(NodeKind::Failover(list))
    }

    /// Makes a weighted node over pools.
    pub(crate) fn weighted(&mut self, pools: &[(PoolId, u16)]) -> NodeModel {
        let mut list = Vec::new();
        for (pool, weight) in pools {
            let mut branch = self.branch(NodeKind::Pool(*pool));
            branch.weight = *weight;
            list.push(branch);
        }
        self.node(NodeKind::Weighted(list))
    }

    /// Makes a geo node; the place `default` is every other client.
    pub(crate) fn geo(&mut self, pools: &[(&str, PoolId)]) -> NodeModel {
        let mut list = Vec::new();
        for (place, pool) in pools {
            let key = match *place {
                "default" => GeoKey::Default,
                place => GeoKey::Place(Place::parse(place).expect("a place")),
            };
            let branch = self.branch(NodeKind::Pool(*pool));
            list.push((key, branch));
        }
        self.node(NodeKind::Geo(list))
    }

    /// Makes a nearest node over pools in regions.
    pub(crate) fn nearest(&mut self, pools: &[(&str, PoolId)]) -> NodeModel {
        let mut list = Vec::new();
        for (region, pool) in pools {
            let mut branch = self.branch(NodeKind::Pool(*pool));
            branch.location = region_point(region).map(|point| Location {
                code: Some((*region).to_owned()),
                point,
            });
            list.push(branch);
        }
        self.node(NodeKind::Nearest(list))
    }
}

fn http(endpoint: Option<Endpoint>) -> ProbeTemplate {
    ProbeTemplate {
        endpoint,
        port: 80,
        kind: ProbeKind::Http(HttpProbe {
            tls: None,
            method: "GET".to_owned(),
            path: "/".to_owned(),
            host: String::new(),
            headers: Vec::new(),
            status: vec![(200, 299)],
            contains: None,
            regex: None,
            follow_redirects: 0,
            days_left: 0,
            header_bytes: HttpProbe::HEADER_BYTES,
        }),
        interval: Duration::from_secs(10),
        timeout: Timeout::Whole(Duration::from_secs(3)),
        watch: false,
        damping: Damping {
            rise: 2,
            fall: 3,
            forgive: 1,
            degraded: None,
        },
    }
}
