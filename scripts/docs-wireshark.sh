#!/bin/sh
# Makes the pictures of docs/pictures/ of what Wireshark shows of a call of the demo, with the dissectors of
# tools/wireshark. Only whoever changes these needs it, after `npm run build`, and Debian's wireshark, tshark, xvfb,
# xdotool, imagemagick and fonts-dejavu-core (apt-get install --no-install-recommends).
set -eu

cd "$(dirname "$0")/.."
most=150000
width=1180
highest=1320
for tool in wireshark tshark Xvfb xdotool import; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: the head of $0 says what to install" >&2; exit 1; }
done

work="$(mktemp -d)"
screen=''
trap 'test -z "$screen" || kill "$screen" 2>/dev/null || :; rm -rf "$work"' EXIT
mkdir "$work/config"
export WIRESHARK_CONFIG_DIR="$work/config"
cat >"$work/config/preferences" <<END
gui.qt.font_name: DejaVu Sans Mono,9,-1,5,50,0,0,0,0,0
gui.layout_type: 1
gui.layout_content_3: NONE
gui.update.enabled: FALSE
gui.column.format: "No.", "%m", "Protocol", "%p", "Source port", "%uS", "Destination port", "%uD", "Length", "%L", "Info", "%i"
END
cat >"$work/config/recent" <<END
gui.toolbar_main_show: FALSE
gui.byte_view_show: FALSE
gui.geometry_main_upper_pane: 190
column.width: %m, 50, %p, 170, %uS, 90, %uD, 120, %L, 60, %i, 690
END

node dist/cli/main.js demo --quiet --seconds 1 --out "$work/out" --pcap "$work/call.pcap"

Xvfb -displayfd 3 -screen 0 "${width}x${highest}x24" -nolisten tcp 3>"$work/display" 2>"$work/screen.log" &
screen=$!
until [ -s "$work/display" ]; do
  kill -0 "$screen" || { cat "$work/screen.log" >&2; exit 1; }
  sleep 0.2
done
DISPLAY=":$(cat "$work/display")"
export DISPLAY

# picture NAME HEIGHT SHOWN CHOSEN PROTOCOL: of the packets that a filter has, and the tree of the first that another has,
# from the protocol on that begins with these words.
picture() {
cat >"$work/config/recent_common" <<END
privs.warn_if_elevated: FALSE
sys.warn_if_no_capture: FALSE
gui.geometry_main_x: 0
gui.geometry_main_y: 0
gui.geometry_main_width: $width
gui.geometry_main_height: $2
gui.geometry_main_maximized: FALSE
END
  dissectors='-X lua_script:tools/wireshark/claviger.lua -X lua_script:tools/wireshark/claviger-hi.lua'
  # shellcheck disable=SC2086
  chosen="$(tshark $dissectors -r "$work/call.pcap" -Y "$4" -T fields -e frame.number 2>/dev/null | head -n 1)"
  # shellcheck disable=SC2086
  wireshark $dissectors -r "$work/call.pcap" -Y "$3" -g "$chosen" >"$work/wireshark.log" 2>&1 &
  shown=$!
  window="$(timeout 60 xdotool search --sync --onlyvisible --name 'call\.pcap' | head -n 1)"
  xdotool windowfocus "$window"
  sleep 5
  # Into the tree, with no line below the pointer; all of it is opened, and gone up from its end to the protocol. A window
  # that is made smaller meanwhile would lose its place: it has its size from the settings.
  xdotool mousemove 300 400 click 1 mousemove "$width" 0
  sleep 1
  xdotool key ctrl+Right sleep 2 key End sleep 1
  # shellcheck disable=SC2086
  up="$(tshark $dissectors -r "$work/call.pcap" -Y "frame.number == $chosen" -V 2>/dev/null |
    sed -n "/^ *$5/,\$p" | grep -c .)"
  xdotool key --delay 10 --repeat "$((up - 1))" Up
  sleep 2
  import -window "$window" -colors 64 "png8:docs/pictures/$1.png"
  kill "$shown"
  wait "$shown" 2>/dev/null || :
  octets="$(wc -c <"docs/pictures/$1.png")"
  echo "docs/pictures/$1.png: $octets octets"
  [ "$octets" -lt "$most" ] || { echo "docs/pictures/$1.png has $most octets or more" >&2; exit 1; }
}

picture wireshark-mikey "$highest" 'mikey_ibake && sip && !x2x3 && !li_ps' 'sip.Method == INVITE && mikey_ibake.type == 22' 'MIKEY-IBAKE'
picture wireshark-hi 860 'li_ps.payload == "IRI"' 'li_ps.key.cs_id' 'HI2'
