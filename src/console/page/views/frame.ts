/** What stands around every view: who is here, where one can go, how it stands. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import { hasAny, readsWarrants } from '../state.ts';
import type { PageState, PagePlace } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import type { OfficerPage } from '../officer-page.ts';
import { alarmsView } from './alarms.ts';
import { elementsView } from './elements.ts';
import { entryView } from './entry-form.ts';
import { told } from './parts.ts';
import { warrantView } from './warrant-file.ts';
import { warrantList } from './warrant-list.ts';

export function frame(state: PageState, page: OfficerPage): TemplateResult {
  const { self, failure, notice } = state;
  return html`
    <a class="skip" href="#main" @click=${skip}>${CONSOLE_TEXTS.skip}</a>
    <header>
      <p class="product">${CONSOLE_TEXTS.product}</p>
      ${self === null ? nothing : navigation(state)}
      <div class="who">
        ${
          self === null
            ? nothing
            : html`<span class="name">${told(self.name)}</span>
                <span class="roles">${self.roles.map((role) => CONSOLE_TEXTS.roles[role]).join(', ')}</span>`
        }
        <span class="live ${state.live}" role="status">${CONSOLE_TEXTS.live[state.live]}</span>
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
      ${self === null ? (failure === null ? html`<p>${CONSOLE_TEXTS.loading}</p>` : nothing) : viewOf(state, page)}
    </main>
    <footer>${CONSOLE_TEXTS.time.zone(Intl.DateTimeFormat().resolvedOptions().timeZone)}</footer>
  `;
}

/** The title of a place, for the window and the screen reader. */
export function titleOf(place: PagePlace): string {
  switch (place.view) {
    case 'warrant':
      return place.liid;
    case 'unknown':
      return CONSOLE_TEXTS.product;
    default:
      return CONSOLE_TEXTS[place.view];
  }
}

function viewOf(state: PageState, page: OfficerPage): TemplateResult {
  const { place, self } = state;
  const isForReaders = ['warrants', 'warrant'].includes(place.view);
  if (isForReaders && !readsWarrants(self)) return html`<p>${CONSOLE_TEXTS.notYours}</p>`;
  if (place.view === 'enter' && !hasAny(self, ['officer'])) return html`<p>${CONSOLE_TEXTS.notYours}</p>`;
  switch (place.view) {
    case 'warrants':
      return html`${summary(state)} ${warrantList(state, page)}`;
    case 'warrant':
      return warrantView(state, page);
    case 'enter':
      return entryView(state, page);
    case 'elements':
      return html`${summary(state)} ${elementsView(state, page)}`;
    case 'alarms':
      return html`${summary(state)} ${alarmsView(state)}`;
    case 'unknown':
      return html`<p>${CONSOLE_TEXTS.noSuchView}</p>`;
  }
}

function navigation({ place, self, system }: PageState): TemplateResult {
  const link = (view: 'warrants' | 'enter' | 'elements' | 'alarms', count = 0): TemplateResult => {
    const isHere = place.view === view || (view === 'warrants' && place.view === 'warrant');
    return html`<li>
      <a href="#/${view}" aria-current=${isHere ? 'page' : 'false'}
        >${CONSOLE_TEXTS[view]}${count === 0 ? nothing : html` <span class="count">${count}</span>`}</a
      >
    </li>`;
  };
  const wrong = system === null ? 0 : system.degraded + system.issues;
  return html`<nav aria-label=${CONSOLE_TEXTS.views}>
    <ul>
      ${readsWarrants(self) ? link('warrants') : nothing}
      ${hasAny(self, ['officer']) ? link('enter') : nothing} ${link('elements')} ${link('alarms', wrong)}
    </ul>
  </nav>`;
}

function summary({ system }: PageState): TemplateResult | typeof nothing {
  if (system === null) return nothing;
  const { summary: words } = CONSOLE_TEXTS;
  const tile = (count: number, name: string, isBad: boolean): TemplateResult =>
    html`<div class="tile ${isBad && count > 0 ? 'bad' : ''}">
      <dd>${count}</dd>
      <dt>${name}</dt>
    </div>`;
  return html`<section aria-label=${words.title}>
    <dl class="tiles">
      ${tile(system.warrants['active'] ?? 0, words.active, false)}
      ${tile(system.pending, words.pending, false)} ${tile(system.degraded, words.degraded, true)}
      ${tile(system.issues, words.issues, true)} ${tile(system.away.length, words.away, true)}
    </dl>
  </section>`;
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
