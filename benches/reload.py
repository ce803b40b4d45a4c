#!/usr/bin/env python3
"""What one changed zone among many costs, and what reloads do to the questions that come meanwhile.

    benches/reload.py [--zones 13000] [--reloads 100] [--rate 100000] [--seconds 20] [--program target/dist/leeward]

First without load: one file is changed and `leeward reload` run, again and again; time until the command returns and the
server's CPU for it, medians. Then what looking at the files costs while nothing changes. Then a client asks RATE
questions a second (choose half of what the server can do), once alone and once while the reloads run evenly spread;
each reload changes another zone. A changed zone must answer with its new address, or the run fails. Everything listens
on 127.0.0.1, lives in a temporary folder, and is ended by its own process id.
"""
import argparse
import json
import os
import socket
import statistics
import struct
import subprocess
import tempfile
import time

from load import cpu_and_memory, family, is_answered, write_small
from udp import ROOT, question

PORT = 5391
CONTROL = 5392
PATIENCE_SECS = 120


def compile_pace(work):
    program = f"{work}/pace"
    subprocess.run(["cc", "-O2", "-o", program, f"{ROOT}/benches/udp/pace.c"], check=True)
    return program


def change(folder, number, turn):
    """Gives `www` of a zone another address and the zone another serial; returns the address."""
    path, address = f"{folder}/z{number}.example.zone", f"10.7.{turn >> 8}.{turn & 255}"
    with open(path) as file:
        lines = file.read().split("\n")
    for at, line in enumerate(lines):
        if " SOA " in line:
            words = line.split()
            words[5] = str(int(words[5]) + 1)
            lines[at] = " ".join(words)
        if line.startswith("www IN A "):
            lines[at] = f"www IN A {address}"
    with open(f"{path}.new", "w") as file:
        file.write("\n".join(lines))
    os.rename(f"{path}.new", path)
    return address


def answer_of(name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(1)
        asking.connect(("127.0.0.1", PORT))
        asking.send(question(name, 1))
        return socket.inet_ntoa(asking.recv(4096)[-4:])


def cpu_of(pid):
    return cpu_and_memory(family(pid))[0]


class Reloads:
    def __init__(self, program, folder, zones):
        self.command = [program, "reload", "--server", f"127.0.0.1:{CONTROL}"]
        self.folder, self.zones, self.turn = folder, zones, 0

    def one(self):
        """Changes a zone and reloads; returns the seconds the command took."""
        self.turn += 1
        number = self.turn * 7919 % self.zones
        address = change(self.folder, number, self.turn)
        begun = time.monotonic()
        subprocess.run(self.command, check=True, stdout=subprocess.DEVNULL)
        taken = time.monotonic() - begun
        found = answer_of(f"www.z{number}.example")
        if found != address:
            raise SystemExit(f"www.z{number}.example is {found}, not {address}, after its reload")
        return taken


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zones", type=int, default=13_000)
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--rate", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--program", default=f"{ROOT}/target/dist/leeward")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = f"{work}/zones"
        os.mkdir(folder)
        _, last = write_small(folder, chosen.zones)
        with open(f"{work}/leeward.toml", "w") as out:
            out.write(f'listen = ["127.0.0.1:{PORT}"]\nhttp = "127.0.0.1:{CONTROL}"\nzones = "{folder}"\nworkers = 1\n')
        with open(f"{work}/questions", "wb") as out:
            for n in range(50_000):
                message = question(f"www.z{n * 31 % chosen.zones}.example", 1)
                out.write(struct.pack("!H", len(message)) + message)
        pace = compile_pace(work)
        server = subprocess.Popen([chosen.program, "serve", "--config", f"{work}/leeward.toml"], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        try:
            begun = time.monotonic()
            while not is_answered(last, PORT):
                if time.monotonic() - begun > PATIENCE_SECS or server.poll() is not None:
                    raise SystemExit("the server does not answer")
                time.sleep(0.05)
            time.sleep(3)
            run(chosen, server.pid, folder, pace, f"{work}/questions")
        finally:
            server.terminate()
            server.wait(20)


def run(chosen, pid, folder, pace, questions):
    reloads = Reloads(chosen.program, folder, chosen.zones)
    times, costs = [], []
    for _ in range(11):
        before = cpu_of(pid)
        times.append(reloads.one())
        costs.append(cpu_of(pid) - before)
    print(f"one changed zone among {chosen.zones:,}: {statistics.median(times) * 1e3:.0f} ms until served, "
          f"{statistics.median(costs) * 1e3:.0f} ms of CPU (medians of {len(times)})")
    before, begun = cpu_of(pid), time.monotonic()
    time.sleep(10)
    print(f"nothing changes: {(cpu_of(pid) - before) / (time.monotonic() - begun) * 100:.2f} % of a core for looking")

    def load():
        return subprocess.Popen([pace, str(PORT), questions, str(chosen.seconds), str(chosen.rate)], stdout=subprocess.PIPE)

    def told(what, client):
        found = json.loads(client.communicate()[0])
        print(f"{what}: {found['answered']:,} of {found['asked']:,} answered, {found['lost']} lost; delays p50 {found['p50']:.0f} "
              f"p99 {found['p99']:.0f} p99.9 {found['p999']:.0f} max {found['max']:.0f} us")
        return found

    alone = told(f"{chosen.rate:,} questions a second alone", load())
    client, begun = load(), time.monotonic()
    for turn in range(chosen.reloads):
        time.sleep(max(0.0, begun + (turn + 0.5) * chosen.seconds / chosen.reloads - time.monotonic()))
        reloads.one()
    beside = told(f"the same beside {chosen.reloads} reloads", client)
    print(f"p99 beside / alone: {beside['p99'] / alone['p99']:.2f}")


if __name__ == "__main__":
    main()
