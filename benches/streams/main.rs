//! What an answered query costs over TCP, TLS, HTTPS and QUIC: Leeward and its peers, in turn, on one zone.
//!
//! ```sh
//! cargo build --profile dist
//! cargo bench --bench streams -- --modes tcp-pipelined,tcp-single --servers leeward,knot,pdns
//! ```
//!
//! In: programs that are installed (Debian's packages nsd, knot, pdns-server with pdns-backend-bind, bind9, dnsdist). Out: a
//! table of queries a second and of CPU time of the server's processes an answered query (user and system, from
//! `/proc/PID/stat`), medians of several runs in turn. Everything listens on loopback and ends with the run. The server
//! has the first core, the load the second; compare the CPU column of one sitting.

#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

mod framed;
mod quic;
mod scene;
mod servers;
mod tls;
mod web;

use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;

use framed::Style;
use scene::{KeyKind, Questions, Scene};
use servers::{Running, SERVERS, ServerKind};
use tls::Resume;
use web::Form;

/// Load before anything is counted.
const WARM_UP: Duration = Duration::from_millis(400);

/// How questions are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Tcp(Style),
    Tls(Style, Resume),
    Https(Form),
    Quic,
}

/// Which port a mode asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Plain,
    Tls,
    Https,
    Quic,
}

const MODES: [(&str, Mode); 8] = [
    ("tcp-pipelined", Mode::Tcp(Style::Pipelined)),
    ("tcp-single", Mode::Tcp(Style::Single)),
    ("dot-pipelined", Mode::Tls(Style::Pipelined, Resume::Never)),
    ("dot-full", Mode::Tls(Style::Single, Resume::Never)),
    ("dot-resumed", Mode::Tls(Style::Single, Resume::Always)),
    ("doh-get", Mode::Https(Form::Get)),
    ("doh-post", Mode::Https(Form::Post)),
    ("doq", Mode::Quic),
];

impl Mode {
    fn port(self) -> Port {
        match self {
            Self::Tcp(_) => Port::Plain,
            Self::Tls(..) => Port::Tls,
            Self::Https(_) => Port::Https,
            Self::Quic => Port::Quic,
        }
    }
}

/// What the command line asks for.
struct Wish {
    seconds: f64,
    runs: usize,
    names: u32,
    program: String,
    key: KeyKind,
    servers: Vec<ServerKind>,
    modes: Vec<(&'static str, Mode)>,
}

impl Wish {
    fn read() -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let value = |name: &str| {
            let at = arguments.iter().position(|each| each == name)?;
            arguments.get(at + 1).cloned()
        };
        let number = |name: &str, default: f64| {
            value(name).map_or(default, |text| text.parse().expect("a number"))
        };
        let is_wanted = |list: &Option<String>, name: &str| {
            list.as_ref()
                .is_none_or(|list| list.split(',').any(|each| each == name))
        };
        let (servers, modes) = (value("--servers"), value("--modes"));
        Self {
            seconds: number("--secs", 3.0),
            runs: number("--runs", 3.0) as usize,
            names: number("--names", 100_000.0) as u32,
            program: value("--program").unwrap_or_else(|| "target/dist/leeward".to_owned()),
            key: match value("--key").as_deref() {
                Some("rsa") => KeyKind::Rsa,
                _ => KeyKind::Ecdsa,
            },
            servers: SERVERS
                .into_iter()
                .filter(|server| is_wanted(&servers, server.name()))
                .collect(),
            modes: MODES
                .into_iter()
                .filter(|(name, _)| is_wanted(&modes, name))
                .collect(),
        }
    }
}

/// One run's result.
#[derive(Clone, Copy, Debug)]
struct Taken {
    queries_a_second: f64,
    micros_a_query: f64,
    user_share: f64,
}

fn main() {
    let wish = Wish::read();
    scene::keep_to_core(1);
    let scene = Scene::set(wish.names, wish.key);
    println!(
        "{:14} {:9} {:>10} {:>10} {:>22} {:>6}",
        "mode", "server", "queries/s", "us/query", "least - greatest", "user"
    );
    for (name, mode) in &wish.modes {
        let able: Vec<_> = wish
            .servers
            .iter()
            .filter(|server| server.speaks(mode.port()))
            .collect();
        let mut taken = vec![Vec::new(); able.len()];
        for _ in 0..wish.runs {
            for (server, taken) in able.iter().zip(&mut taken) {
                match run(**server, *mode, &scene, &wish) {
                    Ok(one) => taken.push(one),
                    Err(reason) => eprintln!("{name} {}: {reason}", server.name()),
                }
            }
        }
        for (server, taken) in able.iter().zip(&taken) {
            show(name, server.name(), taken);
        }
    }
}

fn show(mode: &str, server: &str, taken: &[Taken]) {
    if taken.is_empty() {
        println!("{mode:14} {server:9} no figures");
        return;
    }
    let sorted = |pick: fn(&Taken) -> f64| {
        let mut values: Vec<_> = taken.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let (rates, micros) = (
        sorted(|each| each.queries_a_second),
        sorted(|each| each.micros_a_query),
    );
    let users = sorted(|each| each.user_share);
    let middle = taken.len() / 2;
    let range = format!("{:.2} - {:.2}", micros[0], micros[taken.len() - 1]);
    println!(
        "{mode:14} {server:9} {:10.0} {:10.2} {range:>22} {:5.0}%",
        rates[middle],
        micros[middle],
        users[middle] * 100.0
    );
}

/// Starts a server, loads it, and counts what that cost.
fn run(server: ServerKind, mode: Mode, scene: &Scene, wish: &Wish) -> Result<Taken, String> {
    let running = Running::start(server, scene, &wish.program)?;
    let address = running.address(mode.port());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let questions = Rc::new(Questions::new(wish.names));
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        match mode {
            Mode::Tcp(style) => framed::load_plain(style, address, &questions),
            Mode::Tls(style, resume) => framed::load_sealed(style, resume, address, &questions),
            Mode::Https(form) => web::load(form, address, &questions),
            Mode::Quic => quic::load(address, &questions),
        }
        tokio::time::sleep(WARM_UP).await;
        let (count, cpu, began) = (questions.answered(), running.cpu(), Instant::now());
        tokio::time::sleep(Duration::from_secs_f64(wish.seconds)).await;
        let elapsed = began.elapsed().as_secs_f64();
        let (count, cpu) = (questions.answered() - count, running.cpu().since(cpu));
        if questions.failed() > count / 100 {
            return Err(format!(
                "{} failures beside {count} answers",
                questions.failed()
            ));
        }
        if count == 0 || cpu.sum() == 0.0 {
            return Err("nothing was answered".to_owned());
        }
        Ok(Taken {
            queries_a_second: count as f64 / elapsed,
            micros_a_query: cpu.sum() * 1e6 / count as f64,
            user_share: cpu.user / cpu.sum(),
        })
    })
}
