#!/usr/bin/env python3
"""How long after an endpoint dies, hangs or returns the answer changes.

    benches/flip.py [--rounds 20] [--program target/dist/leeward] [--cases killed-100ms,...]

Two HTTP endpoints on loopback, processes of their own, and a failover name. In each round, at a random phase, the primary is
ended (SIGKILL), stopped (SIGSTOP: the kernel accepts and nobody answers) or, for `back`, started again, and the time is taken
until the answer of the server, asked every half millisecond, is another. Medians, least and greatest of the rounds.

| Case | Check |
|---|---|
| watch | interval 1 s, fall 3, `watch = true`; killed |
| killed-100ms, hung-100ms, back-100ms | interval 100 ms, timeout 100 ms, fall 2, rise 1 |
| killed-1s, hung-1s | interval 1 s, timeout 500 ms, fall 2 |
"""
import argparse
import os
import random
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DNS_PORT = 5396
PATIENCE_SECS = 30
POLL_SECS = 0.0005
ENDPOINT = """
import http.server, socketserver, sys
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "3"); self.send_header("Connection", "close")
        self.end_headers(); self.wfile.write(b"ok\\n")
    def log_message(self, *_): pass
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
Server((sys.argv[1], int(sys.argv[2])), Answer).serve_forever()
"""
CASES = {
    "watch": ("killed", 'interval = "1s"\ntimeout = "500ms"\nfall = 3\nrise = 1\nwatch = true\n'),
    "killed-100ms": ("killed", 'interval = "100ms"\ntimeout = "100ms"\nfall = 2\nrise = 1\n'),
    "hung-100ms": ("hung", 'interval = "100ms"\ntimeout = "100ms"\nfall = 2\nrise = 1\n'),
    "back-100ms": ("back", 'interval = "100ms"\ntimeout = "100ms"\nfall = 2\nrise = 1\n'),
    "killed-1s": ("killed", 'interval = "1s"\ntimeout = "500ms"\nfall = 2\nrise = 1\n'),
    "hung-1s": ("hung", 'interval = "1s"\ntimeout = "500ms"\nfall = 2\nrise = 1\n'),
}
PRIMARY, SECONDARY = "127.0.0.2", "127.0.0.3"


def question():
    name = b"".join(bytes([len(label)]) + label.encode() for label in "www.flip.test".split("."))
    return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + name + b"\0" + struct.pack("!2H", 1, 1)


class Client:
    """Asks for the one name."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", DNS_PORT))
        self.socket.settimeout(0.2)
        self.question = question()

    def answer(self):
        try:
            self.socket.send(self.question)
            return socket.inet_ntoa(self.socket.recv(4096)[-4:])
        except OSError:
            return None

    def wait_for(self, address):
        """Returns the moment at which the answer is this address."""
        end = time.monotonic() + PATIENCE_SECS
        while self.answer() != address:
            if time.monotonic() > end:
                raise RuntimeError(f"the answer did not become {address}")
            time.sleep(POLL_SECS)
        return time.monotonic()


def endpoint(address, port):
    process = subprocess.Popen([sys.executable, "-c", ENDPOINT, address, str(port)], stderr=subprocess.DEVNULL)
    end = time.monotonic() + PATIENCE_SECS
    while time.monotonic() < end:
        try:
            socket.create_connection((address, port), 0.5).close()
            return process
        except OSError:
            time.sleep(0.01)
    raise RuntimeError("an endpoint does not listen")


def finish(process):
    process.kill()
    process.wait()


def one_round(how, client, primary, port):
    """Breaks and mends the primary once; returns the seconds that counted and the primary that runs then."""
    # A calm time, at any phase of the interval; long enough for a quiet connection to stand.
    time.sleep(random.uniform(1.2, 2.2))
    began = time.monotonic()
    if how == "hung":
        primary.send_signal(signal.SIGSTOP)
    else:
        finish(primary)
        began = time.monotonic() if how == "back" else began
    away = client.wait_for(SECONDARY) - began
    if how == "hung":
        primary.send_signal(signal.SIGCONT)
    else:
        time.sleep(random.uniform(0, 0.3))
        primary = endpoint(PRIMARY, port)
    began = time.monotonic()
    back = client.wait_for(PRIMARY) - began
    return (back if how == "back" else away), primary


def run(case, program, rounds):
    how, settings = CASES[case]
    work = tempfile.mkdtemp(prefix="flip-")
    port = random.randrange(20_000, 30_000)
    running = []
    try:
        os.makedirs(f"{work}/zones")
        with open(f"{work}/zones/flip.toml", "w") as out:
            out.write(f'zone = "flip.test"\n[checks.web]\ntype = "http"\nport = {port}\n{settings}'
                      f'[pools.one]\ncheck = "web"\nmembers = ["{PRIMARY}"]\n[pools.two]\ncheck = "web"\nmembers = ["{SECONDARY}"]\n'
                      '[names]\n"@".NS = "ns1.example.net."\nwww = { failover = ["one", "two"] }\n')
        with open(f"{work}/leeward.toml", "w") as out:
            out.write(f'listen = ["127.0.0.1:{DNS_PORT}"]\nzones = "{work}/zones"\nhttp = false\n')
        primary = endpoint(PRIMARY, port)
        running.append(endpoint(SECONDARY, port))
        log = open(f"{work}/log", "w")
        running.append(subprocess.Popen([program, "serve", "--config", f"{work}/leeward.toml"], stdout=log, stderr=log))
        client = Client()
        client.wait_for(PRIMARY)
        taken = []
        for _ in range(rounds):
            seconds, primary = one_round(how, client, primary, port)
            taken.append(seconds * 1000)
        finish(primary)
        return taken
    finally:
        for process in running:
            finish(process)
        shutil.rmtree(work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--program", default=f"{ROOT}/target/dist/leeward")
    parser.add_argument("--cases", default=",".join(CASES))
    chosen = parser.parse_args()
    print(f"{'case':14} {'median':>8} {'least':>8} {'greatest':>8}   ms from the event to the changed answer")
    for case in chosen.cases.split(","):
        taken = run(case, chosen.program, chosen.rounds)
        print(f"{case:14} {statistics.median(taken):8.1f} {min(taken):8.1f} {max(taken):8.1f}", flush=True)


if __name__ == "__main__":
    main()
