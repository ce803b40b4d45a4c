use leeward::{config::*, place::Locations, rehearse::*, zone::*, answer::*, health::Status};
use std::sync::Arc;
struct F; impl Files for F { fn read(&self, p: &std::path::Path) -> Result<String, String> { std::fs::read_to_string(p).or_else(|_| Ok("203.0.114.0/24\n".into())) } }
fn main() {
    let mut paths: Vec<_> = std::fs::read_dir(std::env::args().nth(1).unwrap()).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect(); paths.sort();
    for path in paths {
        let source = Source { path: path.clone(), text: std::fs::read_to_string(&path).unwrap() };
        let (model, diags) = read_zone(&source, &F);
        println!("== {} {} diags", path.display(), diags.len());
        for d in &diags { println!("   {} {:?} {}", d.code, d.severity, d.message); }
        let Some(model) = model else { continue };
        let zone = match compile_zone(&model, 1) { Ok(z) => z, Err(e) => { println!("   BUILD {e}"); continue } };
        let locations = Locations::default();
        let maps = build_maps(&zone.policies, &locations);
        let served = ServedZone { zone: Arc::new(zone), maps };
        for f in check_expectations(&model, &served, &locations, false) { println!("   FAIL {}: {}\n{}", f.title, f.message, f.trace); }
        let inputs = Inputs::uniform(&served.zone.policies, Status::Healthy);
        let view = Fold::new(&served.zone.policies, inputs.clone()).view();
        let stage = Stage { served: &served, view: &view, inputs: &inputs, locations: &locations, evidence: &|_| None };
        for n in &model.names { if n.policy.is_some() || !n.type_policies.is_empty() {
            for t in [leeward::wire::Rtype::A, leeward::wire::Rtype::AAAA] {
            println!("{}", explanation_text(&explain(&stage, &Question { name: n.owner.clone(), rtype: t }, Client::Unknown))); }
        } }
    }
}
