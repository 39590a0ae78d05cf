/** The network: who is up, what waits, how often things happen, how long certificates last. */
import { html, nothing } from 'lit-html';
import type { TemplateResult } from 'lit-html';
import { spanText } from '../format.ts';
import { countersOf, gaugesOf, ratesOf } from '../network-watch.ts';
import type { RateSeries, StatusJson, WatchedNow } from '../network-watch.ts';
import type { OfficerPage } from '../officer-page.ts';
import type { PageState } from '../state.ts';
import { CONSOLE_TEXTS } from '../texts.ts';
import { plainTable, timeOf, told, toldAll } from './parts.ts';
import { rateChart } from './rate-chart.ts';

const { networkView: WORDS } = CONSOLE_TEXTS;

/** What is drawn before the reader chooses, the first that there is. */
const USUAL = ['claviger_handover_pdus_total', 'claviger_pdus_received_total', 'claviger_get_keys_total'];
const WAITING = 'claviger_queue_entries';
/** Days before the end of a certificate at which it is marked, as alarms have it (`host/validity.ts`). */
const EXPIRY_DAYS = { warning: 30, critical: 7 };
const LINES = 7;

export function networkView({ network, counter }: PageState, page: OfficerPage): TemplateResult {
  const head = html`<h1>${CONSOLE_TEXTS.network}</h1>`;
  if (network === null)
    return html`${head}
      <p>${CONSOLE_TEXTS.loading}</p>`;
  const statuses = network.flatMap(({ status }) => status ?? []);
  const alarms = statuses.flatMap((status) =>
    status.alarms.map((alarm) => ({ from: status.name, ...alarm })),
  );
  const queues = statuses.flatMap((status) =>
    status.queues.filter(({ entries }) => entries > 0).map((queue) => ({ of: status.name, ...queue })),
  );
  const columns = [WORDS.from, WORDS.severity, WORDS.alarm, WORDS.about, WORDS.text, WORDS.since];
  return html`${head} ${upTable(network)}
  ${
    alarms.length === 0
      ? html`<p class="good">${WORDS.noAlarms}</p>`
      : plainTable(
          WORDS.alarms,
          columns.map((title) => ({ title })),
          alarms.map(({ from, severity, name, about, text, since }) => [
            told(from),
            html`<span class="mark ${severity === 'critical' ? 'bad' : 'busy'}">${severity}</span>`,
            html`<code>${told(name)}</code>`,
            about === '' ? '–' : told(about),
            told(text),
            since === null ? '–' : timeOf(since),
          ]),
        )
  }
  ${
    queues.length === 0
      ? html`<p>${WORDS.nothingWaits}</p>`
      : plainTable(
          WORDS.queues,
          [
            ...[WORDS.entity, WORDS.queue, WORDS.to].map((title) => ({ title })),
            ...[WORDS.entries, WORDS.octets].map((title) => ({ title, isNumber: true })),
            { title: WORDS.oldest },
          ],
          queues.map(({ of, name, to, entries, octets, oldest }) => [
            ...[told(of), told(name), to === '' ? '–' : told(to), entries, octets ?? '–'],
            oldest === null ? '–' : timeOf(oldest),
          ]),
        )
  }
  ${rates(network, counter, page)} ${drawnSeries(WORDS.waiting, gaugesOf(network, WAITING))}`;
}

function upTable(network: readonly WatchedNow[]): TemplateResult {
  const columns = [
    ...[WORDS.entity, WORDS.kind, WORDS.state, WORDS.upFor, WORDS.version].map((title) => ({ title })),
    ...[WORDS.tasks, WORDS.destinations].map((title) => ({ title, isNumber: true })),
    ...[WORDS.peers, WORDS.certificate].map((title) => ({ title })),
  ];
  const rows = network.map(({ name, kind, status, why }) => {
    const head = [told(name), WORDS.kinds[kind] ?? told(kind)];
    if (status === null) {
      const state = html`<span class="mark ${why === '' ? 'busy' : 'bad'}"
          >${why === '' ? CONSOLE_TEXTS.loading : WORDS.down}</span
        >
        ${why === '' ? nothing : html`<span class="detail">${told(why)}</span>`}`;
      return [...head, state, '–', '–', '–', '–', '–', '–'];
    }
    return [
      ...[...head, stateOf(status)],
      html`${spanText(status.uptimeSeconds * 1000)}${
        status.restarts === 0
          ? nothing
          : html` <span class="mark busy">${WORDS.restarts(status.restarts)}</span>`
      }`,
      ...[told(status.version), status.tasks, status.destinations],
      ...[peersOf(status), certificateOf(status)],
    ];
  });
  return plainTable(WORDS.caption, columns, rows);
}

function stateOf({ ready, reasons }: StatusJson): TemplateResult {
  return ready
    ? html`<span class="mark good">${WORDS.ready}</span>`
    : html`<span class="mark bad">${WORDS.notReady}</span>
        <span class="detail">${toldAll(reasons, '')}</span>`;
}

function peersOf({ peers }: StatusJson): TemplateResult {
  const down = peers.filter(({ state }) => state === 'down');
  return down.length === 0
    ? html`${WORDS.peersUp(peers.filter(({ state }) => state === 'up').length)}`
    : html`<span class="mark bad">${WORDS.peersDown}</span> ${toldAll(
          down.map(({ name }) => name),
          '',
        )}`;
}

function certificateOf({ certificate: { daysLeft, notAfter } }: StatusJson): TemplateResult {
  const kind = daysLeft < EXPIRY_DAYS.critical ? 'bad' : daysLeft < EXPIRY_DAYS.warning ? 'busy' : 'good';
  return html`<span class="mark ${kind}">${WORDS.days(daysLeft)}</span> ${timeOf(notAfter)}`;
}

function rates(network: readonly WatchedNow[], chosen: string, page: OfficerPage): TemplateResult {
  const counters = countersOf(network);
  const usual = USUAL.find((each) => counters.has(each)) ?? [...counters.keys()][0] ?? '';
  const counter = counters.has(chosen) ? chosen : usual;
  const choose = (event: Event): void => page.set({ counter: (event.target as HTMLSelectElement).value });
  return html`<section aria-labelledby="rates">
    <h2 id="rates">${WORDS.rates}</h2>
    <div class="wishes">
      <label
        >${WORDS.counter}
        <select @change=${choose}>
          ${[...counters.keys()].map(
            (name) => html`<option value=${name} ?selected=${name === counter}>${shortName(name)}</option>`,
          )}
        </select>
      </label>
    </div>
    <p>${counters.get(counter) ?? ''}</p>
    ${lines(WORDS.rateOf(shortName(counter)), ratesOf(network, counter), (value) => WORDS.perSecond(value))}
  </section>`;
}

function drawnSeries(title: string, series: RateSeries): TemplateResult {
  return html`<section aria-label=${title}>
    <h2>${title}</h2>
    ${lines(title, series, (value) => String(value))}
  </section>`;
}

function lines(label: string, series: RateSeries, text: (value: number) => string): TemplateResult {
  if (series.lines.length === 0) return html`<p>${WORDS.nobodyCounts}</p>`;
  return html`${rateChart(label, series)}
    <ul class="legend">
      ${series.lines.map(({ name, values }, nth) => {
        const now = values.at(-1) ?? null;
        return html`<li class="line line-${(nth % LINES) + 1}">
          ${told(name)}: <span class="number">${now === null ? '–' : text(now)}</span>
        </li>`;
      })}
    </ul>`;
}

function shortName(metric: string): string {
  return metric
    .replace(/^claviger_/, '')
    .replace(/_total$/, '')
    .replaceAll('_', ' ');
}
