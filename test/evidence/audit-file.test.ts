/** The file of an audit log: what is left of a line that could not be written whole. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditFile, linesOf } from '../../src/evidence/audit-file.ts';
import { HashChainLog } from '../../src/evidence/log.ts';
import { bundle } from '../support/bundle.ts';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'claviger-audit-'));
  file = path.join(folder, 'audit.jsonl');
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('the file of an audit log', () => {
  it('is its owner’s alone, and a line without its end is dropped', () => {
    const log = new AuditFile(file);
    log.append('{"a":1}');
    log.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    appendFileSync(file, '{"b":');
    const again = new AuditFile(file);
    again.append('{"c":1}');
    expect([...again.lines()]).toEqual(['{"a":1}', '{"c":1}']);
    again.close();
  });

  it('R-78: has all of a line or nothing of it where there is no more room, and says why', async () => {
    const module = await bundle('src/evidence/audit-file.ts');
    const script = `
      const { AuditFile } = await import(${JSON.stringify(pathToFileURL(module.file).href)});
      const log = new AuditFile(${JSON.stringify(file)});
      const outcome = (length) => {
        try { log.append('x'.repeat(length)); return 'kept'; } catch (error) { return [error.code, error.cause.code, /too large/.test(error.message)].join(':'); }
      };
      console.log([600, 600, 200].map(outcome).join(' '));`;
    // No file may grow beyond two blocks of 512 octets; node ignores the signal, and the write fails half done.
    const shell = 'ulimit -f 2; exec "$0" --input-type=module -e "$1"';
    const run = spawnSync('sh', ['-c', shell, process.execPath, script], { encoding: 'utf8' });
    module.remove();
    expect(run.stdout.trim()).toBe('kept not-written:EFBIG:true kept');
    expect(readFileSync(file, 'utf8')).toBe(`${'x'.repeat(600)}\n${'x'.repeat(200)}\n`);
  });

  it('R-27: what was written and is not durable goes with what cannot be written', async () => {
    const module = await bundle('src/evidence/audit-file.ts');
    const script = `
      const { AuditFile } = await import(${JSON.stringify(pathToFileURL(module.file).href)});
      const log = new AuditFile(${JSON.stringify(file)});
      log.later.write('a'.repeat(100));
      await log.later.sync();
      log.later.write('b'.repeat(400));
      try { log.later.write('x'.repeat(600)); } catch (error) { console.log(error.code); }
      await log.later.sync();
      log.append('c'.repeat(400));`;
    const shell = 'ulimit -f 2; exec "$0" --input-type=module -e "$1"';
    const run = spawnSync('sh', ['-c', shell, process.execPath, script], { encoding: 'utf8' });
    module.remove();
    expect(run.stdout.trim()).toBe('not-written');
    expect(readFileSync(file, 'utf8')).toBe(`${'a'.repeat(100)}\n${'c'.repeat(400)}\n`);
  });

  const clock = { now: () => 0, after: () => ({ cancel: () => undefined }) };
  const write = (count: number) => {
    const store = new AuditFile(file);
    const log = new HashChainLog(store, clock);
    for (let n = 0; n < count; n++) log.append({ kind: 'event', n });
    store.close();
  };
  const open = () => {
    const store = new AuditFile(file);
    try {
      return new HashChainLog(store, clock);
    } finally {
      store.close();
    }
  };

  it('R-78: a log that was removed, or whose end was cut off, is missed', () => {
    write(3);
    write(2);
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, whole.split('\n').slice(0, 4).join('\n') + '\n');
    expect(open).toThrow(expect.objectContaining({ code: 'cut-off' }) as Error);
    rmSync(file);
    expect(open).toThrow(/ends before record 4/);
    writeFileSync(file, whole);
    expect(open).not.toThrow();
  });

  it('R-78: one that was written anew in the place of another is missed', () => {
    write(3);
    const head = readFileSync(`${file}.head`);
    rmSync(file);
    rmSync(`${file}.head`);
    const store = new AuditFile(file);
    const log = new HashChainLog(store, clock);
    for (let n = 0; n < 5; n++) log.append({ kind: 'forged', n });
    store.close();
    writeFileSync(`${file}.head`, head);
    expect(open).toThrow(/not the one that was written/);
  });

  it('R-78: what was remembered may lag behind after a crash', () => {
    write(3);
    const head = readFileSync(`${file}.head`);
    write(2);
    writeFileSync(`${file}.head`, head);
    expect(open).not.toThrow();
  });

  it('R-78: lines are read piece by piece, whatever their length', () => {
    const lines = ['a', 'b'.repeat(70_000), 'ä'.repeat(65_536), 'c', 'd'.repeat(65_535)];
    writeFileSync(file, lines.map((line) => `${line}\n`).join('\n'));
    expect([...linesOf(file)]).toEqual(lines);
  });
});
