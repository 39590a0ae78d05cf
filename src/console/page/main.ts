/** The page of `claviger console`: what the server that it came from says and takes, drawn anew when anything changes. */
import { render } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import { AnalystPage } from './analyst-page.ts';
import type { AnalystSelf } from './analyst-state.ts';
import type { SelfJson } from './answers.ts';
import { getJson } from './ask.ts';
import { plainText } from './format.ts';
import { OfficerPage } from './officer-page.ts';
import { CONSOLE_TEXTS } from './texts.ts';
import { analystFrame, analystTitle } from './views/analyst-frame.ts';
import { frame, titleOf } from './views/frame.ts';

const root = document.getElementById('console');
if (root === null) throw new Error('the page has no place for the console');
const chosen = localStorage.getItem('theme');
if (chosen !== null) document.documentElement.dataset['theme'] = chosen;

let shownPlace = '';
void begin();

/** Who it is for, the server says: a LEMF has analysts, an ADMF all others. */
async function begin(): Promise<void> {
  const asked = getJson<SelfJson | AnalystSelf>('self');
  const self = await asked.catch(() => null);
  if (self !== null && 'lemf' in self) {
    const page = new AnalystPage((state) => {
      draw(analystFrame(state, page), JSON.stringify(state.place), analystTitle(state.place));
      page.drawn();
    });
    await page.start(self);
  } else {
    const page = new OfficerPage((state) =>
      draw(frame(state, page), JSON.stringify(state.place), titleOf(state.place)),
    );
    await page.start(asked as Promise<SelfJson>);
  }
}

function draw(shown: TemplateResult, place: string, title: string): void {
  if (root === null) return;
  render(shown, root);
  for (const dialog of root.querySelectorAll<HTMLDialogElement>('dialog[data-modal]'))
    if (!dialog.open) dialog.showModal();
  if (place === shownPlace) return;
  // Where one has gone is said, and the keyboard goes there, too; not at the beginning.
  if (shownPlace !== '') document.getElementById('main')?.focus();
  shownPlace = place;
  document.title = `${plainText(title)} · ${CONSOLE_TEXTS.product}`;
}
