//! Texts of help below the flags: examples to copy, and exit codes.
//!
//! In: nothing. Out: text. Each example is a line that works as it stands in the root of this repository.

/// Below `leeward --help`.
pub(super) const TOP: &str = "\
Examples:
  leeward lab                                  try it: three regions on loopback, nothing to set up
  leeward validate zones                       read the zone files, report every fault
  leeward serve --listen 127.0.0.1:5300 zones  serve them
  leeward explain www.lab.example A --zones zones --down pool:us-east
  leeward status                               what is served now, why, since when

Exit codes: 0 fine, 1 faults found, 2 wrong usage, 3 cannot run.";

/// Below `leeward serve --help`.
pub(super) const SERVE: &str = "\
Examples:
  leeward serve --listen 127.0.0.1:5300 zones
  leeward serve --listen 192.0.2.53:53 --listen '[2001:db8::53]:53' zones
  leeward serve --config leeward.toml
  leeward serve --config leeward.toml --check            # before a restart

SIGHUP reads zone files and server file again; so does a change of either, within seconds. What
cannot change while the server runs is listed by leeward status as restart-needed.
SIGTERM and Ctrl-C stop after the queries under way are answered.";

/// Below `leeward validate --help`.
pub(super) const VALIDATE: &str = "\
Examples:
  leeward validate zones
  leeward validate zones --strict --format github    # in a workflow
  leeward validate zones/lab.toml --format json      # in an editor
  leeward validate leeward.toml                      # the server file

Outage tests ([[expect]] blocks) run too. Exit codes: 0 clean, 1 faults found, 2 wrong usage.";

/// Below `leeward show --help`.
pub(super) const SHOW: &str = "\
Examples:
  leeward show zones/lab.toml
  leeward show zones www.lab.example";

/// Below `leeward convert --help`.
pub(super) const CONVERT: &str = "\
Examples:
  leeward convert example.com.zone -o example.com.toml
  leeward convert example.com.toml                       # a master file, to standard output
  leeward convert zones/lab.toml --expand                # members of policies as plain records
  leeward convert - --to toml --origin example.com < db.example

What the other form cannot say is left out with a warning that names the line, on standard error.
Exit codes: 0 fine, 1 faults found, 2 wrong usage, 3 cannot run.";

/// Below `leeward explain --help`.
pub(super) const EXPLAIN: &str = "\
Examples:
  leeward explain www.lab.example A                      # the running server, as it is now
  leeward explain api.lab.example A --from EU-DE --zones zones
  leeward explain api.lab.example A --from 192.0.2.7 --subnet 198.51.100.0/24 --zones zones
  leeward explain www.lab.example A --zones zones --down 'target:eu-west/127.0.2.*'

With --zones the files alone are asked, and all targets count as healthy but those that are named.
Without it the running server is, as it is now; with --down it says what it would answer then. The
first line says which.";

/// Below `leeward simulate --help`.
pub(super) const SIMULATE: &str = "\
Examples:
  leeward simulate --zones zones --down pool:us-east        # from the files, everything else healthy
  leeward simulate --drain site:eu-west-1                   # from the running server, as it is now
  leeward simulate --zones zones --down pool:us-east --name 'api.*' --from EU-DE --from NA-US
  leeward simulate --zones zones --every-single-loss        # in a workflow

With --zones the files alone are asked, without it the running server; the first line says which.
Nothing is changed anywhere. Without --from every place and prefix that the zones tell apart asks.
Exit codes: 0 no name ends worse, 1 some name ends empty, on last resort or
over capacity, 2 wrong usage.";

/// Below `leeward diff --help`.
pub(super) const DIFF: &str = "\
Examples:
  leeward diff /etc/leeward/zones zones                     # before a change is merged
  leeward diff old.toml new.toml --json
  leeward diff served zones --server 127.0.0.1:8053         # weighed by what was asked lately

Answers are compared, not text: everything counts as healthy, and every place and prefix that
either side tells apart asks. Exit codes: 0 no answer differs, 1 some do, 2 wrong usage.";

