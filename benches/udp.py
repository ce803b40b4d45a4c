#!/usr/bin/env python3
"""Server CPU a query over UDP: a bare echo, Leeward and the peers that are installed, in turn.

    benches/udp.py [--runs 3] [--seconds 4] [--workers 1] [--names 100000] [--program target/dist/leeward]
                   [--only echo,leeward,gdnsd,knot,nsd] [--cases mixed,hit,...]

Each case is asked of each server as fast as one client that never sleeps can, the server on the first core and the client
on the second (with --workers 2 nothing is pinned). What counts is CPU of the server (user and system, all its processes) by
answered query, medians of the runs, in turn within one sitting, and its ratio to the echo of the same questions. Peers are
Debian's packages; one that is not installed is left out and named. Everything listens on 127.0.0.1, lives in a temporary
folder, and is ended by its own process id.

| Case | What is asked |
|---|---|
| mixed | 60 % A, 20 % AAAA, 10 % names that do not exist, 5 % wildcard, 5 % types that do not exist; names in random order |
| hit, nodata, nxdomain, wildcard, referral | one kind, names in random order |
| edns, cookie | hits with an OPT record; with a client cookie too |
| static1, static8, static1-subnet | one name with one address; with eight; one, with random client subnets |
| failover, weighted, geo, multivalue | one dynamic name (Leeward only); geo by a country list, random client subnets |
"""
import argparse
import json
import os
import random
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

from load import family

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ZONE = "example.test"
DYNAMIC = "dynamic.test"
TICK = os.sysconf("SC_CLK_TCK")
QUESTIONS = 100_000
START_PATIENCE_SECS = 60
KINDS = ["mixed", "hit", "nodata", "nxdomain", "wildcard", "referral", "edns", "cookie", "static1", "static8", "static1-subnet"]
POLICIES = ["failover", "weighted", "geo", "multivalue"]
PORTS = {"echo": 5380, "leeward": 5381, "gdnsd": 5382, "knot": 5383, "nsd": 5384}
A, NS, AAAA, MX = 1, 2, 28, 15


def wire_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".")) + b"\0"


def question(name, rtype, options=None):
    """A query; with `options` it has an OPT record that offers 1232 octets."""
    opt = b"" if options is None else b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(options)) + options
    head = struct.pack("!6H", 0, 0, 1, 0, 0, int(options is not None))
    return head + wire_name(name) + struct.pack("!2H", rtype, 1) + opt


def questions(case, names):
    """The messages of a case, the same in every run."""
    chance = random.Random(7)
    host = lambda: f"h{chance.randrange(names):07}.{ZONE}"
    wild = lambda: f"w{chance.randrange(10_000_000)}.wild.{ZONE}"
    none = lambda: f"n{chance.randrange(10_000_000)}.{ZONE}"
    cookie = lambda: struct.pack("!2H8s", 10, 8, chance.randbytes(8))
    subnet = lambda: struct.pack("!2HHBB3s", 8, 7, 1, 24, 0, bytes([chance.randrange(1, 224)]) + chance.randbytes(2))

    def mixed():
        drawn = chance.random()
        if drawn < 0.6:
            return question(host(), A)
        if drawn < 0.8:
            return question(host(), AAAA)
        if drawn < 0.9:
            return question(none(), A)
        return question(wild(), A) if drawn < 0.95 else question(host(), MX)

    kinds = {
        "mixed": mixed,
        "hit": lambda: question(host(), A),
        "nodata": lambda: question(host(), MX),
        "nxdomain": lambda: question(none(), A),
        "wildcard": lambda: question(wild(), A),
        "referral": lambda: question(f"q{chance.randrange(10_000)}.d{chance.randrange(100)}.{ZONE}", A),
        "edns": lambda: question(host(), A, b""),
        "cookie": lambda: question(host(), A, cookie()),
        "static1": lambda: question(f"static1.{ZONE}", A),
        "static8": lambda: question(f"static8.{ZONE}", A),
        "static1-subnet": lambda: question(f"static1.{ZONE}", A, subnet()),
        "geo": lambda: question(f"geo.{DYNAMIC}", A, subnet()),
    }
    make = kinds.get(case) or (lambda: question(f"{case}.{DYNAMIC}", A))
    count = 1 if case in ("static1", "static8", "failover", "weighted", "multivalue") else QUESTIONS
    return b"".join(struct.pack("!H", len(message)) + message for message in (make() for _ in range(count)))


