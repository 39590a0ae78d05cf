/** The page of `claviger console`: what the officers' interface says and takes, drawn anew when anything changes. */
import { render } from 'lit-html';
import { plainText } from './format.ts';
import { OfficerPage } from './officer-page.ts';
import type { PageState } from './state.ts';
import { CONSOLE_TEXTS } from './texts.ts';
import { frame, titleOf } from './views/frame.ts';

const root = document.getElementById('console');
if (root === null) throw new Error('the page has no place for the console');
const chosen = localStorage.getItem('theme');
if (chosen !== null) document.documentElement.dataset['theme'] = chosen;

let shownPlace = '';
const page = new OfficerPage(draw);
void page.start();

function draw(state: PageState): void {
  if (root === null) return;
  render(frame(state, page), root);
  for (const dialog of root.querySelectorAll<HTMLDialogElement>('dialog[data-modal]'))
    if (!dialog.open) dialog.showModal();
  const place = JSON.stringify(state.place);
  if (place === shownPlace) return;
  // Where one has gone is said, and the keyboard goes there, too; not at the beginning.
  if (shownPlace !== '') document.getElementById('main')?.focus();
  shownPlace = place;
  document.title = `${plainText(titleOf(state.place))} · ${CONSOLE_TEXTS.product}`;
}
