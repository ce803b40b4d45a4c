#!/usr/bin/env python3
"""A whole server under everything at once: load, flips, reloads, hostile clients, hostile targets, and 100 kills.

    benches/soak.py [--seconds 1200] [--kills 100] [--rate N] [--hostile 1000] [--program target/dist/leeward] [--short]

The first half runs one process without a break, the second kills it (SIGKILL) again and again, evenly spread, and starts it
anew at once. All the while:

| What | How |
|---|---|
| load | static and dynamic names over UDP, half of what the server answers when it is measured at the start (or `--rate`) |
| honest client | a query over TCP every 20 ms, each on a connection of its own |
| flips | an endpoint falls or returns; the answer must follow |
| reloads | a zone file is replaced and `leeward reload` run; the new address must be answered when it returns |
| switches | `leeward switch`; what is acknowledged must be answered, and after a kill still be so |
| hostile clients | silent connections (DNS, DNS over TLS, control API), octets that are no DNS, no TLS, no QUIC |
| hostile targets | half of all: they hang, drip, reset, or talk nonsense |

Laws, each a row at the end; the run fails if one is broken:

- No question is lost outside the kills. A kill's window is from a second before it (what stands in the socket dies with the
  process) until the server answers again.
- Each flip is answered within ten seconds, each reload and switch when its command returns. No acknowledged switch is lost.
- Memory (PSS) and open files in the last quarter of the first half: their medians are at most a tenth above those of the
  second quarter (and 4 MiB or 8 files, whichever is more).
- Nothing panics.

Everything listens on 127.0.0.0/8, lives in a temporary folder, is bounded in count and time, and is ended by its own process id.
`--short` is a minute with 5 kills and 500 questions a second, for an unoptimised build; `./test all` runs it.
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
import threading
import time

from load import cpu_and_memory
from reload import compile_pace
from udp import ROOT, question

PORTS = {"dns": 27100, "tls": 27101, "control": 27102, "endpoint": 27103, "quic": 27104}
PATIENCE_SECS = 60
FLIP_SECS_MAX = 10
SWITCH_SECS_MAX = 5
WINDOW_BEFORE_SECS = 1.0
SEGMENT_SECS = 60
NAMES = 2_000
# Good targets, and hostile ones of each kind: half of all are hostile.
GOOD, HOSTILE_EACH = 60, 15
GOOD_SHORT, HOSTILE_EACH_SHORT = 20, 5
SILENT = 40
GROWTH_MAX, MEMORY_SLACK_MB, FILES_SLACK = 1.10, 4, 8
# An endpoint on every loopback address: the third octet of the one that is asked says how it behaves.
ENDPOINT = """
import asyncio, struct, sys, socket
bad = set()
WELL = b"HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\nconnection: close\\r\\n\\r\\nok"
ILL = b"HTTP/1.1 503 Out\\r\\ncontent-length: 0\\r\\nconnection: close\\r\\n\\r\\n"
async def drip(writer):
    for octet in WELL * 4:
        writer.write(bytes([octet])); await writer.drain(); await asyncio.sleep(0.2)
async def serve(reader, writer):
    address = writer.get_extra_info("sockname")[0]
    kind = address.split(".")[2]
    try:
        if kind == "4":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        await asyncio.wait_for(reader.readuntil(b"\\r\\n\\r\\n"), 5)
        if kind == "2": await asyncio.sleep(5)
        elif kind == "3": await asyncio.wait_for(drip(writer), 5)
        elif kind == "5": writer.write(b"\\0\\xff" * 40000)
        else: writer.write(ILL if address in bad else WELL)
        await writer.drain()
    except Exception: pass
    finally: writer.close()
async def commands():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        word, address = line.decode().split()
        (bad.add if word == "bad" else bad.discard)(address)
async def main():
    server = await asyncio.start_server(serve, "0.0.0.0", int(sys.argv[1]), backlog=1024)
    await commands()
