/** The report of a run as a page: by itself, safe whatever strangers write, complete, and of its record alone. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { XmlDocument, XmlElement } from 'libxml2-wasm';
import { afterAll, describe, expect, it } from 'vitest';
import { factsOf } from '../../../src/lab/report/facts.ts';
import { pageAssets, writeBrokenPage, writePage } from '../../../src/lab/report/folder.ts';
import { brokenPage, reportPage } from '../../../src/lab/report/page.ts';
import { fifteenLines } from '../../../src/lab/report/texts.ts';
import { HARMLESS, recordOf, timelineOf } from './record.ts';
import type { StrangersTexts } from './record.ts';
import type { TimelineEntry } from '../../../src/lab/timeline.ts';

const assets = pageAssets();
const HOSTILE: StrangersTexts = {
  name: `"><img src=x onerror='alert(1)'>&amp;\u202e\u200f`,
  text: `</title></style></script><script>alert("1")</script><!--\u0000\u001b]0;x\u0007\u009b\u2067\u2028&lt;' onload='x' ]]>`,
};

interface Parsed {
  readonly elements: readonly {
    readonly name: string;
    readonly attributes: ReadonlyMap<string, string>;
    readonly text: string;
  }[];
}

/** As XML, which forgives nothing; what style and script hold is looked at apart. */
function parsed(page: string): Parsed {
  const bare = page
    .replace('<!DOCTYPE html>', '')
    .replace(/<style>[^]*?<\/style>/, '<style/>')
    .replace(/<script>[^]*<\/script>/, '<script/>');
  const document = XmlDocument.fromString(bare);
  try {
    const elements = document.find('//*').flatMap((node) =>
      node instanceof XmlElement
        ? [
            {
              name: node.name,
              attributes: new Map(node.attrs.map(({ name, value }) => [name, value])),
              text: node.content,
            },
          ]
        : [],
    );
    return { elements };
  } finally {
    document.dispose();
  }
}

const pageOf = (texts: StrangersTexts = HARMLESS): string => reportPage(recordOf(texts), assets);
const textOf = (page: string): string =>
  parsed(page).elements.find(({ name }) => name === 'body')?.text ?? '';

