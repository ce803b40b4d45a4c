#!/usr/bin/env python3
"""CPU of one HTTP check in HAProxy and in Prometheus' blackbox_exporter.

    benches/checkers.py ENDPOINT [CHECKS_A_SECOND] [SECONDS]

ENDPOINT is the built program of `cargo bench --bench probe` (below target/, as cargo prints it): its `--serve` is
the checked server, so `cargo bench --bench probe -- compare` beside it says what the same checks cost here.
Each checker is a process of its own, with one thread, on the same 127.x addresses, GET /healthz and a search for
"ready" in the body. CPU is that of the checker alone (all its threads, from /proc/PID/task/*/schedstat).
HAProxy probes by itself; blackbox_exporter probes when it is asked, so a client here asks for it over connections
that are kept: what it costs the exporter to be asked is a part of every check with it.
Only loopback; everything is stopped at the end.
"""
import http.client
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

INTERVAL = 5
ASKERS = 8


def cpu(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as text:
            total += int(text.read().split()[0])
    return total / 1e9


def resident(pid):
    with open(f"/proc/{pid}/status") as text:
        return next(int(line.split()[1]) for line in text if line.startswith("VmRSS"))


def address(number):
    number += 1
    return f"127.{1 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def requests(port):
    """Asks the endpoint how many requests it has answered."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/count") as reply:
        return int(reply.read())


def haproxy(folder, port, rate, seconds):
    count = rate * INTERVAL
    path = os.path.join(folder, "haproxy.cfg")
    with open(path, "w") as out:
        out.write(
            f"global\n nbthread 1\n spread-checks 50\n stats socket {folder}/stats\n"
            "defaults\n mode http\n timeout connect 3s\n timeout client 3s\n timeout server 3s\n timeout check 3s\n"
            "backend crowd\n option httpchk\n http-check send meth GET uri /healthz ver HTTP/1.1 hdr Host www.example.com\n"
            " http-check expect string ready\n"
        )
        for number in range(count):
            out.write(f" server s{number} {address(number)}:{port} check inter {INTERVAL}s\n")
    child = subprocess.Popen(["haproxy", "-db", "-q", "-f", path], stderr=subprocess.DEVNULL)
    try:
        time.sleep(2 * INTERVAL)
        before, first = cpu(child.pid), requests(port)
        time.sleep(seconds)
        used, checks = cpu(child.pid) - before, requests(port) - first
        print(f"haproxy: {checks} checks of {rate * seconds} due, {used / checks * 1e6:.1f} us CPU each, "
              f"{resident(child.pid) * 1024 / count:.0f} bytes a server in all")
    finally:
        child.terminate()
        child.wait()


def blackbox(folder, port, rate, seconds):
    path = os.path.join(folder, "blackbox.yml")
    with open(path, "w") as out:
        out.write(
            "modules:\n  ready:\n    prober: http\n    timeout: 3s\n    http:\n      fail_if_body_not_matches_regexp: [ready]\n"
            "      headers:\n        Host: www.example.com\n      follow_redirects: false\n"
        )
    listen = f"127.0.0.1:{20000 + os.getpid() % 10000}"
    environment = dict(os.environ, GOMAXPROCS="1")
    child = subprocess.Popen(
        ["prometheus-blackbox-exporter", f"--config.file={path}", f"--web.listen-address={listen}", "--log.level=error"],
        env=environment, stderr=subprocess.DEVNULL)
    counts = [[0, 0] for _ in range(ASKERS)]
    stop = threading.Event()

    def ask(which):
        line = http.client.HTTPConnection(listen)
        number = which
        due = time.monotonic()
        while not stop.is_set():
            line.request("GET", f"/probe?module=ready&target=http://{address(number % (rate * INTERVAL))}:{port}/healthz")
            body = line.getresponse().read()
            counts[which][0] += 1
            counts[which][1] += b"\nprobe_success 1" in body
            number += ASKERS
            due = max(due + ASKERS / rate, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))

    try:
        time.sleep(1)
        askers = [threading.Thread(target=ask, args=(which,)) for which in range(ASKERS)]
        for asker in askers:
            asker.start()
        time.sleep(3)
        before, first = cpu(child.pid), requests(port)
        time.sleep(seconds)
        used, checks = cpu(child.pid) - before, requests(port) - first
        stop.set()
        for asker in askers:
            asker.join()
        made, passed = (sum(column) for column in zip(*counts))
        print(f"blackbox_exporter: {passed} of {made} checks pass; {checks} checks of {rate * seconds} due, {used / checks * 1e6:.1f} us CPU each, "
              f"{resident(child.pid)} KiB resident")
    finally:
        stop.set()
        child.terminate()
        child.wait()


def main():
    program = sys.argv[1]
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 10
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen([program, "--serve", folder], stdout=subprocess.PIPE, text=True)
        try:
            port = server.stdout.readline().strip().rsplit(":", 1)[1]
            haproxy(folder, port, rate, seconds)
            blackbox(folder, port, rate, seconds)
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    main()
