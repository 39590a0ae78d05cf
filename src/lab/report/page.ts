/**
 * The report of a run as one page of HTML: what happened, what was checked, what was spoken and recovered, who talked to
 * whom, and the call message by message. A pure function of the record: the same record, the same octets.
 *
 * The page loads nothing. Style and script are within it and named by their hashes in its policy (CSP level 3, section
 * 8.4), audio stands in data: URIs, and whatever else somebody brings into it has no effect.
 */
import { createHash } from 'node:crypto';
import { toBase64 } from '../../bytes/octets.ts';
import { markup, rawText } from '../../views/markup.ts';
import type { Markup } from '../../views/markup.ts';
import type { DemoReport } from '../scenarios/report.ts';
import type { TimelineEntry } from '../timeline.ts';
import { factsOf } from './facts.ts';
import { callSection, networkSection, recordSection } from './page-record.ts';
import { checksSection, linesSection, voicesSection } from './page-sections.ts';
import { TEXTS } from './texts.ts';
import { voicesOf } from './voices.ts';
import type { RunRecordings } from './voices.ts';

/** What a page is made with, whatever it tells. */
export interface PageAssets {
  readonly style: string;
  readonly script: string;
}

export interface ReportRecord {
  readonly report: DemoReport;
  /** What happens in the scenario, in one line. */
  readonly summary: string;
  readonly recordings: RunRecordings;
  /** SIP messages as sent, in the order of sending. */
  readonly messages: readonly Uint8Array[];
}

/** A run that was broken off. */
export interface BrokenRecord {
  readonly error: string;
  readonly timeline: readonly TimelineEntry[];
}

export function reportPage(
  { report, summary, recordings, messages }: ReportRecord,
  assets: PageAssets,
): string {
  const facts = factsOf(report);
  const sections = [
    section('lines', TEXTS.sections.lines, linesSection(facts)),
    section('checks', TEXTS.sections.checks, checksSection(report.checks)),
    section('voices', TEXTS.sections.voices, voicesSection(report, voicesOf(report, recordings))),
    section('network', TEXTS.sections.network, networkSection(report)),
    section('call', TEXTS.sections.ladder, callSection(report, messages)),
    section('record', TEXTS.sections.record, recordSection(report.timeline)),
  ];
  const { passed, all } = facts.checks;
  return pageOf(
    {
      title: `${TEXTS.product}: ${summary}`,
      head: markup`<h1>${capital(summary)}</h1>
${verdict(report.passed, TEXTS.passed(passed, all))}
${factList(report)}`,
      sections,
    },
    assets,
  );
}

/** What there is to tell of a run that did not come to its end. */
export function brokenPage({ error, timeline }: BrokenRecord, assets: PageAssets): string {
  return pageOf(
    {
      title: `${TEXTS.product}: ${TEXTS.failedRun}`,
      head: markup`<h1>${TEXTS.failedRun}</h1>
${verdict(false, error)}`,
      sections: [section('record', TEXTS.sections.record, recordSection(timeline))],
    },
    assets,
  );
}

interface PageSection {
  readonly id: string;
  readonly title: string;
  readonly body: Markup;
}

function section(id: string, title: string, body: Markup): PageSection {
  return { id, title, body };
}

function pageOf(
  { title, head, sections }: { title: string; head: Markup; sections: readonly PageSection[] },
  { style, script }: PageAssets,
): string {
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(style)}'`,
    `script-src '${hashOf(script)}'`,
    'media-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const links = sections.map((each) => markup`<li><a href="#${each.id}">${each.title}</a></li>`);
  const bodies = sections.map(
    (each) => markup`<section id="${each.id}" aria-labelledby="${each.id}-title">
<h2 id="${each.id}-title">${each.title}</h2>
${each.body}
</section>
`,
  );
  const page = markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8" />
<meta http-equiv="Content-Security-Policy" content="${policy}" />
<meta name="referrer" content="no-referrer" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="color-scheme" content="light dark" />
<title>${title}</title>
<style>${rawText(style)}</style>
</head>
<body>
<a class="skip" href="#${sections[0]?.id ?? ''}">${TEXTS.skip}</a>
<header>
<p class="product">${TEXTS.product}</p>
${head}
</header>
<nav aria-label="${TEXTS.contents}"><ul>${links}</ul></nav>
<main>
${bodies}</main>
<footer><p>${TEXTS.footer}</p></footer>
<script>${rawText(script)}</script>
</body>
</html>
`;
  return page.toString();
}

/** As the policy names a style sheet or a script (CSP level 3 section 6.7.2.3). */
function hashOf(text: string): string {
  return `sha256-${toBase64(createHash('sha256').update(text).digest())}`;
}

function verdict(passed: boolean, text: string): Markup {
  const sign = passed ? '✓' : '✗';
  return markup`<p class="verdict ${passed ? 'ok' : 'bad'}"><span aria-hidden="true">${sign}</span> ${text}</p>`;
}

function factList(report: DemoReport): Markup {
  const { facts } = TEXTS;
  const { calls, faults, links } = report;
  const first = calls[0];
  const keys = calls.map((call) => call.millisecondsToKeyRecord).find((time) => time !== null) ?? null;
  const packets = links.reduce((sum, { reference, count }) => sum + (reference === 'media' ? count : 0), 0);
  const { caller = null, callee = null } = first?.sas ?? {};
  const rows: (readonly [string, string])[] = [
    [facts.scenario, report.scenario],
    [facts.target, report.target],
    ...(faults.length === 0 ? [] : [[facts.faults, faults.join(', ')] as const]),
    ...(first === undefined ? [] : [[facts.call, facts.seconds(seconds(first.times))] as const]),
    ...(packets === 0 ? [] : [[facts.media, facts.packets(packets)] as const]),
    ...(keys === null ? [] : [[facts.keys, facts.afterKeys(keys)] as const]),
    ...(caller === null || caller !== callee ? [] : [[facts.sas, caller] as const]),
  ];
  return markup`<dl class="facts">
${rows.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>`;
}

function seconds({ dialled, ended }: DemoReport['calls'][number]['times']): string {
  return ((ended - dialled) / 1000).toFixed(1);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
