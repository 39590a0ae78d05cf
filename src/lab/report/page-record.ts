/** The network, the call and the timeline as they stand on the page. */
import { ladderDrawing } from '../../views/ladder.ts';
import { markup } from '../../views/markup.ts';
import type { Markup } from '../../views/markup.ts';
import { topologyDrawing } from '../../views/topology.ts';
import type { DemoReport, LinkReport } from '../scenarios/report.ts';
import type { TimelineEntry } from '../timeline.ts';
import { callLadder, messagesOfCalls, stepName } from './call-drawing.ts';
import type { NumberedMessage } from './call-drawing.ts';
import { homeTopologies } from './network-drawing.ts';
import { REFERENCE_NAMES, TEXTS } from './texts.ts';

/** SIP messages whose text is on the page, and what of each. */
const MOST_MESSAGES = 240;
const MOST_CHARACTERS = 16_384;
const MOST_EVENTS = 1000;

export function networkSection(report: DemoReport): Markup {
  const { about, table } = TEXTS.network;
  const homes = homeTopologies(report).map(
    (home) => markup`<div class="home">${topologyDrawing(home)}</div>\n`,
  );
  return markup`<p class="about">${about}</p>
<div class="homes">
${homes}</div>
<details><summary>${table}</summary>
${linkTable(report.links)}
</details>`;
}

function linkTable(links: readonly LinkReport[]): Markup {
  const { caption, reference, what, from, to, count } = TEXTS.network;
  const rows = links.map(
    (link) =>
      markup`<tr><th scope="row">${link.reference}</th><td>${REFERENCE_NAMES[link.reference] ?? ''}</td><td>${link.from}</td><td>${link.to}</td><td class="number">${link.count}</td></tr>\n`,
  );
  const heads = [reference, what, from, to].map((head) => markup`<th scope="col">${head}</th>`);
  return scrolling(
    caption,
    markup`<table>
<caption>${caption}</caption>
<thead><tr>${heads}<th scope="col" class="number">${count}</th></tr></thead>
<tbody>
${rows}</tbody>
</table>`,
  );
}

export function callSection(report: DemoReport, messages: readonly Uint8Array[]): Markup {
  const { about, figure, scroll, messages: all, further } = TEXTS.ladder;
  const ladder = callLadder(report);
  if (ladder === null) return markup``;
  const ofCalls = messagesOfCalls(report);
  const shown = ofCalls.slice(0, MOST_MESSAGES);
  const rest = ofCalls.length - shown.length;
  return markup`<p class="about">${about}</p>
${scrolling(scroll, ladderDrawing(ladder, figure))}
<h3>${all}</h3>
<div class="messages">
${shown.map((message) => messageDetails(message, messages[message.number - 1]))}</div>
${rest === 0 ? null : markup`<p>${further(rest)}</p>`}`;
}

function messageDetails({ entry, number }: NumberedMessage, octets: Uint8Array | undefined): Markup {
  const { from, to, what } = entry;
  const digits = String(number).padStart(3, '0');
  const text = octets === undefined ? what : new TextDecoder().decode(octets).slice(0, MOST_CHARACTERS);
  return markup`<details id="${stepName(number)}"><summary><span class="number">${digits}</span> <span class="between"><bdi>${from}</bdi> → <bdi>${to}</bdi></span> <span class="what"><bdi>${what}</bdi></span></summary><pre dir="ltr" tabindex="0" aria-label="${TEXTS.ladder.message(digits, from, to)}">${text}</pre></details>
`;
}

export function recordSection(timeline: readonly TimelineEntry[]): Markup {
  const { about, caption, open, at, between, reference, what, further } = TEXTS.record;
  const shown = timeline.slice(0, MOST_EVENTS);
  const rest = timeline.length - shown.length;
  const heads = [at, between, reference, what].map((head) => markup`<th scope="col">${head}</th>`);
  return markup`<p class="about">${about}</p>
<details><summary>${open(timeline.length)}</summary>
${scrolling(
  caption,
  markup`<table class="timeline">
<caption>${caption}</caption>
<thead><tr>${heads}</tr></thead>
<tbody>
${shown.map(eventRow)}</tbody>
</table>`,
)}
${rest === 0 ? null : markup`<p>${further(rest)}</p>`}</details>`;
}

function eventRow({ at, from, to, reference, what }: TimelineEntry): Markup {
  const between = to === '' ? from : `${from} → ${to}`;
  return markup`<tr><td class="number">${(at / 1000).toFixed(3)} s</td><td><bdi>${between}</bdi></td><td>${reference}</td><td class="what"><bdi>${what}</bdi></td></tr>\n`;
}

/** What may be wider than the window: reached by the keyboard, and named. */
function scrolling(name: string, body: Markup): Markup {
  return markup`<div class="scroll" role="region" tabindex="0" aria-label="${name}">${body}</div>`;
}
