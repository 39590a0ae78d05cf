/** Calls by the warrants that they belong to: who, when, and whether all of it was recovered. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { CallEntry } from '../../../wire/analysts/calls.ts';
import type { AnalystPage } from '../analyst-page.ts';
import { callAddress } from '../analyst-state.ts';
import type { AnalystState } from '../analyst-state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { plainTable, timeOf, told } from './parts.ts';

const { calls: WORDS } = CONSOLE_TEXTS;

export function callList({ entries, search, next }: AnalystState, page: AnalystPage): TemplateResult {
  const head = html`<h1>${WORDS.title}</h1>`;
  if (entries === null)
    return html`${head}
      <p>${CONSOLE_TEXTS.loading}</p>`;
  const words = search.trim().toLowerCase();
  const found = entries.filter(({ liid, from, to }) =>
    [liid, from ?? '', to ?? ''].some((text) => text.toLowerCase().includes(words)),
  );
  const cases = new Map<string, CallEntry[]>();
  for (const entry of found) cases.set(entry.liid, [...(cases.get(entry.liid) ?? []), entry]);
  return html`${head}
    <form class="wishes" role="search" @submit=${(event: Event) => event.preventDefault()}>
      <label
        >${WORDS.search}
        <input
          type="search"
          .value=${search}
          @input=${(event: Event) => page.set({ search: (event.target as HTMLInputElement).value })}
      /></label>
    </form>
    <p role="status">${WORDS.caption(found.length, entries.length)}</p>
    ${found.length === 0 ? html`<p class="empty">${WORDS.empty}</p>` : nothing}
    ${[...cases].map(([liid, calls]) => caseTable(liid, calls))}
    ${
      next === null
        ? nothing
        : html`<button type="button" @click=${() => void page.more()}>${WORDS.more}</button>`
    }`;
}

function caseTable(liid: string, calls: readonly CallEntry[]): TemplateResult {
  const { columns } = WORDS;
  const rows = calls.map((call) => [
    html`<a href=${callAddress(call.id)}>${callName(call)}</a>`,
    told(call.from ?? '?'),
    told(call.to ?? '?'),
    call.firstTime === null ? '–' : timeOf(call.firstTime),
    call.packets,
    outcomeMarks(call),
  ]);
  const titles = [columns.call, columns.from, columns.to, columns.begun, columns.packets, columns.outcome];
  return plainTable(
    WORDS.case(liid),
    titles.map((title, at) => ({ title, isNumber: at === 3 || at === 4 })),
    rows,
  );
}

/** By its number, and by whose it is where several have that number. */
export function callName({ cin, source }: Pick<CallEntry, 'cin' | 'source'>): TemplateResult {
  return html`${WORDS.name(cin)}${source === null ? nothing : html` ${told(WORDS.ofSource(source))}`}`;
}

/** Whether it goes on, and whether it was recovered. */
export function outcomeMarks({ ended, recovered }: Pick<CallEntry, 'ended' | 'recovered'>): TemplateResult {
  const { outcomes, underWay } = WORDS;
  const [kind, text] =
    recovered === null ? ['quiet', outcomes.open] : recovered ? ['good', outcomes.yes] : ['bad', outcomes.no];
  return html`<span class="marks">
    ${ended ? nothing : html`<span class="mark busy">${underWay}</span>`}
    <span class="mark ${kind}">${text}</span>
  </span>`;
}
