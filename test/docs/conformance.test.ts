/** docs/conformance: the tests that it names are there, and nothing that a schema or module has is passed over. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { HI1_STATUSES } from '../../src/wire/hi1/dictionaries.ts';
import { HI1_ERRORS } from '../../src/wire/hi1/error-codes.ts';
import { missingShared, sharedPath } from '../support/shared.ts';
import { page, pages, prose, root, tableRows } from './support.ts';

const conformance = pages.filter((name) => name.startsWith('docs/conformance/'));

/** `S is \`test/…\`` of a page's head. */
function filesOf(text: string): Map<string, string> {
  const named = [...text.matchAll(/\b([A-Z]) is `(test\/[\w./-]+\.ts)`/g)];
  return new Map(named.map(([, letter = '', file = '']) => [letter, file]));
}

/** What cells say of tests: a letter, and the beginning of a title, or more of it. */
function namedTests(text: string): { letter: string; title: string }[] {
  return prose(text)
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .flatMap((line) => line.split(/(?<!\\)\|/))
    .flatMap((cell) => cell.split(/; (?=[A-Z]: )/))
    .flatMap((part) => {
      const [, letter = '', title = ''] = /^\s*([A-Z]): ([^;]+?),?(?: …)?\s*(?:;.*)?$/.exec(part) ?? [];
      return letter === '' ? [] : [{ letter, title }];
    });
}

