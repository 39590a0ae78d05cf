/** Keys that were released, each beside the warrant that it was released under; what has none is red. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { ReadLog } from '../audit-logs.ts';
import { timeText } from '../format.ts';
import { isWithoutWarrant, refusedIn, releasesIn } from '../releases.ts';
import type { KeyRelease } from '../releases.ts';
import { warrantAddress } from '../state.ts';
import type { PageState } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { logTable } from './audit.ts';
import { plainTable, tile, timeOf, told, toldAll } from './parts.ts';

const { releasesView: WORDS } = CONSOLE_TEXTS;

export function releasesView({ logs }: PageState): TemplateResult {
  const head = html`<h1>${CONSOLE_TEXTS.releases}</h1>`;
  if (logs === null)
    return html`${head}
      <p>${CONSOLE_TEXTS.loading}</p>`;
  const { releases, refused } = judged(logs);
  const without = releases.filter(isWithoutWarrant).length;
  const unjudged = releases.filter(({ verdict }) => verdict === 'unjudged').length;
  return html`${head}
    <section aria-label=${WORDS.title}>
      <dl class="tiles">
        ${tile(releases.length - without - unjudged, WORDS.covered)} ${tile(without, WORDS.without, true)}
        ${tile(unjudged, WORDS.unjudged, true)} ${tile(refused, WORDS.refused)}
      </dl>
    </section>
    <p>${WORDS.explained}</p>
    ${releases.length === 0 ? html`<p>${WORDS.none}</p>` : releaseTable(releases)} ${logTable(logs)}`;
}

function releaseTable(releases: readonly KeyRelease[]): TemplateResult {
  const columns = [
    ...[WORDS.verdict, WORDS.time, WORDS.between, WORDS.target, WORDS.warrant],
    ...[WORDS.approvedBy, WORDS.sent, WORDS.sessions],
  ];
  const rows = releases.map((release) => [
    verdictOf(release),
    timeOf(release.record.time),
    html`${told(release.entity)} → ${told(release.client)}`,
    told(release.target),
    warrantOf(release),
    toldAll(release.approvedBy, CONSOLE_TEXTS.nobody),
    release.sent === null
      ? '–'
      : html`${timeText(new Date(release.sent).toISOString())}${
          release.isBeforeStart ? html` <span class="mark busy">${WORDS.beforeStart}</span>` : nothing
        }`,
    release.sessions,
  ]);
  return plainTable(
    WORDS.caption(releases.length),
    columns.map((title, at) => ({ title, isNumber: at === columns.length - 1 })),
    rows,
  );
}

function verdictOf({ verdict }: KeyRelease): TemplateResult {
  const kind = verdict === 'covered' ? 'good' : verdict === 'unjudged' ? 'busy' : 'bad';
  return html`<span class="mark ${kind}">${WORDS.verdicts[verdict]}</span>`;
}

function warrantOf({ liid, xid }: KeyRelease): TemplateResult {
  return html`${liid === null ? WORDS.unknown : html`<a href=${warrantAddress(liid)}>${told(liid)}</a>`}
    <code class="detail">${told(xid)}</code>`;
}

/** Kept, since the page is drawn every second. */
let last: { logs: readonly ReadLog[]; releases: KeyRelease[]; refused: number } | null = null;

function judged(logs: readonly ReadLog[]): { releases: KeyRelease[]; refused: number } {
  if (last?.logs !== logs) last = { logs, releases: releasesIn(logs), refused: refusedIn(logs) };
  return last;
}
