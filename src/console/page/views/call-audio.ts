/** What was said: each direction as waveform and spectrogram, heard in step, with what is marked on its time. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import { unsafeHTML } from 'lit-html/directives/unsafe-html.js';
import type { CallView } from '../../../entities/lemf/case-views.ts';
import type { StreamReport } from '../../../entities/lemf/recover.ts';
import { WAV_SAMPLE_RATE } from '../../../media/wav.ts';
import { spectrogramDrawing } from '../../../views/spectrogram.ts';
import { streamMarks } from '../../../views/stream-marks.ts';
import type { AxisMark } from '../../../views/time-axis.ts';
import { waveformDrawing } from '../../../views/waveform.ts';
import type { AnalystPage } from '../analyst-page.ts';
import type { AnalystState } from '../analyst-state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import type { CallPlayer, Hearing, Track } from '../player.ts';
import { plainTable, told } from './parts.ts';

const { calls: WORDS } = CONSOLE_TEXTS;

export function audioSection(
  call: CallView,
  nth: number,
  state: AnalystState,
  page: AnalystPage,
): TemplateResult {
  const { source, report } = call;
  const audio = state.audio.get(source);
  const figure = `audio-${nth}`;
  const player = page.playerOf(source, figure);
  const body = (): TemplateResult => {
    if (audio?.tracks === null) return html`<p>${WORDS.audioLoading}</p>`;
    if (player === null) return html`<p>${WORDS.noAudio}</p>`;
    return html`${heard(player, report?.streams ?? [])}`;
  };
  return html`<section aria-labelledby=${`said-${nth}`}>
    <h2 id=${`said-${nth}`}>${WORDS.audio}</h2>
    <div class="audio" id=${figure}>${body()}</div>
    ${(audio?.tooLong ?? []).map((name) => html`<p>${told(WORDS.tooLong(name))}</p>`)}
  </section>`;
}

function heard(player: CallPlayer, streams: readonly StreamReport[]): TemplateResult {
  const { waveform, spectrogram, lanes } = drawn(player, streams);
  const seek = (event: MouseEvent): void => {
    const drawing = (event.target as Element).closest('svg.waveform, svg.spectrogram');
    if (drawing === null) return;
    const { left, width } = drawing.getBoundingClientRect();
    player.seek(((event.clientX - left) / width) * player.seconds);
  };
  const { ways, alone, hear, play, pause, place } = WORDS;
  const choices: (readonly [string, string])[] = [
    ...Object.entries(ways),
    ...player.tracks.map(({ name }, at) => [String(at), alone(name)] as const),
  ];
  const hears = (event: Event): void => player.hear(hearingOf((event.target as HTMLSelectElement).value));
  return html`<div class="player">
      <button
        type="button"
        class="play"
        @click=${() => (player.isPlaying ? player.pause() : void player.play())}
      >
        ${player.isPlaying ? pause : play}
      </button>
      <label class="place"
        >${place}
        <input
          type="range"
          min="0"
          max=${player.seconds}
          step="0.1"
          @input=${(event: Event) => player.seek(Number((event.target as HTMLInputElement).value))}
      /></label>
      <output></output>
      <label
        >${hear}
        <select @change=${hears}>
          ${choices.map(
            ([value, name]) =>
              html`<option value=${value} ?selected=${value === String(player.hearing)}>${name}</option>`,
          )}
        </select></label
      >
    </div>
    <div class="drawing wave" @click=${seek}>${unsafeHTML(waveform)} ${unsafeHTML(spectrogram)}</div>
    ${lanes.map(marksTable)}`;
}

function hearingOf(value: string): Hearing {
  return value === 'mixed' || value === 'apart' ? value : Number(value);
}

interface DrawnAudio {
  readonly waveform: string;
  readonly spectrogram: string;
  readonly lanes: readonly { readonly track: Track; readonly marks: readonly AxisMark[] }[];
}

/** Drawings take long, and stay what they are. */
const DRAWN = new WeakMap<CallPlayer, DrawnAudio>();

function drawn(player: CallPlayer, streams: readonly StreamReport[]): DrawnAudio {
  const known = DRAWN.get(player);
  if (known !== undefined) return known;
  const lanes = player.tracks.map((track) => {
    const stream = streams.find(({ file }) => file === track.file);
    return {
      track,
      marks: stream === undefined ? [] : streamMarks(stream, track.from / WAV_SAMPLE_RATE),
    };
  });
  const names = player.tracks.map(({ name }) => name).join(', ');
  const of = {
    lanes: lanes.map(({ track: { name, samples, from }, marks }) => ({ label: name, samples, from, marks })),
    rate: WAV_SAMPLE_RATE,
  };
  const made = {
    waveform: waveformDrawing({ ...of, title: WORDS.waveform(names) }).toString(),
    spectrogram: spectrogramDrawing({ ...of, title: WORDS.spectrogram(names) }).toString(),
    lanes,
  };
  DRAWN.set(player, made);
  return made;
}

/** The marks on the axis in words: for who cannot see them, and to be found again. */
function marksTable({ track, marks }: DrawnAudio['lanes'][number]): TemplateResult | typeof nothing {
  if (marks.length === 0) return nothing;
  const { at, what, seconds, marksOf, marksCaption } = WORDS;
  return html`<details>
    <summary>${told(marksOf(track.name))}: ${marksCaption}</summary>
    ${plainTable(
      marksOf(track.name),
      [{ title: at, isNumber: true }, { title: what }],
      marks.map(({ from, label }) => [seconds(from), told(label)]),
    )}
  </details>`;
}
