#!/usr/bin/env python3
"""Instructions a query, by callgrind: repeatable on any machine, whatever else it does.

usage: benches/calls.py [--profile dist] [CASE ...]     (without cases: all)
"""

import argparse
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def build(profile):
    """Builds the benchmark and returns the path of its program."""
    command = ["cargo", "bench", "--no-run", "--bench", "calls", "--profile", profile]
    shown = subprocess.run(command, cwd=ROOT, check=True, text=True, stderr=subprocess.PIPE)
    found = re.search(r"Executable .*\((.*)\)", shown.stderr)
    return ROOT / found[1]


def instructions(program, case):
    """Returns instructions a query of a case."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out",
                   "--toggle-collect=*measured*", program, case]
        run = subprocess.run(command, check=True, text=True, capture_output=True)
        queries = int(run.stdout.split()[-1])
        total = re.search(r"Collected : (\d+)", run.stderr)[1]
        return int(total) / queries


def main():
    """Prints a line a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="dist")
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    program = build(arguments.profile)
    cases = arguments.cases or subprocess.check_output([program], text=True).split()
    for case in cases:
        print(f"{case:22} {instructions(program, case):8.0f}", flush=True)


if __name__ == "__main__":
    main()
