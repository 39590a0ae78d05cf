/** What was recovered of a call stream by stream, what not, and why. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { CallView } from '../../../entities/lemf/case-views.ts';
import type { StreamReport } from '../../../entities/lemf/recover.ts';
import { REASON_TEXTS } from '../../../entities/lemf/verdict.ts';
import { apiUrl } from '../ask.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { plainTable, told } from './parts.ts';

const { calls: WORDS } = CONSOLE_TEXTS;

export function streamsSection({ id, report }: CallView, nth: number): TemplateResult {
  return html`<section aria-labelledby=${`streams-${nth}`}>
    <h2 id=${`streams-${nth}`}>${WORDS.streams}</h2>
    ${
      report === null
        ? html`<p>${WORDS.noReport}</p>`
        : html`<p class=${report.recovered ? 'good' : 'refusal'}>${told(report.explanation)}</p>
            ${report.streams.length === 0 ? nothing : streamTable(id, report.streams)}`
    }
  </section>`;
}

function streamTable(id: string, streams: readonly StreamReport[]): TemplateResult {
  const columns = [
    { title: WORDS.stream },
    { title: WORDS.speaker },
    { title: WORDS.columns.packets, isNumber: true },
    { title: WORDS.authenticated, isNumber: true },
    { title: WORDS.missing, isNumber: true },
    { title: WORDS.refused, isNumber: true },
    { title: WORDS.keys },
    { title: WORDS.digits },
    { title: WORDS.why },
    { title: WORDS.files },
  ];
  const rows = streams.map((stream) => [
    html`<code>${stream.ssrc.toString(16).padStart(8, '0')}</code> ${WORDS.directions[stream.direction]}`,
    told(stream.speaker ?? '?'),
    stream.packets,
    stream.decryptedInNetwork ? WORDS.inNetwork : stream.encrypted ? stream.authenticated : WORDS.inClear,
    stream.missing,
    stream.rejected,
    stream.keys.map(
      ({ suite, csId }) => html`<div>${told(csId === null ? suite : `CS ${csId}, ${suite}`)}</div>`,
    ),
    stream.digits === '' ? '–' : html`<code>${told(stream.digits)}</code>`,
    stream.reason === null ? WORDS.whole : REASON_TEXTS[stream.reason],
    namesOf(stream).map(
      (name) =>
        html`<div>
          <a href=${apiUrl(`calls/${id}/files/${encodeURIComponent(name)}`)} download=${name}
            >${told(name)}</a
          >
        </div>`,
    ),
  ]);
  return plainTable(WORDS.streamsCaption(streams.length), columns, rows);
}

function namesOf({ file, furtherFiles, rtp }: StreamReport): string[] {
  const further = furtherFiles.map((each) => each.file);
  return [...(file === null ? [] : [file]), ...further, ...(rtp === null ? [] : [rtp.file])];
}
