/** How the system stands, in five numbers. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { PageState } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { tile } from './parts.ts';

export function systemSummary({ system }: Pick<PageState, 'system'>): TemplateResult | typeof nothing {
  if (system === null) return nothing;
  const { summary: words } = CONSOLE_TEXTS;
  return html`<section aria-label=${words.title}>
    <dl class="tiles">
      ${tile(system.warrants['active'] ?? 0, words.active)} ${tile(system.pending, words.pending)}
      ${tile(system.degraded, words.degraded, true)} ${tile(system.issues, words.issues, true)}
      ${tile(system.away.length, words.away, true)}
    </dl>
  </section>`;
}