asyncio.run(main())
"""


def members(third, count):
    return ", ".join(f'"127.9.{third}.{n + 1}"' for n in range(count))


def write_zones(folder, good, hostile_each):
    with open(f"{folder}/example.test.zone", "w") as out:
        out.write("$ORIGIN example.test.\n$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 300\n@ IN NS ns1\nns1 IN A 10.0.0.1\n")
        out.writelines(f"h{n} IN A 10.1.{n >> 8}.{n & 255}\n" for n in range(NAMES))
    check = f'type = "http"\nport = {PORTS["endpoint"]}\ninterval = "1s"\ntimeout = "900ms"\nfall = 2\nrise = 1\n'
    with open(f"{folder}/flip.test.toml", "w") as out:
        out.write(f'zone = "flip.test"\nttl = "5s"\n[checks.web]\n{check}[checks.gate]\ntype = "manual"\n[pools]\n'
                  'open = { check = "gate", members = ["10.2.0.1"] }\nshut = { members = ["10.2.0.2"] }\n'
                  'rest = { members = ["10.2.0.3"] }\n')
        out.writelines(f'p{n} = {{ check = "web", members = ["127.9.1.{n + 1}"] }}\n' for n in range(good))
        out.write('[names]\n"@".NS = "ns1.example.net."\nswitched = { failover = ["open", "shut"] }\n')
        out.writelines(f'f{n} = {{ failover = ["p{n}", "rest"] }}\n' for n in range(good))
    with open(f"{folder}/hostile.test.toml", "w") as out:
        out.write(f'zone = "hostile.test"\n[checks.web]\n{check}[pools]\nrest = {{ members = ["10.2.0.3"] }}\n')
        out.writelines(f'k{kind} = {{ check = "web", members = [{members(kind, hostile_each)}] }}\n' for kind in (2, 3, 4, 5))
        out.write('[names]\n"@".NS = "ns1.example.net."\n')
        out.writelines(f'h{kind} = {{ failover = ["k{kind}", "rest"] }}\n' for kind in (2, 3, 4, 5))
    write_turn(folder, 0)


def write_turn(folder, turn):
    """A zone whose one address is the turn; put in place by renaming."""
    address = f"10.3.{turn >> 8 & 255}.{turn & 255}"
    with open(f"{folder}/turn.test.toml.new", "w") as out:
        out.write(f'zone = "turn.test"\n[names]\n"@".NS = "ns1.example.net."\nwww.A = "{address}"\n')
    os.rename(f"{folder}/turn.test.toml.new", f"{folder}/turn.test.toml")
    return address


def write_questions(path, good):
    chance = random.Random(7)
    with open(path, "wb") as out:
        for n in range(50_000):
            name = f"h{chance.randrange(NAMES)}.example.test" if n % 4 else f"f{chance.randrange(good)}.flip.test"
            message = question(name, 1)
            out.write(struct.pack("!H", len(message)) + message)


def ask(name, patience=1.0):
    """The last four octets of the answer as an address; `None` without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(patience)
        try:
            asking.connect(("127.0.0.1", PORTS["dns"]))
            asking.send(question(name, 1))
            reply = asking.recv(4096)
            return socket.inet_ntoa(reply[-4:]) if reply[7] else None
        except OSError:
            return None


