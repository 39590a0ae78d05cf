/** The officers' page: where one can go, and the view of where one is. */
import { html } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import { hasAny, readsWarrants } from '../state.ts';
import type { PageState, PagePlace } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import type { OfficerPage } from '../officer-page.ts';
import { alarmsView } from './alarms.ts';
import { elementsView } from './elements.ts';
import { entryView } from './entry-form.ts';
import { shell } from './shell.ts';
import type { ShellLink } from './shell.ts';
import { systemSummary } from './summary.ts';
import { warrantView } from './warrant-file.ts';
import { warrantList } from './warrant-list.ts';

export function frame(state: PageState, page: OfficerPage): TemplateResult {
  const { self, live, failure, notice } = state;
  return shell({ self, live, failure, notice, places: placesOf(state), body: viewOf(state, page) });
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
      return html`${systemSummary(state)} ${warrantList(state, page)}`;
    case 'warrant':
      return warrantView(state, page);
    case 'enter':
      return entryView(state, page);
    case 'elements':
      return html`${systemSummary(state)} ${elementsView(state, page)}`;
    case 'alarms':
      return html`${systemSummary(state)} ${alarmsView(state)}`;
    case 'unknown':
      return html`<p>${CONSOLE_TEXTS.noSuchView}</p>`;
  }
}

/** What the reader's roles can see. */
function placesOf({ place, self, system }: PageState): ShellLink[] {
  const link = (view: 'warrants' | 'enter' | 'elements' | 'alarms', count = 0): ShellLink => {
    const isHere = place.view === view || (view === 'warrants' && place.view === 'warrant');
    return { address: `#/${view}`, name: CONSOLE_TEXTS[view], isHere, count };
  };
  const wrong = system === null ? 0 : system.degraded + system.issues;
  return [
    ...(readsWarrants(self) ? [link('warrants')] : []),
    ...(hasAny(self, ['officer']) ? [link('enter')] : []),
    link('elements'),
    link('alarms', wrong),
  ];
}
