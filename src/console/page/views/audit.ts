/** The audit logs of all entities in one timeline, and whether each is the unbroken chain that it claims to be. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import { eventFields, kindsIn, listedEntries } from '../audit-list.ts';
import type { AuditEntry, AuditWishes } from '../audit-list.ts';
import type { ReadLog } from '../audit-logs.ts';
import { inputTime, localInput } from '../format.ts';
import type { OfficerPage } from '../officer-page.ts';
import type { PageState } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { plainTable, timeOf, told } from './parts.ts';

const { auditView: WORDS } = CONSOLE_TEXTS;
const MORE = 100;

export function auditView({ logs, auditWishes }: PageState, page: OfficerPage): TemplateResult {
  const head = html`<h1>${CONSOLE_TEXTS.audit}</h1>`;
  if (logs === null)
    return html`${head}
      <p>${CONSOLE_TEXTS.loading}</p>`;
  const entries = listed(logs, auditWishes);
  const shown = entries.slice(0, auditWishes.rows);
  const rows = shown.map(({ entity, record }) => [
    timeOf(record.time),
    told(entity),
    record.sequence,
    html`<code>${told(record.event.kind)}</code>`,
    fieldList(record),
  ]);
  const columns = [WORDS.time, WORDS.entity, WORDS.sequence, WORDS.kind, WORDS.fields];
  const left = entries.length - shown.length;
  return html`${head} ${logTable(logs)} ${wishesForm(logs, auditWishes, page)}
  ${plainTable(
    WORDS.caption(shown.length, entries.length),
    columns.map((title, at) => ({ title, isNumber: at === 2 })),
    rows,
  )}
  ${
    left === 0
      ? nothing
      : html`<button
          type="button"
          @click=${() => page.set({ auditWishes: { ...auditWishes, rows: auditWishes.rows + MORE } })}
        >
          ${CONSOLE_TEXTS.list.more(left)}
        </button>`
  }`;
}

/** What each log is worth, for this view and for the one of releases. */
export function logTable(logs: readonly ReadLog[]): TemplateResult {
  const rows = logs.map(({ name, state, why, verified, records }) => [
    told(name),
    html`<span class="mark ${MARKS[state]}">${WORDS.states[state]}</span>${
        why === '' ? nothing : html` <span class="detail">${told(why)}</span>`
      }`,
    verified,
    verified - records.length,
  ]);
  return plainTable(
    WORDS.logs,
    [
      { title: WORDS.entity },
      { title: WORDS.chain },
      { title: WORDS.verified, isNumber: true },
      { title: WORDS.older, isNumber: true },
    ],
    rows,
  );
}

const MARKS = { unread: 'busy', verified: 'good', broken: 'bad', none: 'quiet' } as const;

function fieldList(record: AuditEntry['record']): TemplateResult {
  return html`<dl class="fieldlist">
    ${eventFields(record).map(
      ([name, value]) =>
        html`<div>
          <dt>${told(name)}</dt>
          <dd>${told(value)}</dd>
        </div>`,
    )}
  </dl>`;
}

function wishesForm(logs: readonly ReadLog[], wishes: AuditWishes, page: OfficerPage): TemplateResult {
  const wish = (change: Partial<AuditWishes>): void =>
    page.set({ auditWishes: { ...wishes, rows: MORE, ...change } });
  const valueOf = (event: Event): string => (event.target as HTMLInputElement | HTMLSelectElement).value;
  const timeIn = (event: Event): number | null => {
    const iso = inputTime(valueOf(event));
    return iso === null ? null : Date.parse(iso);
  };
  const choice = (label: string, options: readonly string[], name: 'entity' | 'kind'): TemplateResult =>
    html`<label
      >${label}
      <select @change=${(event: Event) => wish({ [name]: valueOf(event) })}>
        <option value="" ?selected=${wishes[name] === ''}>${WORDS.any}</option>
        ${options.map(
          (each) => html`<option value=${each} ?selected=${wishes[name] === each}>${each}</option>`,
        )}
      </select>
    </label>`;
  const moment = (label: string, name: 'from' | 'until'): TemplateResult =>
    html`<label
      >${label}
      <input
        type="datetime-local"
        step="1"
        .value=${wishes[name] === null ? '' : localInput(wishes[name])}
        @change=${(event: Event) => wish({ [name]: timeIn(event) })}
      />
    </label>`;
  return html`<form class="wishes" role="search" @submit=${(event: Event) => event.preventDefault()}>
    <label
      >${WORDS.search}
      <input
        type="search"
        autocomplete="off"
        .value=${wishes.search}
        @input=${(event: Event) => wish({ search: valueOf(event) })}
      />
    </label>
    ${choice(
      WORDS.entity,
      logs.map(({ name }) => name),
      'entity',
    )}
    ${choice(WORDS.kind, kindsIn(logs), 'kind')} ${moment(WORDS.from, 'from')} ${moment(WORDS.until, 'until')}
  </form>`;
}

/** Kept, since the page is drawn every second and the list may be long. */
let last: { logs: readonly ReadLog[]; key: string; entries: AuditEntry[] } | null = null;

function listed(logs: readonly ReadLog[], { rows: _, ...wishes }: AuditWishes): AuditEntry[] {
  const key = JSON.stringify(wishes);
  if (last?.logs !== logs || last.key !== key)
    last = { logs, key, entries: listedEntries(logs, { rows: 0, ...wishes }) };
  return last.entries;
}