class Soak:
    """What all threads share: the server, when it was dead, and what they counted."""

    def __init__(self, chosen, work):
        self.chosen, self.work, self.zones = chosen, work, f"{work}/zones"
        self.windows, self.faults, self.counts = [], [], {}
        self.lock, self.is_over = threading.Lock(), threading.Event()
        self.server = None
        self.gate = "on"
        self.good, self.hostile_each = (GOOD_SHORT, HOSTILE_EACH_SHORT) if chosen.short else (GOOD, HOSTILE_EACH)

    def count(self, what, more=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + more

    def fault(self, text):
        with self.lock:
            self.faults.append(text)
        print(f"  {time.monotonic() - self.began:6.1f} s  {text}", flush=True)

    def was_dead(self, begin, end):
        """Says whether a kill's window lies between two moments."""
        with self.lock:
            return any(dead < end and begin < (back or float("inf")) for dead, back in self.windows)

    def start(self):
        self.log = open(f"{self.work}/log", "ab")
        self.server = subprocess.Popen([self.chosen.program, "serve", "--config", f"{self.work}/leeward.toml"],
                                       stdout=self.log, stderr=self.log)
        began = time.monotonic()
        while ask("h1.example.test", 0.05) != "10.1.0.1":
            if self.server.poll() is not None or time.monotonic() - began > PATIENCE_SECS:
                raise SystemExit(f"the server does not answer: {open(f'{self.work}/log').read()[-2000:]}")
            time.sleep(0.005)
        return time.monotonic() - began

    def kill(self):
        with self.lock:
            self.windows.append([time.monotonic() - WINDOW_BEFORE_SECS, None])
        self.server.kill()
        self.server.wait()
        self.log.close()
        taken = self.start()
        with self.lock:
            self.windows[-1][1] = time.monotonic() + 0.05
        return taken

    def command(self, *words):
        """Runs a verb of the CLI against the server; returns its exit code."""
        told = subprocess.run([self.chosen.program, *words, "--server", f"127.0.0.1:{PORTS['control']}"],
                              capture_output=True, text=True, timeout=40)
        return told.returncode, (told.stdout + told.stderr).strip()

    # What goes on all the while, each on a thread of its own.

    def load(self, until, rate):
        """Steady questions in segments; what is lost is compared with the kills."""
        while (left := until - time.monotonic()) > 2 and not self.is_over.is_set():
            lost = f"{self.work}/lost"
            pace = [f"{self.work}/pace", str(PORTS["dns"]), f"{self.work}/questions", f"{min(left - 1, SEGMENT_SECS):.1f}", str(rate), lost]
            told = json.loads(subprocess.check_output(pace))
            with open(lost) as file:
                dues = [float(line) for line in file]
            outside = [due for due in dues if not self.was_dead(due, due + 1e-6)]
            for what in ("asked", "answered", "bad"):
                self.count(f"UDP {what}", told[what])
            self.count("UDP lost in kills", len(dues) - len(outside))
            self.count("UDP lost outside", len(outside))
            self.delays.append(told["p99"])
            if outside:
                self.fault(f"{len(outside)} questions lost outside the kills, first {outside[0] - self.began:.2f} s after the start; "
                           f"dropped by the kernel so far: {kernel_drops()}")

    def honest(self):
        message = question("h2.example.test", 1)
        while not self.is_over.is_set():
            begin = time.monotonic()
            try:
                with socket.create_connection(("127.0.0.1", PORTS["dns"]), 2) as stream:
                    stream.settimeout(5)
                    stream.sendall(struct.pack("!H", len(message)) + message)
                    is_answered = len(stream.recv(4096)) > 2
            except OSError:
                is_answered = False
            self.count("TCP asked")
            if is_answered:
                self.count("TCP answered")
            elif self.was_dead(begin, time.monotonic()):
                self.count("TCP lost in kills")
            else:
                self.count("TCP lost outside")
                self.fault("a question over TCP is lost outside the kills")
            self.is_over.wait(0.02)

    def flips(self):
        chance, turn = random.Random(3), 0
        while not self.is_over.wait(chance.uniform(0.5, 1.5)):
            number = turn // 2 % self.good
            word, wanted = (("bad", "10.2.0.3"), ("good", f"127.9.1.{number + 1}"))[turn % 2]
            turn += 1
            self.endpoint.stdin.write(f"{word} 127.9.1.{number + 1}\n".encode())
            self.endpoint.stdin.flush()
            begin = time.monotonic()
            while ask(f"f{number}.flip.test") != wanted and not self.is_over.is_set():
                taken = time.monotonic() - begin
                if taken > FLIP_SECS_MAX and not self.was_dead(begin, begin + taken):
                    self.fault(f"f{number} does not answer {wanted} {FLIP_SECS_MAX} s after its endpoint is {word}")
                    break
                if taken > PATIENCE_SECS:
                    self.fault(f"f{number} does not answer {wanted} {PATIENCE_SECS} s after its endpoint is {word}, over a kill")
                    break
                time.sleep(0.02)
            else:
                self.count("flips")
                if not self.was_dead(begin, time.monotonic()):
                    self.spans.append(time.monotonic() - begin)

    def reloads(self):
        turn = 0
        while not self.is_over.wait(2):
            turn += 1
            address, begin = write_turn(self.zones, turn), time.monotonic()
            code, told = self.command("reload")
            found = ask("www.turn.test", 5)
            if self.was_dead(begin, time.monotonic()):
                continue
            self.count("reloads")
            if code != 0 or found != address:
                self.fault(f"reload {turn} ended with {code} and {found} is answered, not {address}: {told[:300]}")

    def switches(self):
        turn = 0
        while not self.is_over.wait(1.5):
            turn += 1
            value, begin = ("off", "on")[turn % 2], time.monotonic()
            code, told = self.command("switch", "gate", value)
            if code == 0:
                self.gate = value
                self.count("switches acknowledged")
            elif not self.was_dead(begin, time.monotonic()):
                self.fault(f"switch {value} ended with {code}: {told[:300]}")
            self.look_at_gate()

    def look_at_gate(self):
        """The answer is what was acknowledged last; a server that has just started has some seconds for it."""
        wanted, begin = {"on": "10.2.0.1", "off": "10.2.0.2"}[self.gate], time.monotonic()
        while (found := ask("switched.flip.test")) != wanted:
            if time.monotonic() - begin > SWITCH_SECS_MAX and not self.was_dead(begin, time.monotonic()):
                self.count("switches lost")
                self.fault(f"the switch was acknowledged as {self.gate}, and {found} is answered")
                return
            if time.monotonic() - begin > PATIENCE_SECS or self.is_over.is_set():
                return
            time.sleep(0.05)

    def hostile_datagrams(self):
        chance = random.Random(5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
            while not self.is_over.wait(0.02):
                for _ in range(max(1, self.chosen.hostile // 50)):
                    spoilt = bytearray(question("h3.example.test", 1) + chance.randbytes(chance.randrange(40)))
                    spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
                    octets = bytes(spoilt) if chance.random() < 0.5 else chance.randbytes(chance.randrange(600))
                    port = PORTS["quic"] if chance.random() < 0.1 else PORTS["dns"]
                    try:
                        sending.sendto(octets, ("127.0.0.1", port))
                        self.count("hostile datagrams")
                    except OSError:
                        pass

    def hostile_streams(self):
        """Silent connections that come back when they are closed, and octets that belong to no protocol."""
        chance, silent = random.Random(9), []
        while not self.is_over.wait(0.05):
            try:
                source = f"127.8.{chance.randrange(4)}.{chance.randrange(1, 250)}"
                port = chance.choice([PORTS["dns"], PORTS["tls"], PORTS["control"]])
                stream = socket.create_connection(("127.0.0.1", port), 1, (source, 0))
                if chance.random() < 0.5:
                    stream.sendall(chance.randbytes(chance.randrange(1, 3000)))
                silent.append(stream)
                self.count("hostile connections")
            except OSError:
                pass
            while len(silent) > SILENT:
                silent.pop(0).close()
        for stream in silent:
            stream.close()

    def samples(self):
        while not self.is_over.wait(1):
            pid = self.server.pid
            try:
                memory, files = cpu_and_memory([pid])[1], len(os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                continue
            if memory:
                self.taken.append((time.monotonic(), memory, files))

    def run(self):
        chosen = self.chosen
        os.makedirs(self.zones)
        write_zones(self.zones, self.good, self.hostile_each)
        write_questions(f"{self.work}/questions", self.good)
        compile_pace(self.work)
        with open(f"{self.work}/leeward.toml", "w") as out:
            out.write(f'listen = ["127.0.0.1:{PORTS["dns"]}"]\nhttp = "127.0.0.1:{PORTS["control"]}"\nzones = "{self.zones}"\n'
                      f'state = "{self.work}/state"\nworkers = 1\n[tls]\nlisten = ["127.0.0.1:{PORTS["tls"]}"]\n'
                      f'certificate = "self-signed"\n[quic]\nlisten = ["127.0.0.1:{PORTS["quic"]}"]\n')
        self.spans, self.delays, self.taken, restarts = [], [], [], []
        self.began = time.monotonic()
        self.endpoint = subprocess.Popen([sys.executable, "-c", ENDPOINT, str(PORTS["endpoint"])], stdin=subprocess.PIPE)
        threads = []
        try:
            self.start()
            rate = chosen.rate or self.measure_peak() // 2
            print(f"{chosen.seconds} s, {chosen.kills} kills, {rate:,} questions a second, {self.good} good and {4 * self.hostile_each} hostile targets")
            self.began = time.monotonic()
            half, end = self.began + chosen.seconds / 2, self.began + chosen.seconds
            for work in (self.honest, self.flips, self.reloads, self.switches, self.hostile_datagrams, self.hostile_streams, self.samples):
                threads.append(threading.Thread(target=work))
            threads.append(threading.Thread(target=self.load, args=(end, rate)))
            for thread in threads:
                thread.start()
            time.sleep(max(0.0, half - time.monotonic()))
            steady = list(self.taken)
            for number in range(chosen.kills):
                due = half + (number + 0.5) * (end - half) / (chosen.kills + 1)
                time.sleep(max(0.0, due - time.monotonic()))
                restarts.append(self.kill())
            time.sleep(max(0.0, end - time.monotonic()))
        finally:
            self.is_over.set()
            for thread in threads:
                thread.join(SEGMENT_SECS + 10)
            for process in (self.server, self.endpoint):
                if process:
                    process.kill()
                    process.wait()
        return self.judge(steady, restarts)

    def measure_peak(self):
        subprocess.run(["cc", "-O2", "-o", f"{self.work}/storm", f"{ROOT}/benches/udp/storm.c"], check=True)
        told = json.loads(subprocess.check_output([f"{self.work}/storm", "ask", str(PORTS["dns"]), f"{self.work}/questions", "4"]))
        peak = int(told["answered"] / told["seconds"])
        print(f"peak: {peak:,} answers a second, client and server on the same cores")
        return peak

    def judge(self, steady, restarts):
        """Prints what was counted and each law; returns whether all hold."""
        count = lambda what: self.counts.get(what, 0)
        for what in sorted(self.counts):
            print(f"{what:24} {self.counts[what]:14,}")
        if self.spans:
            print(f"flip to answer           {statistics.median(self.spans):9.2f} s median, {max(self.spans):.2f} s greatest")
        if restarts:
            print(f"kill to answer           {statistics.median(restarts):9.2f} s median, {max(restarts):.2f} s greatest")
        print(f"delay of answers, p99    {statistics.median(self.delays):9.0f} us, median of the segments")
        quarter = len(steady) // 4
        second, last = steady[quarter:2 * quarter], steady[3 * quarter:]
        middle = lambda rows, at: statistics.median(row[at] for row in rows)
        memory, files = (middle(second, 1), middle(last, 1)), (middle(second, 2), middle(last, 2))
        with open(f"{self.work}/log", errors="replace") as log:
            panics = sum("panicked" in line for line in log)
        laws = [
            ("no question is lost outside the kills", count("UDP lost outside") + count("TCP lost outside") == 0 and count("UDP answered") > 0),
            ("every question is counted", count("UDP asked") == count("UDP answered") + count("UDP lost outside") + count("UDP lost in kills") and not count("UDP bad")),
            ("flips, reloads and switches are answered", count("flips") > 0 and count("reloads") > 0 and count("switches acknowledged") > 0 and not self.faults),
            ("no acknowledged switch is lost", count("switches lost") == 0),
            (f"all {self.chosen.kills} kills were made", len(restarts) == self.chosen.kills),
            (f"memory {memory[0]:.1f} -> {memory[1]:.1f} MiB, second to last quarter of the steady half", memory[1] <= max(memory[0] * GROWTH_MAX, memory[0] + MEMORY_SLACK_MB)),
            (f"open files {files[0]:.0f} -> {files[1]:.0f}", files[1] <= max(files[0] * GROWTH_MAX, files[0] + FILES_SLACK)),
            (f"nothing panics ({panics} lines)", panics == 0),
        ]
        for law, holds in laws:
            print(f"{'holds ' if holds else 'BROKEN'} {law}")
        return all(holds for _, holds in laws)


def kernel_drops():
    """Datagrams that the kernel threw away at the DNS port since the server started."""
    with open("/proc/net/udp") as table:
        rows = [line.split() for line in list(table)[1:]]
    return sum(int(row[-1]) for row in rows if row[1].endswith(f":{PORTS['dns']:04X}"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=1200)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rate", type=int, default=0)
    parser.add_argument("--hostile", type=int, default=1_000, help="hostile datagrams a second")
    parser.add_argument("--program", default=f"{ROOT}/target/dist/leeward")
    parser.add_argument("--short", action="store_true")
    chosen = parser.parse_args()
    if chosen.short:
        chosen.seconds, chosen.kills, chosen.rate, chosen.hostile = 60, 5, 500, 200
    work = tempfile.mkdtemp(prefix="soak-")
    is_well = False
    try:
        is_well = Soak(chosen, work).run()
    finally:
        if is_well:
            shutil.rmtree(work, ignore_errors=True)
        else:
            print(f"the log and the zones are in {work}")
    sys.exit(0 if is_well else 1)


if __name__ == "__main__":
    main()
