#!/bin/sh
# Makes the two recordings of assets/speech/ that the demonstration plays: synthesised speech (espeak-ng), 16-bit
# linear, mono, 8 kHz (sox). Only whoever changes the texts needs the two programs.
set -eu

target="$(dirname "$0")/../assets/speech"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# speak NAME VOICE WORDS-PER-MINUTE PITCH TEXT
speak() {
  espeak-ng -v "$2" -s "$3" -p "$4" -w "$scratch/$1.wav" "$5"
  sox -R -D "$scratch/$1.wav" -r 8000 -c 1 -b 16 -e signed-integer "$target/$1.wav" norm -6 pad 0.1 0.1
  samples="$(soxi -s "$target/$1.wav")"
  if [ "$samples" -lt 65600 ] || [ "$samples" -gt 80000 ]; then
    echo "$1.wav: $samples samples; 8.2 to 10 seconds are wanted" >&2
    exit 1
  fi
}

speak alice en-gb+f3 160 60 "Good morning Bob, this is Alice. The old lighthouse keeper winds the clock on Monday, trims the lamp at dusk, and writes down every ship that passes."
speak bob en-us+m3 160 35 "Hello Alice, Bob here. I hear you well. Seven boats left the harbour at noon, five came back, and two are still out beyond the reef."