/// Below `leeward probe --help`.
pub(super) const PROBE: &str = "\
Examples:
  leeward probe --zones zones
  leeward probe --zones zones --check web --json

Each check is run once from this machine, against every target. Nothing is changed anywhere.
Exit codes: 0 all good, 1 at least one probe failed.";

/// Below `leeward status --help`.
pub(super) const STATUS: &str = "\
Examples:
  leeward status
  leeward status --server 127.0.0.1:8053 --json";

/// Below `leeward reload --help`.
pub(super) const RELOAD: &str = "\
Examples:
  leeward reload
  leeward reload --yes         # whatever it changes

Exit codes: 0 the new files are served, 1 a file was refused (the last good zone stays served), or
they change more than the blast radius and wait.";

/// Below `leeward release --help`.
pub(super) const RELEASE: &str = "\
Examples:
  leeward release www.shop.example.com
  leeward release pool:world --zone shop.example.com

For failovers whose `failback` is not auto: `leeward status` and `leeward explain` say which are
held, and since when. What is held is this server's own and survives its restart; other servers
do not hear of a release.
Exit codes: 0 the first healthy tier is answered, 1 refused, 3 no server answered.";

/// Below `leeward switch --help`.
pub(super) const SWITCH: &str = "\
Examples:
  leeward switch                              list them
  leeward switch maintenance off
  leeward switch colour blue=on green=off     a panel changes in one step

A change that breaks the panel's `at-least` or `at-most` is refused whole. Switches are this
server's own and survive its restart; other servers do not hear of them.
Exit codes: 0 done, 1 refused, 3 no server answered.";

/// Below `leeward heartbeat --help`.
pub(super) const HEARTBEAT: &str = "\
Examples:
  leeward heartbeat backup --note '3 GB in 4 min'
  leeward heartbeat backup --bad --note 'disk full'
  curl -fsS -X POST -H 'X-Leeward-Request: 1' 'http://127.0.0.1:8053/api/heartbeat?check=backup'

Exit codes: 0 taken, 1 no such check, 3 no server answered.";

/// Below `leeward geo --help`.
pub(super) const GEO: &str = "\
Examples:
  leeward geo 198.51.100.7
  leeward geo 198.51.100.7 --database country.mmdb --json
  leeward geo EU-DE

Fetches nothing: it asks the networks of the server file and the database that is named.";

/// Below `leeward lab --help`.
pub(super) const LAB: &str = "\
Examples:
  leeward lab                        start it; then type help
  leeward lab kill us-east           from another terminal: connections to us-east are refused
  leeward lab slow eu-west           eu-west accepts and never answers
  leeward lab heal all               everything is well again
  leeward lab --port 5400 --http 8153
                                     on other ports, where some are taken
  leeward lab kill us-east --http 8153
                                     in that lab
  leeward explain www.lab.example A  why it is answered what it is answered

The lab needs no root and touches loopback addresses only. With --port come the name server
(127.0.0.1:5300), a caching resolver (+1), the parent zone that delegates to it (+2) and DNS over
TLS (+553); with --http the page, status and explain (127.0.0.1:8053), commands from other
terminals (+1) and the regions (+427, on 127.0.1.1 to 127.0.3.2). The parent zone is example.:
zones of --zones that lie below it are delegated too; they name the regions' port themselves. The
resolver asks the name servers of a delegation at --port in place of 53.";

/// Below `leeward completions --help`.
pub(super) const COMPLETIONS: &str = "\
Examples:
  leeward completions bash > /etc/bash_completion.d/leeward
  leeward completions zsh > ~/.zfunc/_leeward
  leeward completions fish > ~/.config/fish/completions/leeward.fish";

/// Below `leeward healthcheck --help`.
pub(super) const HEALTHCHECK: &str = "\
Examples:
  leeward healthcheck
  leeward healthcheck --server 127.0.0.1:8053

Exit codes: 0 alive, 1 the server says that something of it is stuck, 3 nobody answers.";