const plain = (text: string): string => text.replace(/[’']/g, "'").replace(/\\'/g, "'");

describe.each(conformance)('%s', (name) => {
  const text = page(name);
  const files = filesOf(text);

  it('R-93: names files of tests that are there, and uses each', () => {
    expect(files.size).toBeGreaterThan(2);
    expect([...files.values()].filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
    const used = new Set(namedTests(text).map(({ letter }) => letter));
    expect([...files.keys()].filter((letter) => !used.has(letter) && !text.includes(`${letter}: `))).toEqual(
      [],
    );
  });

  it('R-93: names tests that are in these files', () => {
    const named = namedTests(text);
    expect(named.length).toBeGreaterThan(10);
    const missing = named.filter(({ letter, title }) => {
      const file = files.get(letter);
      if (file === undefined) return true;
      const source = plain(readFileSync(path.join(root, file), 'utf8'));
      return !plain(title)
        .split('…')
        .every((part) => source.includes(part.trim()));
    });
    expect(missing).toEqual([]);
  });

  it('R-93: says of each line whether it is done', () => {
    const states = tableRows(text, 'what').map(([, state = '']) => state);
    expect(states.filter((state) => !/done|not|by choice|refused|read|Wireshark/.test(state))).toEqual([]);
  });
});

/** Words in backticks, and those of a list in prose that a table's cell is. */
function wordsOf(text: string): Set<string> {
  return new Set(text.match(/[A-Za-z][\w-]*/g) ?? []);
}

describe.skipIf(missingShared('xsd/TS_103_221_01.xsd'))('nothing is passed over', () => {
  const shared = (name: string): string => readFileSync(sharedPath(name), 'utf8');
  const unsaid = (names: Iterable<string>, pageName: string): string[] => {
    const words = wordsOf(page(pageName));
    return [...new Set(names)].filter((name) => !words.has(name));
  };

  it('R-93: of the schema of X1: every element and every message', () => {
    const schema = shared('xsd/TS_103_221_01.xsd');
    const elements = [...schema.matchAll(/<(?:\w+:)?element\s+name="(\w+)"/g)].map(([, name = '']) => name);
    const messages = [...schema.matchAll(/<(?:\w+:)?complexType\s+name="(\w+)Request"/g)].map(
      ([, name = '']) => name,
    );
    expect(elements.length).toBeGreaterThan(100);
    expect(messages.length).toBeGreaterThan(20);
    expect(unsaid([...elements, ...messages], 'docs/conformance/x1.md')).toEqual([]);
  });

  it.each([
    ['LI-PS-PDU.asn1', ['PSHeader', 'TRIPayload', 'Payload', 'IntegrityCheck', 'OperatorLeaMessage']],
    ['LI-PS-PDU.asn1', ['IRIContents', 'CCContents']],
    ['EpsHI2Operations.asn1', ['EpsIRI-Parameters', 'CCKeyInfo']],
    ['IPMultimediaPDU.asn1', ['IPMMCC', 'IPMMIRI', 'SIPMessage']],
    ['HI1NotificationOperations.asn1', ['HI1-Operation', 'Notification', 'Alarm-Indicator']],
  ])('R-93: of the module %s: every component of %j', (file, types) => {
    const module = shared(`asn1/${file}`).replace(/--.*$/gm, '');
    const names = types.flatMap((type) => {
      const [, body = ''] = new RegExp(`^${type}\\s*::=\\s*\\w+\\s*\\{(.*?)^\\}`, 'ms').exec(module) ?? [];
      return [...body.matchAll(/^\s*([a-z][\w-]*)\s*\[\d+\]/gm)].map(([, name = '']) => name);
    });
    expect(names.length).toBeGreaterThan(5);
    expect(unsaid(names, 'docs/conformance/hi2-hi3.md')).toEqual([]);
  });

  it('R-93: of the schemas of HI1: every element, and every object', () => {
    const parts = ['Core', 'Common', 'Authorisation', 'Task', 'Document', 'Notification', 'Delivery'];
    const schemas = [...parts, 'TrafficPolicy'].map((part) => shared(`xsd/hi1/ts_103120_${part}.xsd`));
    const names = schemas.flatMap((schema) =>
      [...schema.matchAll(/<xs:(?:element name|complexType name)="(\w+(?:Object)?)"/g)]
        .filter(([found, name = '']) => found.includes('element') || name.endsWith('Object'))
        .map(([, name = '']) => name),
    );
    expect(names.length).toBeGreaterThan(200);
    expect(unsaid(names, 'docs/conformance/hi1.md')).toEqual([]);
  });

  it('R-93: of HI1: every error code and every status, each with a test', () => {
    const text = page('docs/conformance/hi1.md');
    const tested = (table: string): string[] =>
      tableRows(text, table).flatMap((cells) =>
        /^[A-Z]: /.test(cells.at(-1) ?? '') ? [cells[0] ?? ''] : [],
      );
    const codes = Object.values(HI1_ERRORS).map(({ code }) => String(code));
    expect(tested('code').sort()).toEqual(codes.sort());
    expect(
      tested('status')
        .flatMap((cell) => cell.split(', '))
        .sort(),
    ).toEqual([...HI1_STATUSES].sort());
  });

  it('R-93: of RFC 6267: every section of what is sent', () => {
    const text = shared('rfc/rfc6267.txt');
    const sections = [...text.matchAll(/^(4\.2\.\d[\d.]*|5\.\d|6\.1[\d.]*|7\.\d)\.  \S/gm)].map(
      ([, at = '']) => at,
    );
    const leaves = sections.filter((at) => !sections.some((other) => other.startsWith(`${at}.`)));
    expect(leaves.length).toBeGreaterThan(20);
    const said = page('docs/conformance/rfc6267.md');
    expect(
      leaves.filter((at) => !new RegExp(`(?<![\\d.])${at.replaceAll('.', '\\.')}(?![\\d.]*\\d)`).test(said)),
    ).toEqual([]);
  });
});

/** Sentences of RFC 6267 with a word of RFC 2119, from section 3 on, each with its section. */
function sentencesOf(rfc: string): { section: string; sentence: string }[] {
  const pages = rfc.replaceAll('\f', '').replace(/\n*Cakulev & Sundaram.*\n+RFC 6267.*\n/g, '\n');
  let section = '';
  const found: { section: string; sentence: string }[] = [];
  for (const paragraph of pages.slice(pages.indexOf('\n3.  Use Case')).split(/\n\s*\n/)) {
    section = /^\n*(\d+(?:\.\d+)*)\.? {1,3}\S/.exec(paragraph)?.[1] ?? section;
    for (const sentence of paragraph.replace(/\s+/g, ' ').split(/(?<=\.) (?=[A-Z])/))
      if (/\b(?:MUST|SHALL|SHOULD|MAY|REQUIRED|RECOMMENDED|OPTIONAL)\b/.test(sentence))
        found.push({ section, sentence });
  }
  // Section 8 speaks to IANA.
  return found.filter((each) => !each.section.startsWith('8'));
}

describe.skipIf(missingShared('rfc/rfc6267.txt'))('RFC 6267', () => {
  const rows = tableRows(page('docs/conformance/rfc6267.md'), 'section').filter(
    (cells) => cells.length === 4,
  );

  it('R-93: every sentence with MUST, SHALL, SHOULD or MAY has its row, and every row its sentence', () => {
    const sentences = sentencesOf(readFileSync(sharedPath('rfc/rfc6267.txt'), 'utf8'));
    expect(sentences.length).toBeGreaterThan(80);
    const { section, sentence } = { section: 0, sentence: 1 };
    const quoted = rows.filter((cells) => /\b(?:MUST|SHALL|SHOULD|MAY)\b/.test(cells[sentence] ?? ''));
    const isOf = (cells: readonly string[], each: (typeof sentences)[number]) =>
      cells[section] === each.section && each.sentence.includes(cells[sentence] ?? '');
    expect(sentences.filter((each) => quoted.filter((cells) => isOf(cells, each)).length !== 1)).toEqual([]);
    expect(quoted.filter((cells) => !sentences.some((each) => isOf(cells, each)))).toEqual([]);
  });

  it('R-93: every row says whether it is done, not, or by choice, and names a test', () => {
    const unsaid = rows.filter(([, , state = '', test = '']) => {
      return !/^(?:done|not|by choice|Wireshark)/.test(state) || !/^[A-Z]: /.test(test);
    });
    expect(unsaid).toEqual([]);
  });
});
