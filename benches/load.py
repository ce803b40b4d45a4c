#!/usr/bin/env python3
"""Loads the same zones into Leeward, NSD and Knot, in turn, and prints time and memory.

    benches/load.py [--runs 3] [--program target/dist/leeward] [--names 100000,1000000] [--zones 13000]

For each set of zones and each server: seconds from its start to its first right answer, CPU seconds of all its
processes until then, and the memory they hold (proportional set size) after it. Medians of the runs. NSD and Knot are
Debian's packages; one that is not installed is left out and named. The single zone is loaded as a TOML file too. Everything listens on 127.0.0.1, lives in a temporary
folder, and is ended by its own process id.
"""
import argparse
import os
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

PORT = 5391
PATIENCE_SECS = 120
TICK = os.sysconf("SC_CLK_TCK")
# A zone in the format of its own has at most 1,000,000 names, and the zone here a few more than it is called after.
TOML_NAMES_MAX = 900_000


def write_large(folder, names):
    """One zone: `names` hosts with A and AAAA, aliases, texts and mail hosts among them."""
    with open(os.path.join(folder, "example.test.zone"), "w") as out:
        out.write("$ORIGIN example.test.\n$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 300\n")
        out.write("@ IN NS ns1\n@ IN NS ns2\nns1 IN A 10.0.0.1\nns2 IN A 10.0.0.2\n*.wild IN A 10.0.0.3\n")
        for n in range(names):
            v4 = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
            out.write(f"h{n:07} IN A {v4}\nh{n:07} IN AAAA 2001:db8::{n >> 16:x}:{n & 65535:x}\n")
        for n in range(names // 100):
            out.write(f"c{n:05} IN CNAME h{n:07}\nt{n:05} IN TXT \"text {n}\"\nm{n:05} IN MX 10 h{n:07}\n")
    return [("example.test", "example.test.zone")], f"h{names - 1:07}.example.test"


def write_toml(folder, names):
    """The same zone as `write_large` has, in the format of its own."""
    with open(os.path.join(folder, "example.test.toml"), "w") as out:
        out.write('zone = "example.test"\nttl = "300s"\n[names]\n"@".NS = ["ns1", "ns2"]\n')
        out.write('ns1.A = "10.0.0.1"\nns2.A = "10.0.0.2"\n"*.wild".A = "10.0.0.3"\n')
        for n in range(names):
            v4 = f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"
            out.write(f'h{n:07} = {{ A = "{v4}", AAAA = "2001:db8::{n >> 16:x}:{n & 65535:x}" }}\n')
        for n in range(names // 100):
            out.write(f'c{n:05}.CNAME = "h{n:07}"\nt{n:05}.TXT = "text {n}"\nm{n:05}.MX = "10 h{n:07}"\n')


def write_small(folder, zones):
    """Many zones of ten records."""
    rows = []
    for n in range(zones):
        apex = f"z{n}.example"
        rows.append((apex, f"{apex}.zone"))
        with open(os.path.join(folder, f"{apex}.zone"), "w") as out:
            out.write(f"$ORIGIN {apex}.\n$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ IN NS ns1\n@ IN NS ns2\n"
                      "ns1 IN A 10.0.0.1\nns2 IN A 10.0.0.2\nwww IN A 10.0.1.1\nwww IN AAAA 2001:db8::1\n"
                      "@ IN MX 10 mail\nmail IN A 10.0.2.1\n*.w IN TXT \"x\"\n")
    return rows, f"www.z{zones - 1}.example"


def leeward(program, folder, _rows, _work):
    return [program, "serve", "--listen", f"127.0.0.1:{PORT}", folder]


def leeward_toml(program, folder, _rows, _work):
    return [program, "serve", "--listen", f"127.0.0.1:{PORT}", f"{folder}-toml"]


def nsd(program, folder, rows, work):
    zones = "".join(f"zone:\n  name: {apex}\n  zonefile: \"{folder}/{file}\"\n" for apex, file in rows)
    with open(f"{work}/nsd.conf", "w") as out:
        out.write(f"server:\n  ip-address: 127.0.0.1@{PORT}\n  server-count: 1\n  username: \"\"\n  database: \"\"\n"
                  f"  zonesdir: \"{work}\"\n  pidfile: \"{work}/nsd.pid\"\n  xfrdfile: \"{work}/xfrd.state\"\n"
                  f"  zonelistfile: \"{work}/zone.list\"\n  xfrdir: \"{work}\"\n  logfile: \"{work}/nsd.log\"\n"
                  f"remote-control:\n  control-enable: no\n{zones}")
    return [program, "-d", "-c", f"{work}/nsd.conf"]


def knot(program, folder, rows, work):
    zones = "".join(f"  - domain: {apex}\n    file: \"{folder}/{file}\"\n" for apex, file in rows)
    with open(f"{work}/knot.conf", "w") as out:
        out.write(f"server:\n  rundir: \"{work}\"\n  user: root\n  listen: 127.0.0.1@{PORT}\n  udp-workers: 1\n"
                  f"  tcp-workers: 1\n  background-workers: 2\ndatabase:\n  storage: \"{work}/db\"\n"
                  f"log:\n  - target: \"{work}/knot.log\"\n    any: info\n"
                  f"template:\n  - id: default\n    journal-content: none\n    zonefile-sync: -1\nzone:\n{zones}")
    return [program, "-c", f"{work}/knot.conf"]


def is_answered(name, port=PORT):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack("!6H", 7, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        try:
            asking.connect(("127.0.0.1", port))
            asking.send(query)
            reply = asking.recv(4096)
        except OSError:
            return False
    return len(reply) > 12 and reply[3] & 15 == 0 and reply[7] > 0


def family(pid):
    """A process and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    parent = int(stat.read().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry))
            except (OSError, ValueError):
                pass
    found, wave = [], [pid]
    while wave:
        found += wave
        wave = [child for one in wave for child in children.get(one, [])]
    return found


def cpu_and_memory(pids):
    cpu, memory = 0.0, 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            # Its own time and that of children that ended and were waited for.
            cpu += sum(int(field) for field in fields[11:15]) / TICK
            with open(f"/proc/{pid}/smaps_rollup") as smaps:
                memory += next(int(line.split()[1]) for line in smaps if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
    return cpu, memory / 1024


def run(command, name):
    started = time.monotonic()
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not is_answered(name):
            if time.monotonic() - started > PATIENCE_SECS or server.poll() is not None:
                return None
            time.sleep(0.005)
        seconds = time.monotonic() - started
        return (seconds, *cpu_and_memory(family(server.pid)))
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def measure(title, rows, name, folder, servers, runs):
    print(f"\n{title}\n  {'server':8} {'seconds':>9} {'CPU s':>8} {'PSS MiB':>9}")
    taken = {label: [] for label, _, _ in servers}
    for _ in range(runs):
        for label, program, configure in servers:
            work = tempfile.mkdtemp(prefix="load-")
            os.makedirs(f"{work}/db")
            taken[label].append(run(configure(program, folder, rows, work), name))
            shutil.rmtree(work, ignore_errors=True)
    for label, results in taken.items():
        if None in results:
            print(f"  {label:8} did not answer {name}")
            continue
        seconds, cpu, memory = (statistics.median(column) for column in zip(*results))
        print(f"  {label:8} {seconds:9.2f} {cpu:8.2f} {memory:9.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--program", default="target/dist/leeward")
    parser.add_argument("--names", default="100000,1000000", help="sizes of the single zone")
    parser.add_argument("--zones", default="13000", help="numbers of small zones")
    chosen = parser.parse_args()
    servers = [("leeward", chosen.program, leeward)]
    toml = ("as TOML", chosen.program, leeward_toml)
    for label, program, configure in (("nsd", "/usr/sbin/nsd", nsd), ("knot", "/usr/sbin/knotd", knot)):
        if os.access(program, os.X_OK):
            servers.append((label, program, configure))
        else:
            print(f"{label} is not installed and left out", file=sys.stderr)
    for write, sizes, title in ((write_large, chosen.names, "one zone of {} names"),
                                (write_small, chosen.zones, "{} zones of ten records")):
        for size in (int(part) for part in sizes.split(",") if part):
            with tempfile.TemporaryDirectory() as both:
                folder = f"{both}/zones"
                os.mkdir(folder)
                rows, name = write(folder, size)
                has_toml = write is write_large and size <= TOML_NAMES_MAX
                if has_toml:
                    os.mkdir(f"{folder}-toml")
                    write_toml(f"{folder}-toml", size)
                measured = [*servers, toml] if has_toml else servers
                measure(title.format(f"{size:,}"), rows, name, folder, measured, chosen.runs)


if __name__ == "__main__":
    main()
