#!/usr/bin/env bash
# Builds the Debian package claviger_VERSION_ARCH.deb from a checkout that `npm ci` has built:
#   scripts/build-deb.sh [--out FOLDER] [--fast]
# FOLDER is `build` by default. --fast does not compress, for tests. The same tree gives the same octets: times are
# those of SOURCE_DATE_EPOCH, by default of the last commit.
#
# Plain Debian 12 lacks a Node.js of 20.19 or later, so the package carries one: the binary of the npm package
# `node-linux-ARCH` with its licence. It must be of the version whose native interface better-sqlite3 was built for.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
node_version=20.20.2
out=$root/build
compression=(-Zxz)
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=${2:?--out FOLDER} && shift 2 ;;
    --fast) compression=(-Znone) && shift ;;
    *) echo "usage: scripts/build-deb.sh [--out FOLDER] [--fast]" >&2 && exit 2 ;;
  esac
done
cd "$root"
[ -e dist/cli/main.js ] || { echo 'dist is missing: run npm ci first' >&2; exit 1; }

export LC_ALL=C TZ=UTC
umask 022
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y package.json)}
export SOURCE_DATE_EPOCH
version=$(node -p 'require("./package.json").version')
architecture=$(dpkg --print-architecture)
case $architecture in
  amd64) platform=x64 ;;
  arm64) platform=arm64 ;;
  *) echo "no binary of Node.js for $architecture is known" >&2 && exit 1 ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
stage=$work/stage
lib=$stage/usr/lib/claviger
doc=$stage/usr/share/doc/claviger
install -d "$stage" "$lib" "$doc" "$stage/usr/bin" "$stage/etc/claviger" "$stage/etc/default"

# The program, and the packages that it runs with, without what only compilers and readers need.
npm_root=$(cd node_modules && pwd -P)
node scripts/packages-to-run.mjs >"$work/packages"
tar -cf - --exclude='*.d.ts' --exclude='*.map' --exclude=.tsbuildinfo dist assets package.json | tar -C "$lib" -xf -
tar -C "$(dirname "$npm_root")" -cf - --no-recursion --files-from "$work/packages" | tar -C "$lib" -xf -
find "$lib" -type d -empty -delete
find "$lib" -name '*.node' -exec strip --strip-unneeded {} +

# The runtime.
install -d "$lib/bin" "$lib/runtime"
npm install --prefix "$work/node" --ignore-scripts --no-audit --no-fund --loglevel=error --prefer-offline \
  "node-linux-$platform@$node_version" >/dev/null
runtime=$work/node/node_modules/node-linux-$platform
strip --strip-unneeded -o "$lib/runtime/node" "$runtime/bin/node"
interface=$("$lib/runtime/node" -p process.versions.modules)
[ "$interface" = "$(node -p process.versions.modules)" ] ||
  { echo "build with Node.js ${node_version%%.*}: node_modules are of another version" >&2; exit 1; }
cp "$runtime/LICENSE" "$lib/runtime/LICENSE"

cat >"$lib/bin/claviger" <<'END'
#!/bin/sh
exec /usr/lib/claviger/runtime/node /usr/lib/claviger/dist/cli/main.js "$@"
END
ln -s ../lib/claviger/bin/claviger "$stage/usr/bin/claviger"

# Units, users, manual pages, completion, documentation.
node scripts/packaged-files.mjs "$stage" "$version" "$(date -u -d "@$SOURCE_DATE_EPOCH" +%F)"
gzip -9n "$stage"/usr/share/man/man1/*.1
install -m 644 packaging/debian/default "$stage/etc/default/claviger"
install -m 644 packaging/debian/copyright "$doc/copyright"
printf 'claviger (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- Claviger <claviger@localhost>  %s\n' \
  "$version" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
cp -r README.md SECURITY.md CHANGELOG.md docs "$doc"
install -d "$stage/usr/share/lintian/overrides"
install -m 644 packaging/debian/lintian-overrides "$stage/usr/share/lintian/overrides/claviger"

find "$stage" -type d -exec chmod 755 {} +
find "$stage" -type f -exec chmod 644 {} +
chmod 755 "$lib/bin/claviger" "$lib/runtime/node"

# What dpkg is told.
install -d -m 755 "$stage/DEBIAN"
libc=$(find "$lib" -name '*.node' -exec objdump -T {} + | grep -o 'GLIBC_2[0-9.]*' | sort -uV | tail -1)
cat >"$stage/DEBIAN/control" <<END
Package: claviger
Version: $version
Architecture: $architecture
Maintainer: Claviger <claviger@localhost>
Installed-Size: $(find "$stage" -path "$stage/DEBIAN" -prune -o -type f -printf '%s\n' | awk '{ kib += int(($1 + 1023) / 1024) } END { print kib }')
Depends: libc6 (>= ${libc#GLIBC_}), libgcc-s1, libstdc++6 (>= 11), systemd | systemd-standalone-sysusers
Section: net
Priority: optional
Description: key management for IMS media security with lawful interception
 Entities of MIKEY-IBAKE key management (RFC 6267) and of lawful interception:
 KMS, CSCF, media gateway, ADMF, DF, LEMF and mailbox, each a process with a systemd
 unit of its own (claviger-kms@HOME and so on), and the commands to run them.
 .
 A Node.js runtime comes with it.
END
printf '/etc/default/claviger\n' >"$stage/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 755 "packaging/debian/$script" "$stage/DEBIAN/$script"; done
(cd "$stage" && find usr etc -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
chmod 644 "$stage"/DEBIAN/{control,conffiles,md5sums}
find "$stage" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

mkdir -p "$out"
dpkg-deb --root-owner-group "${compression[@]}" --build "$stage" "$out/claviger_${version}_$architecture.deb"
