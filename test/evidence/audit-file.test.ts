/** The file of an audit log: what is left of a line that could not be written whole. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditFile } from '../../src/evidence/audit-file.ts';
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
    expect(again.lines()).toEqual(['{"a":1}', '{"c":1}']);
    again.close();
  });

  it('has all of a line or nothing of it where there is no more room', async () => {
    const module = await bundle('src/evidence/audit-file.ts');
    const script = `
      const { AuditFile } = await import(${JSON.stringify(pathToFileURL(module.file).href)});
      const log = new AuditFile(${JSON.stringify(file)});
      const outcome = (length) => {
        try { log.append('x'.repeat(length)); return 'kept'; } catch (error) { return error.code; }
      };
      console.log([600, 600, 200].map(outcome).join(' '));`;
    // No file may grow beyond two blocks of 512 octets; node ignores the signal, and the write fails half done.
    const shell = 'ulimit -f 2; exec "$0" --input-type=module -e "$1"';
    const run = spawnSync('sh', ['-c', shell, process.execPath, script], { encoding: 'utf8' });
    module.remove();
    expect(run.stdout.trim()).toBe('kept EFBIG kept');
    expect(readFileSync(file, 'utf8')).toBe(`${'x'.repeat(600)}\n${'x'.repeat(200)}\n`);
  });
});