def write_zone(path, names):
    with open(path, "w") as out:
        out.write(f"$ORIGIN {ZONE}.\n$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ IN NS ns1\n@ IN NS ns2\n"
                  "ns1 IN A 10.0.0.1\nns2 IN A 10.0.0.2\n*.wild IN A 10.0.0.3\nstatic1 IN A 10.9.0.1\n")
        for n in range(8):
            out.write(f"static8 IN A 10.9.0.{n + 1}\n")
        for n in range(100):
            out.write(f"d{n} IN NS ns.d{n}\nns.d{n} IN A 10.8.0.{n}\n")
        for n in range(names):
            address = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
            out.write(f"h{n:07} IN A {address}\nh{n:07} IN AAAA 2001:db8::{n >> 16:x}:{n & 65535:x}\n")


def write_dynamic(path):
    """Dynamic names; no check, so that nothing probes meanwhile: the decision is the same."""
    with open(path, "w") as out:
        out.write(f'zone = "{DYNAMIC}"\n')
        for number in range(8):
            out.write(f'[pools.p{number}]\nmembers = ["10.9.1.{number + 1}"]\n')
        many = ", ".join(f'"10.9.2.{n + 1}"' for n in range(8))
        out.write(f'[pools.many]\nmembers = [{many}]\n[names]\n"@".NS = "ns1.example.net."\n'
                  'failover = { failover = ["p0", "p1"] }\nmultivalue = "many"\n'
                  "weighted = { weighted = { p0 = 1, p1 = 2, p2 = 3, p3 = 4, p4 = 5, p5 = 6, p6 = 7, p7 = 8 } }\n"
                  'geo = { geo = { EU = { failover = ["p0", "p1"] }, NA = "p2", AS = "p3", DE = "p4", default = "p5" } }\n')


