/**
 * What an operator does to entities that run as processes of their own, with the commands that an operator has: new
 * certificates in mid-call, copies while they work, and a DF and a KMS put back from them. It speaks three calls, and so
 * runs with `CLAVIGER_SLOW` alone, in the gate as a step of its own.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecoveryReport } from '../../src/entities/lemf/recover.ts';
import { decodeWav, encodeWav } from '../../src/media/wav.ts';
import type { Child } from '../support/child.ts';
import { psPdusOf } from '../support/handed-over.ts';
import { COMMAND_MS, LabShell } from '../support/lab-shell.ts';

const LIID = 'LIID-1';
const HANDED_OVER = '--hi2 lab/state/home1/lemf/hi2.ber --hi3 lab/state/home1/lemf/hi3.ber';

describe('R-94: a laboratory of processes (slow)', () => {
  let shell: LabShell;
  /** Calls that were spoken. */
  let calls = 0;

  const samplesOf = (...names: string[]): Int16Array =>
    decodeWav(new Uint8Array(readFileSync(shell.at(...names))));

  /** Alice calls bob, who is called by a phone of his own; `meanwhile` happens while they speak. */
  async function call(
    recording: string,
    meanwhile: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    calls += 1;
    const bob = shell.begin(
      `claviger ue run --config lab/home2/bob.json --play ${recording} --record bob-heard-${calls}.wav`,
    );
    let alice: Child | null = null;
    try {
      await bob.until('it is registered', () => bob.output.includes('registered;'), COMMAND_MS);
      alice = shell.begin(
        `claviger ue run --config lab/home1/alice.json --call sip:bob@home2.example --play ${recording} --record alice-heard-${calls}.wav`,
      );
      const caller = alice;
      await caller.until('they speak', () => caller.output.includes('read aloud'), COMMAND_MS);
      await meanwhile();
      expect(caller.output).not.toContain('call ended');
      await bob.until('the call is over', () => bob.output.includes('call ended'), COMMAND_MS);
      await expect.poll(() => caller.running, { timeout: COMMAND_MS }).toBe(false);
      expect(caller.output).toContain('call ended');
    } finally {
      await alice?.stop();
      await bob.stop();
    }
  }

  /** What the LEMF has: of every call all, and what it recovers is what was heard. */
  async function recovered(): Promise<RecoveryReport['calls']> {
    rmSync(shell.at('audio'), { recursive: true, force: true });
    // What is under way to the LEMF.
    await shell.must('claviger drain --state lab/state/home1');
    await shell.must(`claviger lemf recover ${HANDED_OVER} --out audio`);
    const { calls: found } = JSON.parse(
      readFileSync(shell.at('audio', 'recover.json'), 'utf8'),
    ) as RecoveryReport;
    const withContent = found.filter(({ packets }) => packets > 0);
    expect(
      withContent.map(({ absent, conflicts, recovered: isWhole }) => [absent, conflicts, isWhole]),
    ).toEqual(Array.from({ length: calls }, () => [0, 0, true]));
    for (const [at, { streams }] of withContent.entries()) {
      const said = (user: string): Int16Array => {
        const { file } = streams.find((each) => each.file?.endsWith(`-${user}.wav`) === true) ?? {};
        return samplesOf('audio', file ?? 'no recording');
      };
      expect(said('alice')).toEqual(samplesOf(`bob-heard-${at + 1}.wav`));
      // Alice hangs up: what bob says meanwhile she does not hear.
      const heard = samplesOf(`alice-heard-${at + 1}.wav`);
      expect(heard.length).toBeGreaterThan(4000);
      expect(said('bob').slice(0, heard.length)).toEqual(heard);
    }
    return withContent;
  }

  beforeAll(async () => {
    shell = await LabShell.open();
    const long = samplesOf('assets/speech/alice.wav');
    writeFileSync(shell.at('short.wav'), encodeWav(long.slice(8000, 20_000)));
    await shell.must('claviger init lab');
    await shell.must('claviger up lab --detach');
    await shell.must(
      `claviger warrant add --config lab/home1/officer-1.json --liid ${LIID} --target sip:alice@home1.example --delivery IRI+CC --until 2h`,
    );
    await shell.must(`claviger warrant approve ${LIID} --config lab/home1/officer-2.json --wait`);
  }, 2 * COMMAND_MS);
  afterAll(async () => {
    await shell.close();
  }, COMMAND_MS);

  it(
    'R-94: certificates and keys renewed in mid-call, by SIGHUP: no PDU is lost and no call dropped',
    { timeout: 6 * COMMAND_MS },
    async () => {
      const entities = ['kms', 'cscf', 'gateway', 'admf', 'df', 'lemf'].flatMap((entity) =>
        ['home1', 'home2'].map((home) => `lab/pki/${entity}.${home}.example.pem`),
      );
      for (const file of entities)
        await shell.must(`claviger pki renew ${file} --authority lab/pki --new-key`);
      await call('assets/speech/alice.wav', async () => {
        const run = JSON.parse(readFileSync(shell.at('lab/run.json'), 'utf8')) as {
          readonly entities: readonly { readonly pid: number }[];
        };
        // The mailboxes, too, which have no certificates of their own.
        expect(run.entities.length).toBe(14);
        for (const { pid } of run.entities) process.kill(pid, 'SIGHUP');
        const log = (): string => readFileSync(shell.at('lab/lab.log'), 'utf8');
        const takenUp = (): number => log().match(/"taken":\["tls"\]/g)?.length ?? 0;
        await expect.poll(takenUp, { timeout: 30_000 }).toBe(12);
      });
      await recovered();
      // And a call whose connections are made under the new ones.
      await call('short.wav');
      await recovered();
    },
  );

  it(
    'R-94: copied while they run, a DF and a KMS are put back: no number comes again, the LEMF is told, calls go on',
    { timeout: 6 * COMMAND_MS },
    async () => {
      const identity = await generateIdentity();
      writeFileSync(shell.at('key.txt'), `${identity}\n`, { mode: 0o600 });
      const recipient = await identityToRecipient(identity);
      await shell.must('claviger backup --config lab/home1/df.json --to df-copy');
      await shell.must(`claviger backup --config lab/home1/kms.json --to kms-copy --recipient ${recipient}`);
      // What the copies do not have.
      await call('short.wav');
      const before = await recovered();
      await shell.must('claviger down lab');
      await shell.must('rm -r lab/state/home1/kms lab/state/home1/df*');
      const df = await shell.must('claviger restore --from df-copy --config lab/home1/df.json');
      expect(df).toContain('cINReset');
      const kms = await shell.must(
        'claviger restore --from kms-copy --config lab/home1/kms.json --identity key.txt',
      );
      expect(kms).toContain('300 seconds after the lost one ended');
      await shell.must('claviger up lab --detach');
      await call('short.wav');
      const all = await recovered();
      const [last] = all.slice(before.length).map(({ cin }) => cin);
      expect(last).toBeGreaterThan(1_700_000_000);
      const resets = psPdusOf(shell.at('lab/state/home1/lemf/hi2.ber')).filter(
        ({ payload }) => payload.kind === 'tri' && payload.message.type === 'cinReset',
      );
      // By each of the warrant's two destinations; the LEMF keeps them with both kinds.
      expect(resets.length).toBe(2);
      await shell.must('claviger down lab');
      expect(existsSync(shell.at('lab/run.json'))).toBe(false);
    },
  );
});
