/** One call: what it is, its ladder, what was said, and what was recovered of it or not. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import { unsafeHTML } from 'lit-html/directives/unsafe-html.js';
import type { CallView } from '../../../entities/lemf/case-views.ts';
import { ladderDrawing } from '../../../views/ladder.ts';
import type { AnalystPage } from '../analyst-page.ts';
import type { AnalystState } from '../analyst-state.ts';
import { apiUrl } from '../ask.ts';
import { timeText } from '../format.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { audioSection } from './call-audio.ts';
import { callName, outcomeMarks } from './call-list.ts';
import { streamsSection } from './call-streams.ts';
import { timeOf, told } from './parts.ts';
import { recordDialog } from './record-view.ts';

const { calls: WORDS } = CONSOLE_TEXTS;

export function callFile(state: AnalystState, page: AnalystPage): TemplateResult {
  const { calls, failure } = state;
  const back = html`<p class="back"><a href="#/calls">${WORDS.back}</a></p>`;
  if (calls === null)
    return html`${back} ${failure === null ? html`<p>${CONSOLE_TEXTS.loading}</p>` : nothing}`;
  return html`${back} ${calls.map((call, nth) => oneCall(call, nth, state, page))}
  ${recordDialog(state, page)}`;
}

function oneCall(call: CallView, nth: number, state: AnalystState, page: AnalystPage): TemplateResult {
  return html`<article aria-labelledby=${`call-${nth}`}>
    <div class="head">
      <h1 id=${`call-${nth}`}>${told(call.liid)}, ${callName(call)}</h1>
      ${outcomeMarks(call)}
    </div>
    ${facts(call, state)} ${ladderSection(call, nth, page)} ${audioSection(call, nth, state, page)}
    ${streamsSection(call, nth)}
  </article>`;
}

function facts(call: CallView, { self }: AnalystState): TemplateResult {
  const { from, to, firstTime, lastTime, ended, id } = call;
  const fact = (name: string, value: unknown): TemplateResult =>
    html`<dt>${name}</dt>
      <dd>${value}</dd>`;
  return html`<section class="acts" aria-label=${WORDS.facts}>
    <dl class="facts">
      ${fact(WORDS.columns.from, told(from ?? '?'))} ${fact(WORDS.columns.to, told(to ?? '?'))}
      ${fact(WORDS.columns.begun, firstTime === null ? '–' : timeOf(firstTime))}
      ${fact(WORDS.last, lastTime === null ? '–' : timeOf(lastTime))}
      ${fact(WORDS.ended, ended ? WORDS.over : WORDS.underWay)}
    </dl>
    ${
      self?.exports === true
        ? html`<p>
            <a class="download" href=${apiUrl(`calls/${id}/export`)} download="call.tar">${WORDS.export}</a>
            <span class="why">${WORDS.exportHint}</span>
          </p>`
        : nothing
    }
  </section>`;
}

/** The drawing, and the same as buttons: those who cannot point, or see, open a record by these. */
function ladderSection(call: CallView, nth: number, page: AnalystPage): TemplateResult {
  const { steps, further, source, parties } = call;
  const choose = (place: number): void => void page.choose({ source, place });
  const chosen = (event: Event): void => {
    const step = (event.target as Element).closest('[data-step]')?.getAttribute('data-step');
    if (step !== null && step !== undefined && step !== '') choose(Number(step));
  };
  const ladder = {
    parties: [WORDS.target(parties.target), parties.other],
    steps: steps.map(({ place, ...step }) => ({ ...step, step: String(place) })),
    further,
  };
  if (steps.length === 0) return html`<section><p>${WORDS.noSteps}</p></section>`;
  const drawing = ladderDrawing(ladder, WORDS.ladderOf(steps.length)).toString();
  return html`<section aria-labelledby=${`ladder-${nth}`}>
    <h2 id=${`ladder-${nth}`}>${WORDS.ladder}</h2>
    <div class="scroll drawing" tabindex="0" role="group" aria-label=${WORDS.ladder} @click=${chosen}>
      ${unsafeHTML(drawing)}
    </div>
    <details>
      <summary>${WORDS.steps}</summary>
      <ol class="steps">
        ${steps.map(
          ({ at, label, marks, place }) =>
            html`<li>
              <button type="button" @click=${() => choose(place)}>
                ${at === null ? nothing : html`<span class="number">${timeText(new Date(at).toISOString())}</span>`}
                ${told(label)} ${marks.length === 0 ? nothing : told(WORDS.carries(marks.join(', ')))}
              </button>
            </li>`,
        )}
      </ol>
      ${further === 0 ? nothing : html`<p>${WORDS.stepsFurther(further)}</p>`}
    </details>
  </section>`;
}
