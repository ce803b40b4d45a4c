#!/usr/bin/env bash
# Lets Zonemaster and DNSViz judge a zone served on two names, four addresses; runs inside a network namespace of its own.
#
# Usage: judge.sh LEEWARD ZONES FOLDER. NSD plays the root, `net` and `arpa`; Leeward serves judged.net. Writes what the judges
# say into FOLDER (zonemaster.json, dnsviz.json) and fails only if one cannot run: `tests/zonemaster.rs` reads them.
set -euo pipefail
leeward=$1
zones=$2
folder=$3
here=$(cd "$(dirname "$0")" && pwd)
export PATH="$PATH:/usr/sbin:/usr/local/sbin"

ip link set lo up
for address in 198.41.0.4/32 192.5.6.30/32 185.49.140.10/32 194.0.5.20/32 \
    2001:503:ba3e::2:30/128 2001:503:a83e::2:30/128 2a04:b900::10/128 2001:678:8::20/128; do
    case $address in
        # Ready at once, without looking for another holder of the address.
        *:*) ip address add "$address" dev lo nodad ;;
        *) ip address add "$address" dev lo ;;
    esac
done

cat >"$folder/nsd.conf" <<CONF
server:
    ip-address: 198.41.0.4
    ip-address: 192.5.6.30
    ip-address: 2001:503:ba3e::2:30
    ip-address: 2001:503:a83e::2:30
    zonesdir: "$here/net"
    database: ""
    username: ""
    pidfile: "$folder/nsd.pid"
    xfrdfile: "$folder/xfrd"
    zonelistfile: "$folder/zone.list"
    xfrdir: "$folder"
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: "root.zone"
zone:
    name: "net"
    zonefile: "net.zone"
zone:
    name: "arpa"
    zonefile: "arpa.zone"
CONF
cat >"$folder/leeward.toml" <<CONF
listen = ["185.49.140.10:53", "194.0.5.20:53", "[2a04:b900::10]:53", "[2001:678:8::20]:53"]
zones = "$zones"
http = false
CONF

nsd -d -c "$folder/nsd.conf" >"$folder/nsd.log" 2>&1 &
parent=$!
"$leeward" serve --config "$folder/leeward.toml" >"$folder/leeward.log" 2>&1 &
child=$!
trap 'kill $parent $child 2>/dev/null || true; wait' EXIT
# Looks again until each answers; a port that nobody holds yet refuses at once.
for server in 198.41.0.4 185.49.140.10 2001:678:8::20; do
    until dig +time=1 +tries=1 +norecurse @"$server" judged.net SOA >"$folder/dig" 2>&1; do
        if [ "$SECONDS" -gt 30 ]; then
            cat "$folder"/*.log >&2
            exit 1
        fi
        sleep 0.05
    done
done

zonemaster-cli judged.net --hints "$here/hints" --level INFO --json --no-progress >"$folder/zonemaster.json" 2>"$folder/zonemaster.err"
dnsviz probe --authoritative-analysis --edns --nsid --pretty-output \
    --authoritative-servers ".:a.root-servers.net=198.41.0.4,a.root-servers.net=[2001:503:ba3e::2:30]" \
    --ancestor . judged.net www.judged.net alias.judged.net a.apps.judged.net none.judged.net \
    >"$folder/dnsviz.probe" 2>"$folder/dnsviz.err"
dnsviz grok --log-level info --input-file "$folder/dnsviz.probe" >"$folder/dnsviz.json" 2>>"$folder/dnsviz.err"
