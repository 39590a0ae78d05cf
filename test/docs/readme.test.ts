/** The README: its commands are run, and what it says they print has the form of what they print. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes/octets.ts';
import { HashChainLog } from '../../src/evidence/log.ts';
import { COLUMNS, renderLines } from '../../src/lab/timeline.ts';
import type { ReferencePoint } from '../../src/lab/timeline.ts';
import { AuditFile } from '../../src/evidence/audit-file.ts';
import { InterceptedCall, delivered } from '../entities/lemf/call.ts';
import { buildOnce, cli } from '../support/cli.ts';
import { fences, formOf, page, root, snippets } from './support.ts';
import type { Snippet } from './support.ts';

const readme = page('README.md');
const folder = mkdtempSync(path.join(tmpdir(), 'claviger-readme-'));

/** The files that the README's commands read. */
function provideFiles(): void {
  const call = new InterceptedCall();
  const record = call.signalling[0];
  if (record?.kind !== 'sip-message') throw new Error('no SIP message');
  writeFileSync(path.join(folder, 'invite.sip'), record.sip);
  mkdirSync(path.join(folder, 'demo-out/home1'), { recursive: true });
  writeFileSync(
    path.join(folder, 'demo-out/home1/hi2.ber'),
    concat(...delivered([...call.signalling, ...call.keys])),
  );
  writeFileSync(path.join(folder, 'demo-out/home1/hi3.ber'), concat(...delivered(call.content)));
  mkdirSync(path.join(folder, 'demo-out/home1/audit'));
  const file = new AuditFile(path.join(folder, 'demo-out/home1/audit/kms.jsonl'));
  const log = new HashChainLog(file, {
    now: () => Date.UTC(2030, 0, 1),
    after: () => ({ cancel: () => undefined }),
  });
  for (const epoch of ['2030-01', '2030-02']) log.append({ kind: 'li-root-created', epoch });
  file.close();
}

/** Small parameters, where the README's would be searched for some seconds. */
function argumentsOf({ command }: Snippet): string[] {
  const [program, ...args] = command.split(/\s+/);
  expect(program).toBe('claviger');
  return args[0] === 'ibe' ? [...args, '--n', '2048'] : args;
}

/** Lines that go on in others, indented, as one each. */
function unwrapped(lines: readonly string[], indent: string): string[] {
  const whole: string[] = [];
  for (const line of lines) {
    if (line.startsWith(indent) && whole.length > 0) whole.push(`${whole.pop() ?? ''} ${line.trim()}`);
    else whole.push(line);
  }
  return whole;
}

beforeAll(async () => {
  provideFiles();
  await buildOnce();
}, 120_000);

describe('README', () => {
  it('begins with one sentence that says what it is', () => {
    const [title, sentence] = readme.split('\n\n');
    expect(title).toBe('# Claviger');
    expect(sentence).toMatch(/^Claviger is [^\n]+\.$/);
    expect(sentence?.match(/\.( |$)/g)).toHaveLength(1);
  });

  it('names commands of npm that the package has', () => {
    const { scripts } = JSON.parse(page('package.json')) as { scripts: Record<string, string> };
    const commands = fences(readme)
      .filter(({ language }) => language === 'sh')
      .flatMap(({ lines }) => lines.flatMap((line) => line.split(' && ')));
    expect(commands).toEqual(['npm ci', 'npm start', 'npm ci', 'npm test']);
    expect(scripts).toMatchObject({ start: expect.stringMatching(/cli\/main\.js demo$/) as string });
    expect(scripts).toHaveProperty('test');
  });

  it.each(snippets(readme).map((snippet) => [snippet.command, snippet] as const))(
    '$ %s',
    (_command, snippet) => {
      const args = argumentsOf(snippet);
      const ran = spawnSync(process.execPath, [cli, ...args], { cwd: folder, encoding: 'utf8' });
      expect(ran.status, ran.stderr).toBe(0);
      const printed = ran.stdout.split('\n').map(formOf);
      const quoted = snippet.output.map(formOf).filter((line) => line !== '');
      expect(quoted.length).toBeGreaterThan(0);
      expect(quoted.filter((line) => !printed.includes(line))).toEqual([]);
    },
  );

  it('quotes a timeline as the demo prints it, in 80 columns', () => {
    const lines = fences(readme).find(({ language }) => language === 'timeline')?.lines ?? [];
    expect(lines.length).toBeGreaterThan(10);
    const entries = unwrapped(lines, ' '.repeat(13)).map((line) => {
      const parts =
        /^ *(?<at>[\d.]+) s {2}(?<from>\S+) +(?:→ (?<to>\S+))? +(?<reference>\S+) +(?<what>.+)$/.exec(line);
      const { at = '', from = '', to = '', reference = '', what = '' } = parts?.groups ?? {};
      return { at: 1000 * Number(at), from, to, reference: reference as ReferencePoint, what };
    });
    expect(entries.flatMap(renderLines)).toEqual(lines);
    expect(lines.filter((line) => line.length > COLUMNS)).toEqual([]);
    const times = entries.map(({ at }) => at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('quotes checks that the demo makes', () => {
    const [, ...quoted] = fences(readme).find(({ language }) => language === 'checks')?.lines ?? [];
    expect(quoted.filter((line) => line.length > COLUMNS)).toEqual([]);
    const lines = unwrapped(quoted, ' '.repeat(10));
    expect(lines.length).toBeGreaterThan(5);
    const folder = path.join(root, 'src/lab/scenarios/checks');
    const source = readdirSync(folder)
      .map((name) => readFileSync(path.join(folder, name), 'utf8'))
      .join('\n');
    const names = [
      ...source.matchAll(/(?:name(?::| =)|heardCheck\() (?:'([^']+)'|`([^`]+)`)|heardCheck\('([^']+)'/g),
    ].map(([, single, template, heard]) => single ?? template ?? heard ?? '');
    const known = names.map((name) => new RegExp(`^  ok      ${name.replace(/\$\{\w+\}/g, '\\w+')}: \\S`));
    expect(lines.filter((line) => !known.some((form) => form.test(line)))).toEqual([]);
  });

  it('lists what the demo leaves by the names that it prints', () => {
    const printed = readFileSync(path.join(root, 'src/cli/commands/demo.ts'), 'utf8');
    for (const name of ['report.json', 'signalling/', 'home1/', 'home2/']) {
      expect(printed).toContain(name);
      expect(readme).toContain(`\`${name}`);
    }
  });
});
