/** One warrant: what it says, who has and who may, how far the elements are, and what has been. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import type { EventJson, OpenActJson, WarrantFileJson, WarrantJson } from '../answers.ts';
import {
  askingLabel,
  changeLines,
  hostLabel,
  locationLabel,
  ownersOf,
  plainText,
  targetLabel,
  timeLeft,
  timeText,
  waitsFor,
} from '../format.ts';
import type { OfficerPage } from '../officer-page.ts';
import type { PageState } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { actDialog } from './act-form.ts';
import { plainTable, stateMarks, timeOf, told, toldAll } from './parts.ts';

const { file: WORDS } = CONSOLE_TEXTS;

export function warrantView(state: PageState, page: OfficerPage): TemplateResult {
  const { place, file } = state;
  const liid = place.view === 'warrant' ? place.liid : '';
  const back = html`<p class="back"><a href="#/warrants">${CONSOLE_TEXTS.back}</a></p>`;
  if (file === null)
    return html`${back}
      <h1>${told(liid)}</h1>
      ${state.failure === null ? html`<p>${CONSOLE_TEXTS.loading}</p>` : nothing}`;
  const { warrant, history, acts } = file;
  return html`${back}
    <div class="head">
      <h1>${told(liid)}</h1>
      ${stateMarks(warrant)}
    </div>
    ${actButtons(acts, page)}
    <div class="columns">
      <section aria-labelledby="facts">
        <h2 id="facts">${WORDS.facts}</h2>
        ${facts(warrant, page.now())}
      </section>
      <section aria-labelledby="eyes">
        <h2 id="eyes">${WORDS.eyes}</h2>
        ${eyes(file)}
      </section>
    </div>
    <section aria-labelledby="progress">
      <h2 id="progress">${WORDS.progress}</h2>
      ${progress(file)}
    </section>
    <section aria-labelledby="timeline">
      <h2 id="timeline">${WORDS.timeline}</h2>
      <ol class="timeline">
        ${history.map(eventItem)}
      </ol>
    </section>
    ${actDialog(state, page)}`;
}

/** What the server says that may be done; what the person's roles do not have is not offered at all. */
function actButtons(acts: readonly OpenActJson[], page: OfficerPage): TemplateResult {
  const own = acts.filter(({ code }) => code !== 'role');
  const offered = own.filter(({ may, code }) => may || code === 'own-act');
  const button = ({ act, may, why }: OpenActJson): TemplateResult =>
    html`<button
      type="button"
      class="act ${act}"
      ?disabled=${!may}
      aria-describedby=${why === undefined ? nothing : `why-${act}`}
      @click=${() => page.begin(act)}
    >
      ${CONSOLE_TEXTS.acts[act].name}
    </button>`;
  return html`<section aria-labelledby="acts" class="acts">
    <h2 id="acts">${WORDS.acts}</h2>
    ${own.length === 0 ? html`<p>${WORDS.noActs}</p>` : nothing}
    <div class="buttons">${offered.map(button)}</div>
    ${offered.map(({ act, why }) =>
      why === undefined
        ? nothing
        : html`<p class="why" id=${`why-${act}`}>
            ${CONSOLE_TEXTS.acts[act].name}: ${WORDS.notNow(plainText(why))}
          </p>`,
    )}
  </section>`;
}

function facts(warrant: WarrantJson, now: number): TemplateResult {
  const { targets, delivery, startTime, endTime, lemf, location, xk, covered, reference } = warrant;
  const left = timeLeft(warrant, now);
  const fact = (name: string, value: unknown): TemplateResult =>
    html`<dt>${name}</dt>
      <dd>${value}</dd>`;
  return html`<dl class="facts">
    ${fact(WORDS.targets, toldAll(targets.map(targetLabel), WORDS.deleted))}
    ${fact(WORDS.delivery, WORDS.deliveries[delivery])} ${fact(WORDS.from, timeOf(startTime))}
    ${fact(WORDS.until, timeOf(endTime))} ${left === '' ? nothing : fact(WORDS.left, left)}
    ${fact(WORDS.hi2, told(hostLabel(lemf.hi2)))}
    ${lemf.hi3 === undefined ? nothing : fact(WORDS.hi3, told(hostLabel(lemf.hi3)))}
    ${fact(WORDS.location, locationLabel(location))}
    ${xk === false ? nothing : fact(WORDS.xk, askingLabel(xk))}
    ${reference === undefined ? nothing : fact(WORDS.reference, told(reference))}
    ${covered.map(({ from, until, delivery: what }) =>
      fact(WORDS.covered, WORDS.period(timeText(from), timeText(until), what)),
    )}
    ${fact(WORDS.generation, warrant.generation)} ${fact(WORDS.xid, html`<code>${warrant.xid}</code>`)}
  </dl>`;
}