def write_countries(path):
    """A country list as large as those that are sold: 400,000 blocks."""
    chance = random.Random(3)
    codes = "US DE FR JP BR IN CN GB AU ZA CA RU".split()
    with open(path, "w") as out:
        for n in range(400_000):
            first = (1 << 24) + n * ((223 << 24) // 400_000) & ~255
            out.write(f"{socket.inet_ntoa(struct.pack('!I', first))},"
                      f"{socket.inet_ntoa(struct.pack('!I', first + 255 + 256 * chance.randrange(16)))},{chance.choice(codes)}\n")


def configure(work, zones, workers, programs):
    """Start commands of everything that is there."""
    zone = f"{zones}/{ZONE}.zone"
    commands = {"echo": [programs["storm"], "echo", str(PORTS["echo"])]}
    with open(f"{work}/leeward.toml", "w") as out:
        out.write(f'listen = ["127.0.0.1:{PORTS["leeward"]}"]\nzones = "{zones}"\nhttp = false\nworkers = {workers}\n'
                  f'[geo]\ndatabase = "{work}/countries.csv"\n')
    commands["leeward"] = [programs["leeward"], "serve", "--config", f"{work}/leeward.toml"]
    for folder in ("gdnsd/zones", "gdnsd/run", "gdnsd/state", "knot/db", "nsd"):
        os.makedirs(f"{work}/{folder}")
    os.symlink(zone, f"{work}/gdnsd/zones/{ZONE}")
    with open(f"{work}/gdnsd/config", "w") as out:
        out.write(f"options => {{ listen => {{ 127.0.0.1:{PORTS['gdnsd']} => {{ udp_threads => {workers}, tcp_threads => 1 }} }}\n"
                  f"run_dir => {work}/gdnsd/run\nstate_dir => {work}/gdnsd/state }}\n")
    commands["gdnsd"] = ["/usr/sbin/gdnsd", "-c", f"{work}/gdnsd", "start"]
    with open(f"{work}/knot.conf", "w") as out:
        out.write(f"server:\n  rundir: \"{work}/knot\"\n  user: root\n  listen: 127.0.0.1@{PORTS['knot']}\n"
                  f"  udp-workers: {workers}\n  tcp-workers: 1\n  background-workers: 1\ndatabase:\n  storage: \"{work}/knot/db\"\n"
                  f"template:\n  - id: default\n    journal-content: none\n    zonefile-sync: -1\n"
                  f"zone:\n  - domain: {ZONE}\n    file: \"{zone}\"\n")
    commands["knot"] = ["/usr/sbin/knotd", "-c", f"{work}/knot.conf"]
    with open(f"{work}/nsd/nsd.conf", "w") as out:
        out.write(f"server:\n  ip-address: 127.0.0.1@{PORTS['nsd']}\n  server-count: {workers}\n  username: \"\"\n"
                  f"  reuseport: {'yes' if workers > 1 else 'no'}\n  database: \"\"\n  zonesdir: \"{work}/nsd\"\n"
                  f"  pidfile: \"{work}/nsd/pid\"\n  xfrdfile: \"{work}/nsd/xfrd\"\n  zonelistfile: \"{work}/nsd/list\"\n"
                  f"  xfrdir: \"{work}/nsd\"\n  logfile: \"{work}/nsd/log\"\n  rrl-ratelimit: 0\n"
                  f"remote-control:\n  control-enable: no\nzone:\n  name: {ZONE}\n  zonefile: \"{zone}\"\n")
    commands["nsd"] = ["/usr/sbin/nsd", "-d", "-c", f"{work}/nsd/nsd.conf"]
    return commands


def cpu_ticks(pid):
    """User and system time of a process and its descendants, in seconds."""
    user = system = 0
    for one in family(pid):
        try:
            with open(f"/proc/{one}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            user += int(fields[11])
            system += int(fields[12])
        except OSError:
            pass
    return user / TICK, system / TICK


def is_up(port, message):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        try:
            asking.connect(("127.0.0.1", port))
            asking.send(message)
            return asking.recv(4096)[2] & 0x80 != 0
        except OSError:
            return False


class Server:
    """A server that runs while it is measured."""

    def __init__(self, label, command, work, core):
        self.label, self.port = label, PORTS[label]
        pin = (lambda: os.sched_setaffinity(0, {core})) if core is not None else None
        self.log = open(f"{work}/{label}.log", "w")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, preexec_fn=pin)
        started = time.monotonic()
        probe = question(f"static1.{ZONE}", A)
        while not is_up(self.port, probe):
            if self.process.poll() is not None or time.monotonic() - started > START_PATIENCE_SECS:
                self.end()
                with open(self.log.name) as log:
                    raise RuntimeError(f"{label} does not answer: {log.read()[-500:]}")
            time.sleep(0.02)

    def measure(self, storm, path, seconds, core):
        before = cpu_ticks(self.process.pid)
        command = [storm, "ask", str(self.port), path, str(seconds)]
        command = command if core is None else ["taskset", "-c", str(core), *command]
        told = json.loads(subprocess.check_output(command))
        after = cpu_ticks(self.process.pid)
        answered = max(told["answered"], 1)
        told["user"], told["system"] = ((late - early) / answered * 1e6 for early, late in zip(before, after))
        told["cost"] = told["user"] + told["system"]
        return told

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def measure_case(case, asked, chosen, commands, storm, work):
    """Runs one case on every server in turn; returns rows of results by server."""
    labels = [label for label in asked if label in ("echo", "leeward") or case not in POLICIES]
    taken = {label: [] for label in labels}
    path = f"{work}/questions"
    with open(path, "wb") as out:
        out.write(questions(case, chosen.names))
    cores = (0, 1) if chosen.workers == 1 else (None, None)
    for _ in range(chosen.runs):
        for label in labels:
            server = Server(label, commands[label], work, cores[0])
            try:
                server.measure(storm, path, min(1, chosen.seconds), cores[1])
                taken[label].append(server.measure(storm, path, chosen.seconds, cores[1]))
            finally:
                server.end()
    return taken


def show(case, taken):
    middle = lambda label, key: statistics.median(run[key] for run in taken[label])
    floor = middle("echo", "cost") if "echo" in taken else None
    for label, runs in taken.items():
        costs = [run["cost"] for run in runs]
        ratio = f"{middle(label, 'cost') / floor:5.2f}" if floor else "    -"
        print(f"{case:12} {label:8} {middle(label, 'cost'):6.2f} ({min(costs):.2f}-{max(costs):.2f}) {ratio} "
              f"{middle(label, 'user'):6.2f} {middle(label, 'answered') / middle(label, 'seconds') / 1000:7.0f} "
              f"{sum(run['lost'] for run in runs):6} {middle(label, 'octets'):6.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--program", default=f"{ROOT}/target/dist/leeward")
    parser.add_argument("--only", default=",".join(PORTS), help="servers")
    parser.add_argument("--cases", default="mixed", help="cases, or `all`")
    chosen = parser.parse_args()
    cases = KINDS + POLICIES if chosen.cases == "all" else chosen.cases.split(",")
    work = tempfile.mkdtemp(prefix="udp-")
    try:
        storm = f"{work}/storm"
        subprocess.run(["cc", "-O2", "-o", storm, f"{ROOT}/benches/udp/storm.c"], check=True)
        zones = f"{work}/zones"
        os.makedirs(zones)
        write_zone(f"{zones}/{ZONE}.zone", chosen.names)
        write_dynamic(f"{zones}/dynamic.toml")
        write_countries(f"{work}/countries.csv")
        commands = configure(work, zones, chosen.workers, {"storm": storm, "leeward": chosen.program})
        asked = [label for label in chosen.only.split(",") if os.access(commands[label][0], os.X_OK)]
        for label in set(chosen.only.split(",")) - set(asked):
            print(f"{label} is not installed and left out", file=sys.stderr)
        print(f"{'case':12} {'server':8} us a query (least-greatest), ratio to the echo, user us, thousand a second, lost, octets")
        for case in cases:
            show(case, measure_case(case, asked, chosen, commands, storm, work))
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