describe('the report of a run', () => {
  const page = pageOf();

  it('R-93: is one file that loads nothing: no address but fragments of its own and audio within', () => {
    for (const { attributes } of parsed(page).elements) {
      for (const [name, value] of attributes) {
        if (name === 'href') expect(value).toMatch(/^#[\w-]+$/);
        else if (name === 'src') expect(value).toMatch(/^data:audio\/wav;base64,[A-Za-z0-9+/]+=*$/);
        else expect(value, name).not.toMatch(/^(?:\w+:)?\/\/|url\(|javascript:/);
      }
    }
    const { style, script } = assets;
    expect(style).not.toMatch(/url\(|@import|https?:/);
    expect(script).not.toMatch(/fetch|XMLHttpRequest|import|https?:|eval|innerHTML|document\.write/);
  });

  it('R-93: has a policy that lets its own style and script have effect, by their hashes, and nothing else', () => {
    const metas = parsed(page).elements.filter(({ name }) => name === 'meta');
    const policy = metas.find(({ attributes }) => attributes.get('http-equiv') === 'Content-Security-Policy');
    const directives = new Map(
      (policy?.attributes.get('content') ?? '').split('; ').map((each) => {
        const [name = '', ...values] = each.split(' ');
        return [name, values.join(' ')];
      }),
    );
    const hash = (element: string): string => {
      const [, body = ''] = new RegExp(`<${element}>([^]*?)</${element}>`).exec(page) ?? [];
      return `'sha256-${createHash('sha256').update(body).digest('base64')}'`;
    };
    expect(Object.fromEntries(directives)).toEqual({
      'default-src': "'none'",
      'style-src': hash('style'),
      'script-src': hash('script'),
      'media-src': 'data:',
      'base-uri': "'none'",
      'form-action': "'none'",
    });
    // Before anything that could have an effect.
    expect(page.indexOf('Content-Security-Policy')).toBeLessThan(page.indexOf('<style>'));
    expect(
      parsed(page)
        .elements.flatMap(({ attributes }) => [...attributes.keys()])
        .filter((name) => /^(?:on|style$)/.test(name)),
    ).toEqual([]);
  });

  it('R-93: takes what strangers write as text, in every field: no element, no attribute, no control character', () => {
    const strange = pageOf(HOSTILE);
    const shape = (text: string): string[] =>
      parsed(text).elements.map(({ name, attributes }) => `${name} ${[...attributes.keys()].join(' ')}`);
    // Who speaks first may be another: what there is stays the same, element by element.
    expect(shape(strange).sort()).toEqual(shape(page).sort());
    expect(strange).not.toMatch(
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\ufeff]/,
    );
    expect(strange.match(/<script/g)).toHaveLength(1);
    expect(strange).not.toMatch(/<img|<!--/);
    expect(textOf(strange)).toContain('<script>alert("1")</script><!--\ufffd\ufffd]0;x');
  });

  it('R-93: has what the record has: checks with their outcome and figures, links, every SIP message, the timeline', () => {
    const { report, messages } = recordOf();
    const { elements } = parsed(page);
    const rows = elements.filter(({ name }) => name === 'tr').map(({ text }) => text);
    for (const { name, passed, detail } of report.checks)
      expect(rows).toContain(`${passed ? '✓ passed' : '✗ failed'}${name}${detail}`);
    for (const { reference, from, to, count } of report.links)
      expect(rows.some((row) => row.startsWith(reference) && row.endsWith(`${from}${to}${count}`))).toBe(
        true,
      );
    for (const { at, reference, what } of report.timeline)
      expect(
        rows.some((row) => row.startsWith(`${(at / 1000).toFixed(3)} s`) && row.endsWith(reference + what)),
      ).toBe(true);
    const shown = elements.filter(({ name }) => name === 'pre').map(({ text }) => text);
    const ofCall = messages.slice(1).map((octets) => Buffer.from(octets).toString().replaceAll('\r\n', '\n'));
    expect(shown).toEqual(ofCall);
    expect(textOf(page)).toContain('1 of 2 checks passed');
  });

  it('has the audio of the record, octet for octet, and says how recovered compares with spoken', () => {
    const { recordings } = recordOf();
    const audio = parsed(page).elements.filter(({ name }) => name === 'audio');
    const octets = audio.map(({ attributes }) =>
      attributes.get('src')?.replace('data:audio/wav;base64,', ''),
    );
    const base64 = (file: string): string => Buffer.from(recordings.get(file) ?? []).toString('base64');
    expect(octets).toEqual(['spoken-alice.wav', 'recovered-alice.wav', 'spoken-bob.wav'].map(base64));
    expect(textOf(page)).toContain(
      'recovered-alice.wav against what was spoken: 800 samples, 0.10 s, all equal',
    );
    const other = recordOf();
    const broken = new Map(other.recordings).set(
      'recovered-alice.wav',
      other.recordings.get('spoken-bob.wav') ?? new Uint8Array(),
    );
    expect(textOf(reportPage({ ...other, recordings: broken }, assets))).toContain('700 samples against 800');
  });

  it('names everything for a screen reader: one heading of the first order, regions, figures, players', () => {
    const { elements } = parsed(page);
    const ids = elements.flatMap(({ attributes }) => attributes.get('id') ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    expect(elements.filter(({ name }) => name === 'h1')).toHaveLength(1);
    for (const { name, attributes, text } of elements) {
      const labelled = attributes.get('aria-labelledby');
      if (['section', 'figure'].includes(name)) expect(ids).toContain(labelled);
      if (['audio', 'nav'].includes(name) || attributes.get('role') === 'region')
        expect(attributes.get('aria-label')).toMatch(/\w/);
      if (attributes.get('role') === 'img') expect(text).toMatch(/^\w/);
      if (attributes.get('href')?.startsWith('#') === true)
        expect(ids).toContain(attributes.get('href')?.slice(1));
    }
    const steps = elements
      .flatMap(({ attributes }) => attributes.get('data-step') ?? [])
      .filter((step) => step !== '');
    expect(steps.length).toBeGreaterThan(5);
    expect(steps.filter((step) => !ids.includes(step))).toEqual([]);
  });

  it('R-93: is the same, octet for octet, for the same record', () => {
    expect(pageOf()).toBe(pageOf());
  });

  it('of a run that was broken off says why, and what was told until then', () => {
    const broken = brokenPage({ error: `no call: ${HOSTILE.text}`, timeline: timelineOf(HOSTILE) }, assets);
    expect(textOf(broken)).toContain('The run did not come to its end');
    expect(textOf(broken)).toContain('no call: </title>');
    expect(broken).not.toMatch(/<img|<!--/);
    expect(parsed(brokenPage({ error: 'x', timeline: [] }, assets)).elements.length).toBeGreaterThan(10);
  });
});

describe('the fifteen lines', () => {
  const linesOf = (more: Parameters<typeof recordOf>[1] = {}): readonly string[] =>
    fifteenLines(factsOf(recordOf(HARMLESS, more).report));

  it('R-93: are fifteen, whatever happened, and none is empty', () => {
    const { timeline } = recordOf().report;
    for (const more of [
      {},
      { warrants: [], links: [], calls: [], timeline: [], checks: [], faults: [] },
      { timeline: timeline.filter(({ reference }) => reference !== 'Xk') },
      { timeline: timeline.filter(({ what }) => !what.includes('MESSAGE')) },
    ]) {
      const lines = linesOf(more);
      expect(lines).toHaveLength(15);
      for (const line of lines) expect(line).toMatch(/^[^]{20,}\.$/);
    }
  });

  it('R-93: have their figures from the record', () => {
    const text = linesOf().join('\n');
    for (const said of [
      'alice calls bob',
      'alice’s INVITE carries I_MESSAGE_1',
      'carries R_MESSAGE_1',
      'alice’s PRACK carries I_MESSAGE_2',
      'bob’s 200 OK carries R_MESSAGE_2',
      'LIID-ALICE on sip:alice@home1.example',
      'the CSCF of home1 reported 10 SIP messages to the DF (X2)',
      '942 packets as they were',
      'the first 193 ms after I_MESSAGE_2',
      '6 packets authenticated',
      'The KMS of home2 was not asked',
      '1 of 2 checks passed',
    ])
      expect(text).toContain(said);
  });

  it('R-93: say of R_MESSAGE_1 what it holds, by who answers: whom was called, somebody else, after a redirection', () => {
    const { timeline } = recordOf().report;
    const lineOf = (change: (entry: TimelineEntry) => TimelineEntry | TimelineEntry[]): string =>
      linesOf({ timeline: timeline.flatMap(change) })[5] ?? '';
    const answeredBy = (name: string) => (entry: TimelineEntry) =>
      entry.what.endsWith('[R_MESSAGE_1]') ? { ...entry, from: name } : entry;
    expect(lineOf(answeredBy('bob.desk'))).toContain('the first share sent back');
    expect(lineOf(answeredBy('carol'))).toContain('encrypted to somebody else and cannot be opened here');
    expect(lineOf(answeredBy('mailbox.home2'))).toContain('cannot be opened here');
    const redirected = (entry: TimelineEntry): TimelineEntry[] => {
      const again = { ...entry, what: 'INVITE sip:carol@home2.example  [I_MESSAGE_1]' };
      return entry.from === 'alice' && entry.what.startsWith('INVITE ')
        ? [entry, again]
        : [answeredBy('carol')(entry)].flat();
    };
    expect(lineOf(redirected)).toContain('carol’s 183');
    expect(lineOf(redirected)).toContain('the first share sent back');
    const toTel = (entry: TimelineEntry): TimelineEntry => ({
      ...entry,
      what: entry.what.replace('sip:bob@home2.example', 'tel:+15551234'),
    });
    expect(lineOf(toTel)).toContain('if it could be opened');
  });

  it('say what did not happen: no target, no exchange, no keys', () => {
    expect(linesOf({ warrants: [] }).join('\n')).toContain('nobody was the target of a warrant');
    const { timeline } = recordOf().report;
    const refused = timeline.map((entry) =>
      entry.what.startsWith('get_keys_response')
        ? { ...entry, what: 'no keys: endpoint-not-compliant' }
        : entry,
    );
    expect(linesOf({ timeline: refused }).join('\n')).toContain(
      'Here there were no keys: endpoint-not-compliant.',
    );
    const late = [...refused, ...timeline.filter(({ what }) => what.startsWith('get_keys_response'))];
    expect(linesOf({ timeline: late }).join('\n')).toContain(
      'Here 1 question was answered with keys, and others were not: endpoint-not-compliant.',
    );
    const without = timeline.filter(({ what }) => !what.endsWith('[I_MESSAGE_2]'));
    expect(linesOf({ timeline: without }).join('\n')).toContain('No I_MESSAGE_2 was seen.');
  });
});

describe('report.html', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-report-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('R-93: is made of what the folder has, and is for its owner alone', () => {
    const { report, summary, recordings, messages } = recordOf();
    for (const [name, octets] of recordings) writeFileSync(path.join(folder, name), octets);
    mkdirSync(path.join(folder, 'signalling'));
    messages.forEach((octets, at) =>
      writeFileSync(path.join(folder, 'signalling', `${String(at + 1).padStart(3, '0')}-a-b.sip`), octets),
    );
    writeFileSync(path.join(folder, 'notes.txt'), 'of somebody else');
    writePage(folder, report, summary);
    const file = path.join(folder, 'report.html');
    expect(readFileSync(file, 'utf8')).toBe(pageOf());
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeBrokenPage(folder, { error: 'it ended', timeline: [] });
    expect(readFileSync(file, 'utf8')).toContain('it ended');
  });
});
