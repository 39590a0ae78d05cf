/** The explanation, the checks and the voices as they stand on the page. */
import { toBase64 } from '../../bytes/octets.ts';
import { WAV_SAMPLE_RATE } from '../../media/wav.ts';
import { markup } from '../../views/markup.ts';
import type { Markup } from '../../views/markup.ts';
import { spectrogramDrawing } from '../../views/spectrogram.ts';
import { streamMarks } from '../../views/stream-marks.ts';
import { waveformDrawing } from '../../views/waveform.ts';
import type { Check } from '../scenarios/checks/check.ts';
import type { DemoReport } from '../scenarios/report.ts';
import type { RunFacts } from './facts.ts';
import { fifteenLines, TEXTS } from './texts.ts';
import type { Recorded, RecoveredVoice, RunVoice } from './voices.ts';

/** Audio within the page: what is beyond it is named, and stays beside it. */
const MOST_AUDIO_OCTETS = 16 * 1024 * 1024;
/** Waveforms below each other; those beyond can be played. */
const MOST_LANES = 4;

export function linesSection(facts: RunFacts): Markup {
  return markup`<p class="about">${TEXTS.lines.about}</p>
<ol class="lines">
${fifteenLines(facts).map((line) => markup`<li>${line}</li>\n`)}</ol>`;
}

export function checksSection(checks: readonly Check[]): Markup {
  const { caption, outcome, check, measured, none } = TEXTS.checks;
  if (checks.length === 0) return markup`<p>${none}</p>`;
  return markup`<table class="checks">
<caption>${caption}</caption>
<thead><tr><th scope="col">${outcome}</th><th scope="col">${check}</th><th scope="col">${measured}</th></tr></thead>
<tbody>
${checks.map(checkRow)}</tbody>
</table>`;
}

function checkRow({ name, passed, detail }: Check): Markup {
  const { ok, failed } = TEXTS.checks;
  const sign = passed ? '✓' : '✗';
  return markup`<tr class="${passed ? 'ok' : 'bad'}"><td class="outcome"><span aria-hidden="true">${sign}</span> ${passed ? ok : failed}</td><th scope="row">${name}</th><td class="measured">${detail}</td></tr>\n`;
}

export function voicesSection(report: DemoReport, voices: readonly RunVoice[]): Markup {
  const { about, nobody } = TEXTS.voices;
  const room = new AudioRoom();
  const isUntouched = report.warrants.length === 0;
  return markup`<p class="about">${about}</p>
${isUntouched ? markup`<p>${nobody}</p>\n` : null}${voices.map((voice, index) => voiceFigure(voice, `voice-${index}`, room))}${undecoded(report)}`;
}

/** What audio the page still takes. */
class AudioRoom {
  #left = MOST_AUDIO_OCTETS;

  takes({ octets }: Recorded): boolean {
    if (octets.length > this.#left) return false;
    this.#left -= octets.length;
    return true;
  }
}

function voiceFigure({ speaker, spoken, recovered }: RunVoice, id: string, room: AudioRoom): Markup {
  const { figure, spectrogram, spoken: isSpoken, recovered: isRecovered, onlySpoken } = TEXTS.voices;
  const tracks = [
    ...(spoken === null ? [] : [{ recorded: spoken, label: isSpoken, about: null }]),
    ...recovered.map((each) => ({ recorded: each.recorded, label: isRecovered, about: each })),
  ];
  const lanes = tracks.slice(0, MOST_LANES).map(({ recorded, label, about }) => ({
    ...{ label: `${label}: ${recorded.file}`, samples: recorded.samples },
    marks: about === null ? [] : streamMarks(about.stream),
  }));
  const names = lanes.map(({ label }) => label).join(', ');
  const of = { lanes, rate: WAV_SAMPLE_RATE };
  const drawing = markup`${waveformDrawing({ ...of, title: figure(speaker, names) })}
${spectrogramDrawing({ ...of, title: spectrogram(speaker, names) })}`;
  return markup`<figure class="voice" id="${id}" aria-labelledby="${id}-title">
<figcaption id="${id}-title">${speaker}</figcaption>
<div class="wave">${drawing}</div>
<div class="tracks">
${tracks.map(({ recorded, label, about }, lane) => track(recorded, `${speaker}, ${label}`, about, lane, room))}</div>
${recovered.length === 0 ? markup`<p class="compared">${onlySpoken}</p>` : comparison(recovered)}
</figure>
`;
}

function track(
  recorded: Recorded,
  name: string,
  about: RecoveredVoice | null,
  lane: number,
  room: AudioRoom,
): Markup {
  const { player, withoutAudio } = TEXTS.voices;
  const audio = room.takes(recorded)
    ? markup`<audio controls="" preload="metadata" data-lane="${lane}" aria-label="${player(name)}" src="data:audio/wav;base64,${toBase64(recorded.octets)}"></audio>`
    : markup`<p>${withoutAudio(recorded.file)}</p>`;
  return markup`<div class="track"><p class="track-name">${name}</p>${audio}${about === null ? null : markup`<p class="stream">${streamText(about)}</p>`}</div>
`;
}

function streamText({ stream, home, liid }: RecoveredVoice): string {
  const { recoveredBy, packets, decrypted, stream: ofStream } = TEXTS.voices;
  const suites = [...new Set(stream.keys.map(({ suite }) => suite))].join(', ');
  const counts = stream.decryptedInNetwork
    ? decrypted(stream.packets)
    : packets(stream.authenticated, stream.packets);
  const ssrc = stream.ssrc.toString(16).padStart(8, '0');
  return `${recoveredBy(home, liid)}; ${ofStream(ssrc, suites, stream.keys.length)}; ${counts}`;
}

function comparison(recovered: readonly RecoveredVoice[]): Markup {
  return markup`${recovered.flatMap(({ compared, recorded }) =>
    compared === null
      ? []
      : [
          markup`<p class="compared ${compared.equal ? 'equal' : ''}">${TEXTS.voices.equal(recorded.file, compared.detail)}</p>\n`,
        ],
  )}`;
}

/** Packets that a LEMF keeps as they are, such as video; and why a call was not recovered. */
function undecoded({ calls }: DemoReport): Markup {
  const recoveries = calls.flatMap(({ recovery }) => recovery);
  const kept = recoveries.flatMap(({ streams }) =>
    streams.flatMap(({ rtp }) => (rtp === null ? [] : [TEXTS.voices.rtp(rtp.file, rtp.packets)])),
  );
  const reasons = recoveries.filter(({ recovered }) => !recovered).map(({ explanation }) => explanation);
  return markup`${[...new Set([...kept, ...reasons])].map((line) => markup`<p>${line}</p>\n`)}`;
}
