/** The officers' page: where one can go, and the view of where one is. */
import { html } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import { LISTED_VIEWS, maySee } from '../state.ts';
import type { ListedView, PageState, PagePlace } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import type { OfficerPage } from '../officer-page.ts';
import { alarmsView } from './alarms.ts';
import { auditView } from './audit.ts';
import { elementsView } from './elements.ts';
import { entryView } from './entry-form.ts';
import { laboratoryView } from './laboratory.ts';
import { networkView } from './network.ts';
import { releasesView } from './releases.ts';
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
  if (self === null || !maySee(place.view, state)) return html`<p>${CONSOLE_TEXTS.notYours}</p>`;
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
    case 'audit':
      return watched(state, () => auditView(state, page));
    case 'releases':
      return watched(state, () => releasesView(state));
    case 'network':
      return watched(state, () => networkView(state, page));
    case 'laboratory':
      return laboratoryView(state, page);
    case 'unknown':
      return html`<p>${CONSOLE_TEXTS.noSuchView}</p>`;
  }
}

/** A view of the entities that are watched, or what to do where there are none. */
function watched({ place, watched: entities }: PageState, view: () => TemplateResult): TemplateResult {
  if (entities === null || entities.length > 0) return view();
  return html`<h1>${titleOf(place)}</h1>
    <p>${CONSOLE_TEXTS.nobodyWatched}</p>`;
}

/** What the reader's roles can see. */
function placesOf(state: PageState): ShellLink[] {
  const { place, system } = state;
  const link = (view: ListedView, count: number): ShellLink => {
    const isHere = place.view === view || (view === 'warrants' && place.view === 'warrant');
    return { address: `#/${view}`, name: CONSOLE_TEXTS[view], isHere, count };
  };
  const wrong = system === null ? 0 : system.degraded + system.issues;
  return LISTED_VIEWS.filter((view) => maySee(view, state)).map((view) =>
    link(view, view === 'alarms' ? wrong : 0),
  );
}
