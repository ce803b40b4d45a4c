#!/usr/bin/env bash
# Installs the servers and tools that the comparisons need, from Debian packages. Needs root and a package mirror.
#
#   tests/peers.sh [peers] [judges] [dig] [curl]
#
# `peers` are NSD, Knot and BIND; `judges` are Zonemaster and DNSViz, with what their small Internet is made of. Without
# arguments: peers, dig and curl. Services that packages would start are kept from starting. Fails if anything is missing
# at the end.
set -euo pipefail

[ $# -gt 0 ] || set -- peers dig curl
programs=()
packages=()
for group in "$@"; do
    case $group in
        peers) programs+=(nsd knotd named) && packages+=(nsd knot bind9) ;;
        judges)
            programs+=(zonemaster-cli dnsviz ip nsd dig)
            packages+=(zonemaster-cli dnsviz iproute2 nsd bind9-dnsutils)
            ;;
        dig) programs+=(dig) && packages+=(bind9-dnsutils) ;;
        curl) programs+=(curl) && packages+=(curl) ;;
        *) printf '%s: no such group; see the top of tests/peers.sh\n' "$group" >&2 && exit 2 ;;
    esac
done

missing() {
    for program in "${programs[@]}"; do
        PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$program" >/dev/null || printf '%s ' "$program"
    done
}

[ -z "$(missing)" ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    printf 'missing: %s\nrun this as root on Debian, or install the packages: %s\n' "$(missing)" "${packages[*]}" >&2
    exit 1
fi

# Packages ask this file whether their services may start; 101 is no (Debian Policy, section 9.3.3.1).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
options=(-qq --yes --no-install-recommends -o DPkg::Lock::Timeout=300)
apt-get update -qq
apt-get install "${options[@]}" "${packages[@]}" >/dev/null
if [ -n "$(missing)" ]; then
    printf 'still missing after the installation: %s\n' "$(missing)" >&2
    exit 1
fi