/** Who has entered and approved it, what waits, and for whom. */
function eyes({ warrant, acts }: WarrantFileJson): TemplateResult {
  const { authors, approvals, pending, lapses } = warrant;
  const waits = waitsFor(warrant);
  const fact = (name: string, value: unknown): TemplateResult =>
    html`<dt>${name}</dt>
      <dd>${value}</dd>`;
  const changes = pending === undefined ? [] : [...changeLines(pending.changes), ...periodLines(pending)];
  return html`<dl class="facts">
      ${fact(WORDS.enteredBy, toldAll(authors, CONSOLE_TEXTS.nobody))}
      ${fact(WORDS.approvedBy, toldAll(approvals, CONSOLE_TEXTS.nobody))}
      ${waits === null ? nothing : fact(WORDS.waitsFor, html`<span class="mark waits">${waits}</span>`)}
      ${lapses === undefined ? nothing : fact(WORDS.lapses, timeOf(lapses))}
      ${
        pending === undefined
          ? nothing
          : html`${fact(WORDS.proposedBy, told(pending.by))} ${fact(WORDS.proposedAt, timeOf(pending.at))}
            ${fact(WORDS.because, told(pending.reason))}
            ${changes.map((line) => fact(WORDS.proposes, told(line)))}`
      }
    </dl>
    ${waits === null ? nothing : whoMay(warrant, acts)}`;
}

function periodLines({ startTime, endTime }: NonNullable<WarrantJson['pending']>): string[] {
  return [
    ...(startTime === undefined ? [] : [`${WORDS.from}: ${timeText(startTime)}`]),
    ...(endTime === undefined ? [] : [`${WORDS.until}: ${timeText(endTime)}`]),
  ];
}

function whoMay(warrant: WarrantJson, acts: readonly OpenActJson[]): TemplateResult {
  const owners = ownersOf(warrant);
  const approve = acts.find(({ act }) => act === 'approve');
  const others = owners.map(plainText).join(', ');
  return html`<p>${owners.length === 0 ? WORDS.mayAnybody : WORDS.mayApprove(others)}</p>
    ${
      approve === undefined
        ? nothing
        : html`<p class="you">
            ${approve.may ? WORDS.youMay : WORDS.youMayNot(plainText(approve.why ?? ''))}
          </p>`
    }`;
}

function progress({ elements }: WarrantFileJson): TemplateResult {
  const columns = [WORDS.element, WORDS.kind, WORDS.task, WORDS.delivers].map((title) => ({ title }));
  const rows = elements.map(({ element, kind, task, delivers }) => [
    told(element),
    CONSOLE_TEXTS.elementsView.kinds[kind] ?? kind,
    html`<span class="mark task-${task}">${CONSOLE_TEXTS.tasks[task]}</span>`,
    delivers ? CONSOLE_TEXTS.delivers.yes : html`<span class="mark bad">${CONSOLE_TEXTS.delivers.no}</span>`,
  ]);
  return plainTable(WORDS.progressOf, columns, rows);
}

function eventItem({ at, by, act, state, reason, detail }: EventJson): TemplateResult {
  return html`<li>
    <div>
      ${timeOf(at)}
      <strong>${plainText(act)}</strong>
      ${by === undefined ? WORDS.itself : html`${WORDS.by} ${told(by)}`}
      <span class="mark state-${state}">${CONSOLE_TEXTS.states[state]}</span>
    </div>
    ${reason === undefined ? nothing : html`<div class="reason">${told(reason)}</div>`}
    ${detail === undefined ? nothing : html`<div class="detail"><code>${told(detail)}</code></div>`}
  </li>`;
}
