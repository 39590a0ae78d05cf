/** The page of analysts: the calls that a LEMF has, and one of them. */
import { html } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { AnalystPage } from '../analyst-page.ts';
import type { AnalystPlace, AnalystState } from '../analyst-state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { callFile } from './call-file.ts';
import { callList } from './call-list.ts';
import { shell } from './shell.ts';

export function analystFrame(state: AnalystState, page: AnalystPage): TemplateResult {
  const { self, live, failure, notice, place } = state;
  const { title } = CONSOLE_TEXTS.calls;
  const places = [
    { address: '#/calls', name: title, isHere: place.view === 'calls' || place.view === 'call' },
  ];
  return shell({ self, live, failure, notice, places, body: viewOf(state, page) });
}

/** The title of a place, for the window and the screen reader. */
export function analystTitle({ view }: AnalystPlace): string {
  return view === 'unknown' ? CONSOLE_TEXTS.product : CONSOLE_TEXTS.calls.title;
}

function viewOf(state: AnalystState, page: AnalystPage): TemplateResult {
  switch (state.place.view) {
    case 'calls':
      return callList(state, page);
    case 'call':
      return callFile(state, page);
    case 'unknown':
      return html`<p>${CONSOLE_TEXTS.noSuchView}</p>`;
  }
}
