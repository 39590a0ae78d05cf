/** One record, all that it says: its MIKEY messages payload by payload, and the PDU value by value. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { RecordView } from '../../../entities/lemf/case-views.ts';
import type { AnalystPage } from '../analyst-page.ts';
import type { AnalystState } from '../analyst-state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { told } from './parts.ts';

const { calls: WORDS } = CONSOLE_TEXTS;

export function recordDialog(
  { chosen, record }: AnalystState,
  page: AnalystPage,
): TemplateResult | typeof nothing {
  if (chosen === null) return nothing;
  return html`<dialog data-modal aria-labelledby="record" @close=${() => void page.choose(null)}>
    <div class="head">
      <h2 id="record" tabindex="-1">${WORDS.record}</h2>
      <form method="dialog"><button type="submit">${WORDS.close}</button></form>
    </div>
    ${record === null ? html`<p>${CONSOLE_TEXTS.loading}</p>` : contents(record)}
  </dialog>`;
}

function contents({ octets, fields, mikey }: RecordView): TemplateResult {
  return html`${mikey.map(message)}
    <details ?open=${mikey.length === 0}>
      <summary>${WORDS.pdu}: ${WORDS.recordOf(octets)}</summary>
      ${tree(fields)}
    </details>`;
}

function message(found: RecordView['mikey'][number]): TemplateResult {
  if ('unreadable' in found)
    return html`<p class="refusal">${told(WORDS.mikeyUnreadable(found.unreadable))}</p>`;
  const { name, octets, header, payloads } = found;
  return html`<section class="mikey">
    <h3>${told(WORDS.mikey(name, octets))}</h3>
    <details>
      <summary>${WORDS.mikeyHeader}</summary>
      ${tree(header)}
    </details>
    ${payloads.map(
      (payload) =>
        html`<details>
          <summary>${told(WORDS.mikeyPayload(payload.name, payload.offset, payload.length))}</summary>
          ${tree(payload.fields)}
        </details>`,
    )}
  </section>`;
}

/** Values by their names; whatever they are, they are text. */
function tree(value: unknown): TemplateResult {
  if (Array.isArray(value))
    return html`<ol class="values">
      ${value.map((each) => html`<li>${tree(each)}</li>`)}
    </ol>`;
  if (typeof value === 'object' && value !== null)
    return html`<dl class="values">
      ${Object.entries(value).map(
        ([name, member]) =>
          html`<dt>${told(name)}</dt>
            <dd>${tree(member)}</dd>`,
      )}
    </dl>`;
  const text = String(value);
  return text.includes('\n')
    ? html`<pre>
${text
          .replace(/\r?\n$/, '')
          .split(/\r?\n/)
          .map((line) => html`${told(line)}${'\n'}`)}</pre>`
    : told(text);
}
