/** What stands around every view of every page: who is here, where one can go, whether it is live, in which colours. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { LiveState } from '../live.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { told } from './parts.ts';

export interface Shell {
  /** Whose certificate it is; `null`: not asked yet. */
  readonly self: { readonly name: string; readonly roles: readonly string[] } | null;
  readonly live: LiveState;
  readonly places: readonly ShellLink[];
  /** Why what is shown may be old. */
  readonly failure: string | null;
  /** What has been done. */
  readonly notice: string;
  readonly body: TemplateResult | typeof nothing;
}

/** A place that one can go to. */
export interface ShellLink {
  readonly address: string;
  readonly name: string;
  readonly isHere: boolean;
  /** Of what is wrong there; 0: nothing. */
  readonly count?: number;
}

export function shell({ self, live, places, failure, notice, body }: Shell): TemplateResult {
  return html`
    <a class="skip" href="#main" @click=${skip}>${CONSOLE_TEXTS.skip}</a>
    <header>
      <p class="product">${CONSOLE_TEXTS.product}</p>
      ${self === null ? nothing : navigation(places)}
      <div class="who">
        ${
          self === null
            ? nothing
            : html`<span class="name">${told(self.name)}</span>
                <span class="roles">${self.roles.map(roleName).join(', ')}</span>`
        }
        <span class="live ${live}" role="status">${CONSOLE_TEXTS.live[live]}</span>
        ${themeChoice()}
      </div>
    </header>
    <main id="main" tabindex="-1">
      ${
        failure === null
          ? nothing
          : html`<p class="refusal" role="alert">
              ${failure}
              <button type="button" @click=${() => location.reload()}>${CONSOLE_TEXTS.reload}</button>
            </p>`
      }
      <p class="notice" role="status">${notice}</p>
      ${self === null ? (failure === null ? html`<p>${CONSOLE_TEXTS.loading}</p>` : nothing) : body}
    </main>
    <footer>${CONSOLE_TEXTS.time.zone(Intl.DateTimeFormat().resolvedOptions().timeZone)}</footer>
  `;
}

function roleName(role: string): string {
  const names: Readonly<Record<string, string>> = CONSOLE_TEXTS.roles;
  return names[role] ?? role;
}

function navigation(places: readonly ShellLink[]): TemplateResult {
  const link = ({ address, name, isHere, count = 0 }: ShellLink): TemplateResult =>
    html`<li>
      <a href=${address} aria-current=${isHere ? 'page' : 'false'}
        >${name}${count === 0 ? nothing : html` <span class="count">${count}</span>`}</a
      >
    </li>`;
  return html`<nav aria-label=${CONSOLE_TEXTS.views}>
    <ul>
      ${places.map(link)}
    </ul>
  </nav>`;
}

function themeChoice(): TemplateResult {
  const chosen = document.documentElement.dataset['theme'] ?? 'system';
  return html`<label class="theme"
    >${CONSOLE_TEXTS.theme}
    <select @change=${choose}>
      ${Object.entries(CONSOLE_TEXTS.themes).map(
        ([name, text]) => html`<option value=${name} ?selected=${name === chosen}>${text}</option>`,
      )}
    </select>
  </label>`;
}

function choose(event: Event): void {
  const { value } = event.target as HTMLSelectElement;
  document.documentElement.dataset['theme'] = value;
  localStorage.setItem('theme', value);
}

/** The address is that of a view: what is skipped to is not put into it. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
