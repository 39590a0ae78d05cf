/** `npm run vectors`: the same seed gives the same octets, and what is asked for wrongly makes nothing. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { KEPT_SEED, makeVectors, spelt } from './main.ts';
import { VECTOR_SETS } from './sets.ts';

const KEPT = path.resolve(import.meta.dirname, '../vectors/claviger');
const slow = process.env['CLAVIGER_SLOW'] !== undefined;

/** What the program prints, line by line. */
async function run(...args: readonly string[]) {
  const lines = { out: [] as string[], error: [] as string[] };
  const status = await makeVectors(args, {
    log: (text: string) => void lines.out.push(text),
    error: (text: string) => void lines.error.push(text),
  });
  return { status, out: lines.out.join('\n'), error: lines.error.join('\n') };
}

const setNamed = (name: string) => VECTOR_SETS.find((each) => each.name === name)!;

describe('npm run vectors', () => {
  const folder = () => mkdtempSync(path.join(tmpdir(), 'claviger-vectors-'));

  test('R-40: the sets that are kept are those of every exchange, and no others', () => {
    const kept = VECTOR_SETS.filter(({ isKept }) => isKept).map(({ name }) => `${name}.json`);
    expect(readdirSync(KEPT).sort()).toEqual(kept.sort());
  });

  // One of them, and all with CLAVIGER_SLOW.
  const again = slow ? VECTOR_SETS.filter(({ isKept }) => isKept) : [setNamed('exchange-offerless')];
  test.each(again)('R-40: the same seed gives the same octets: $name', async ({ name, make }) => {
    expect(spelt(await make(KEPT_SEED))).toBe(readFileSync(path.join(KEPT, `${name}.json`), 'utf8'));
  });

  test('R-40: another seed gives other keys, and --out and --only are what they say', async () => {
    const out = path.join(folder(), 'not', 'there yet');
    const { status, out: said } = await run('--seed', 'another', '--only', 'request-key-psk', '--out', out);
    expect([status, readdirSync(out)]).toEqual([0, ['request-key-psk.json']]);
    expect(said).toContain(path.join(out, 'request-key-psk.json'));
    const of = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as { seed: string; psk: string };
    const made = of(path.join(out, 'request-key-psk.json'));
    expect(made.seed).toBe('another');
    expect(made.psk).not.toBe(of(path.join(KEPT, 'request-key-psk.json')).psk);
  });

  test('--help and --list make nothing', async () => {
    const out = path.join(folder(), 'x');
    const help = await run('--help', '--out', out);
    expect(help).toMatchObject({ status: 0, error: '' });
    for (const word of ['--seed', '--out', '--only', 'Examples', 'npm run vectors'])
      expect(help.out).toContain(word);
    expect((await run('--list')).out.split('\n')).toEqual(VECTOR_SETS.map(({ name }) => name));
    expect(existsSync(out)).toBe(false);
  });

  test.each([
    [['--seed', ''], '--seed has 1 to 256 characters'],
    [['--seed', 'x'.repeat(257)], '--seed has 1 to 256 characters'],
    [['--out', ''], '--out names a folder'],
    [['--only', 'exchange-forkd'], 'did you mean exchange-forked?'],
    [['--sed', '1'], "'--sed'"],
    [['--seed'], "'--seed"],
    [['somewhere'], "'somewhere'"],
    [['--kept', '--only', 'exchange-plain-8-1-aead_aes_128_gcm'], 'none of these sets is kept'],
  ])('%j is refused, and nothing is made', async (args, problem) => {
    const out = path.join(folder(), 'out');
    const { status, error, out: said } = await run('--out', out, ...args);
    expect([status, said, existsSync(out)]).toEqual([2, '', false]);
    expect(error).toContain(problem);
    expect(error).toContain('--help');
  });

  test.skipIf(!existsSync('/proc'))('a place where no folder can be made is said in words', async () => {
    const { status, error } = await run('--out', '/proc/nothing/here');
    expect([status, error]).toEqual([1, 'error: cannot write to /proc/nothing: no folder can be made there']);
  });

  test('a file in the place of the folder is said in words', async () => {
    const file = path.join(folder(), 'file');
    writeFileSync(file, '');
    const { status, error } = await run('--out', file);
    expect([status, error]).toEqual([1, `error: cannot write to ${file}: there is a file of that name`]);
  });
});
