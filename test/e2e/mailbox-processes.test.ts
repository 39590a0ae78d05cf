/**
 * A mailbox as a process, with what an operator's guide says of it word for word, and killed where it hurts most: while a
 * message is left, between deposit and delivery, and while it delivers. It speaks three messages, and so runs with
 * `CLAVIGER_SLOW` alone, in the gate as a step of its own.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeG711, encodeG711 } from '../../src/media/g711.ts';
import { decodeWav, encodeWav } from '../../src/media/wav.ts';
import { fences, page } from '../docs/support.ts';
import type { Child } from '../support/child.ts';
import { COMMAND_MS, LabShell } from '../support/lab-shell.ts';

const guide = page('docs/operations.md');
const [section = ''] = /## A mailbox\n[^]*?\n## /.exec(guide) ?? [];
const [[up, leaving, listening, down] = []] = fences(section)
  .filter(({ language }) => language === 'session')
  .map(({ lines }) => lines.map((line) => line.replace(/^\$ /, '')));

it('R-42: the guide has a session that leaves a message and plays it', () => {
  expect([up, down]).toEqual(['claviger init lab && claviger up lab --detach', 'claviger down lab']);
  expect(leaving).toMatch(/^claviger ue run .* --call sip:bob@home2\.example --play /);
  expect(listening).toMatch(/^claviger ue run .*bob\.json --record /);
});

const isSlowRun = process.env['CLAVIGER_SLOW'] !== undefined;
const TIMES = { timeout: 60_000, interval: 100 };

// Not a skipped test: the gate runs it as a step of its own.
(isSlowRun ? describe : () => undefined)('R-42: a mailbox of a laboratory of processes (slow)', () => {
  let shell: LabShell;
  const phones: Child[] = [];

  /** Bob's phone, in a terminal of its own. */
  async function bob(line = listening ?? ''): Promise<Child> {
    const phone = shell.begin(line);
    phones.push(phone);
    await phone.until('it is registered', () => phone.output.includes('registered;'), COMMAND_MS);
    return phone;
  }

  interface Said {
    readonly pid: number;
    readonly ready: boolean;
    readonly queues: readonly { readonly name: string; readonly entries: number }[];
  }

  /** `null`: it does not answer just now. */
  async function mailbox(): Promise<Said | null> {
    const { status, out } = await shell.enter('claviger status --json --config lab/home2/mailbox.json');
    const [said] = out === '' ? [] : [JSON.parse(out) as Said | Said[]].flat();
    return status === 0 && said !== undefined ? said : null;
  }

  const waiting = async (): Promise<number | undefined> =>
    (await mailbox())?.queues.find(({ name }) => name === 'messages')?.entries;

  /** Kills it, and waits until it was started again and is ready. */
  async function kill(): Promise<void> {
    const { pid = 0 } = (await mailbox()) ?? {};
    process.kill(pid, 'SIGKILL');
    await expect.poll(async () => (await mailbox())?.pid ?? pid, TIMES).not.toBe(pid);
    await expect.poll(async () => (await mailbox())?.ready, TIMES).toBe(true);
  }

  const wav = (name: string): Int16Array => decodeWav(new Uint8Array(readFileSync(shell.at(name))));
  const spoken = (name: string): Int16Array => decodeG711(encodeG711(wav(name), 'pcma'), 'pcma');
  const messagesOf = (phone: Child): number =>
    phone.output.split('message of sip:alice@home1.example').length - 1;
  const ends = (phone: Child): number => phone.output.split('call ended').length - 1;

  beforeAll(async () => {
    shell = await LabShell.open();
    await shell.must(up ?? '');
    const speech = wav('assets/speech/alice.wav').slice(0, 24_000);
    writeFileSync(shell.at('short.wav'), encodeWav(speech));
  }, 2 * COMMAND_MS);
  afterAll(async () => {
    for (const phone of phones) await phone.stop();
    await shell.close();
  }, COMMAND_MS);

  it(
    'killed between deposit and delivery, it delivers what the guide’s commands leave, once',
    { timeout: 4 * COMMAND_MS },
    async () => {
      expect(await shell.must(leaving ?? '')).toContain('leaving a message with sip:mailbox@home2.example');
      await expect.poll(waiting, TIMES).toBe(1);
      await kill();
      expect(await waiting()).toBe(1);
      const phone = await bob();
      await phone.until('the message was played', () => ends(phone) === 1, COMMAND_MS);
      expect(phone.output).toContain('by way of sip:mailbox@home2.example');
      await expect.poll(waiting, TIMES).toBe(0);
      expect(wav('message-for-bob.wav')).toEqual(spoken('assets/speech/alice.wav'));
      await kill();
      // Longer than it takes to look at what waits, and to call.
      await sleep(3_000);
      expect(messagesOf(phone)).toBe(1);
      await phone.stop();
    },
  );

  it(
    'killed while it delivers, it delivers the whole message again, which is heard once to its end',
    { timeout: 4 * COMMAND_MS },
    async () => {
      const short = (leaving ?? '').replace('assets/speech/alice.wav', 'short.wav');
      await shell.must(short);
      await expect.poll(waiting, TIMES).toBe(1);
      const phone = await bob((listening ?? '').replace('message-for-bob', 'again'));
      await phone.until('the message begins', () => messagesOf(phone) === 1, COMMAND_MS);
      await kill();
      await phone.until('it begins anew and ends', () => ends(phone) === 2, COMMAND_MS);
      await expect.poll(waiting, TIMES).toBe(0);
      expect([messagesOf(phone), wav('again.wav')]).toEqual([2, spoken('short.wav')]);
      await phone.stop();
    },
  );

  it(
    'killed while a message is left, it keeps what was left until then, and delivers that',
    { timeout: 4 * COMMAND_MS },
    async () => {
      const alice = shell.begin(leaving ?? '');
      phones.push(alice);
      await alice.until('she speaks', () => alice.output.includes('leaving a message'), COMMAND_MS);
      await sleep(2_000);
      await kill();
      await alice.stop();
      expect(await waiting()).toBe(1);
      const phone = await bob((listening ?? '').replace('message-for-bob', 'part'));
      await phone.until('the message was played', () => ends(phone) === 1, COMMAND_MS);
      expect(existsSync(shell.at('part.wav'))).toBe(true);
      const part = wav('part.wav');
      expect(part.length).toBeGreaterThan(4_000);
      expect(part).toEqual(spoken('assets/speech/alice.wav').slice(0, part.length));
      await phone.stop();
    },
  );
});
