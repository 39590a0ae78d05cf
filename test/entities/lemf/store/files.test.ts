import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { LemfFiles } from '../../../../src/entities/lemf/store/files.ts';
import { delivered, InterceptedCall } from '../call.ts';

const root = mkdtempSync(path.join(tmpdir(), 'claviger-lemf-files-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('the files of a LEMF', () => {
  it('a partial PDU at the end of a file, cut anywhere, goes; what is there is not taken twice', async () => {
    const call = new InterceptedCall();
    const pdus = delivered([...call.signalling.slice(0, 2), ...call.keys]);
    const whole = Buffer.concat(pdus);
    const last = pdus.at(-1)!.length;
    for (let cut = 1; cut < last; cut += 13) {
      const folder = path.join(root, `cut-${cut}`);
      mkdirSync(folder);
      writeFileSync(path.join(folder, 'hi2.ber'), whole.subarray(0, whole.length - cut));
      const store = new LemfFiles(folder);
      expect([...store.read('hi2')]).toHaveLength(pdus.length - 1);
      store.append('hi2', pdus.at(-1)!, 'df.home1.example');
      await store.close();
      expect(readFileSync(path.join(folder, 'hi2.ber'))).toEqual(whole);
    }
  });

  it('R-77: who sent what is noted beside the files, and survives a restart and a note that was cut off', async () => {
    const folder = path.join(root, 'noted');
    const pdus = delivered(new InterceptedCall().signalling);
    const first = new LemfFiles(folder);
    for (const [at, pdu] of pdus.entries())
      first.append('hi2', pdu, at < 2 ? 'df.home1.example' : 'df.home2.example');
    await first.close();
    const notes = path.join(folder, 'hi2.sources');
    const text = readFileSync(notes, 'utf8');
    expect(text.trim().split('\n')).toHaveLength(2);
    writeFileSync(notes, text + '{"at":1');
    const second = new LemfFiles(folder);
    second.append('hi2', pdus[0]!, 'df.home3.example');
    expect([...second.read('hi2')].map(({ source }) => source)).toEqual([
      ...Array<string>(2).fill('df.home1.example'),
      ...Array<string>(pdus.length - 2).fill('df.home2.example'),
      'df.home3.example',
    ]);
    await second.close();
  });

  it('a file that is damaged inside is not written on', () => {
    const folder = path.join(root, 'damaged');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'hi2.ber'), 'this is no BER');
    expect(() => new LemfFiles(folder)).toThrow(/damaged/);
    expect(readFileSync(path.join(folder, 'hi2.ber'), 'utf8')).toBe('this is no BER');
  });
});
