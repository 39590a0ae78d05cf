import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { LemfFiles } from '../../../../src/entities/lemf/store/files.ts';
import { HandoverReader } from '../../../../src/entities/lemf/store/handed-over.ts';
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

  it('R-73: a flood of requests for acknowledgement costs one sync, not one each', async () => {
    const store = new LemfFiles(path.join(root, 'flood'));
    const [first, second] = delivered(new InterceptedCall().signalling);
    store.append('hi2', first!, 'df.home1.example');
    const asked = Array.from({ length: 1000 }, () => store.sync());
    expect(new Set(asked).size).toBe(1);
    await Promise.resolve();
    // It has begun, and may not have what comes now.
    store.append('hi2', second!, 'df.home1.example');
    const later = store.sync();
    expect(later).not.toBe(asked[0]);
    await Promise.all([...asked, later]);
    await store.close();
  });

  it('a file that is damaged inside is not written on', () => {
    const folder = path.join(root, 'damaged');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'hi2.ber'), 'this is no BER');
    expect(() => new LemfFiles(folder)).toThrow(/damaged/);
    expect(readFileSync(path.join(folder, 'hi2.ber'), 'utf8')).toBe('this is no BER');
  });

  describe('R-73: how far they are whole is noted, and need not be found out again', () => {
    const pdus = delivered(new InterceptedCall().signalling);
    const whole = Buffer.concat(pdus);

    async function filled(name: string): Promise<{ folder: string; hi2: string }> {
      const folder = path.join(root, name);
      const store = new LemfFiles(folder);
      for (const pdu of pdus) store.append('hi2', pdu, 'df.home1.example');
      await store.close();
      return { folder, hi2: path.join(folder, 'hi2.ber') };
    }

    /** Where the walk through each file began when a folder was opened. */
    async function walksOf(folder: string): Promise<{ from: number[]; length: number }> {
      const walk = vi.spyOn(HandoverReader.prototype, 'completeTo');
      const store = new LemfFiles(folder);
      const from = walk.mock.calls.map(([each]) => each);
      walk.mockRestore();
      const { length } = [...store.read('hi2')];
      await store.close();
      return { from, length };
    }

    it('after an orderly end nothing is walked through', async () => {
      const { folder } = await filled('orderly');
      expect(await walksOf(folder)).toEqual({ from: [whole.length, 0], length: pdus.length });
    });

    it('after a crash, what came since; its partial end goes', async () => {
      const { folder, hi2 } = await filled('crash');
      appendFileSync(hi2, Buffer.concat([pdus[0]!, pdus[1]!.subarray(0, 20)]));
      expect(await walksOf(folder)).toEqual({ from: [whole.length, 0], length: pdus.length + 1 });
      expect(readFileSync(hi2)).toEqual(Buffer.concat([whole, pdus[0]!]));
    });

    it('of a file that is another, or a note that cannot be read, everything', async () => {
      const { folder, hi2 } = await filled('replaced');
      const other = Buffer.concat([...pdus].reverse());
      writeFileSync(hi2, other);
      expect(await walksOf(folder)).toEqual({ from: [0, 0], length: pdus.length });
      writeFileSync(hi2, pdus[0]!);
      expect(await walksOf(folder)).toEqual({ from: [0, 0], length: 1 });
      for (const note of ['', '{"hi2":{"octets":-1}}', '[]']) {
        writeFileSync(path.join(folder, 'lengths.json'), note);
        expect(await walksOf(folder)).toEqual({ from: [0, 0], length: 1 });
      }
    });

    it('is no reason to take what is damaged behind it', async () => {
      const { folder, hi2 } = await filled('damaged-behind');
      appendFileSync(hi2, 'GET / HTTP/1.1');
      expect(() => new LemfFiles(folder)).toThrow(/damaged/);
    });

    it('who sent what is known after it, too, and notes of what did not come to be go', async () => {
      const { folder, hi2 } = await filled('senders');
      appendFileSync(
        path.join(folder, 'hi2.sources'),
        `{"at":${whole.length},"source":"df.home2.example"}\n`,
      );
      const store = new LemfFiles(folder);
      store.append('hi2', pdus[0]!, 'df.home1.example');
      expect([...store.read('hi2')].map(({ source }) => source)).toEqual(
        Array(pdus.length + 1).fill('df.home1.example'),
      );
      await store.close();
      const copy = path.join(root, 'without-notes');
      mkdirSync(copy);
      copyFileSync(hi2, path.join(copy, 'hi2.ber'));
      copyFileSync(path.join(folder, 'lengths.json'), path.join(copy, 'lengths.json'));
      expect(existsSync(path.join(copy, 'hi2.sources'))).toBe(false);
      const [first] = [...new LemfFiles(copy).read('hi2')];
      expect(first?.source).toBeNull();
    });
  });
});
