/**
 * A LEMF that asks the KMS itself, where the DF cannot, each a process of its own; and one whom the KMS does not let.
 * It starts fourteen processes and speaks a call, and so runs with `CLAVIGER_SLOW` alone, in the gate as a step of its own.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RecoveryReport } from '../../src/entities/lemf/recover.ts';
import type { AuditRecord } from '../../src/evidence/log.ts';
import { decodeWav, encodeWav } from '../../src/media/wav.ts';
import { lemfTaskXid } from '../../src/wire/xk/lemf-task.ts';
import { COMMAND_MS, LabShell } from '../support/lab-shell.ts';

const isSlowRun = process.env['CLAVIGER_SLOW'] !== undefined;
const LEMF = 'lemf.home1.example';
const TIMES = { timeout: 60_000, interval: 200 };
const WARRANT =
  '--config lab/home1/officer-1.json --target sip:alice@home1.example --delivery IRI+CC --until 2h --wait';

// Not a skipped test: the gate runs it as a step of its own.
(isSlowRun ? describe : () => undefined)(
  'R-14: a LEMF that asks, of a laboratory of processes (slow)',
  () => {
    let shell: LabShell;

    function configured(file: string, change: (config: Record<string, unknown>) => object): void {
      const config = JSON.parse(readFileSync(shell.at(file), 'utf8')) as Record<string, unknown>;
      writeFileSync(shell.at(file), JSON.stringify({ ...config, ...change(config) }));
    }

    const wav = (...names: string[]): Int16Array =>
      decodeWav(new Uint8Array(readFileSync(shell.at(...names))));

    /** What the KMS has on record of questions of the LEMF. */
    const asked = (): AuditRecord['event'][] =>
      readFileSync(shell.at('lab/state/home1/kms/audit.jsonl'), 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as AuditRecord).event)
        .filter(({ kind, client }) => kind === 'get-keys' && client === LEMF);

    beforeAll(async () => {
      shell = await LabShell.open();
      writeFileSync(shell.at('short.wav'), encodeWav(wav('assets/speech/alice.wav').slice(8000, 24_000)));
      await shell.must('claviger init lab --lemf-xk');
      // No answer of the KMS comes as fast as the DF wants it.
      configured('lab/home1/df.json', ({ xk }) => ({ xk: { ...(xk as object), attemptMs: 1 } }));
      configured('lab/home1/lemf.json', () => ({
        recoverInto: '../state/home1/recovered',
        recoverAfter: 500,
      }));
      configured('lab/home1/admf.json', () => ({ approval: 'one' }));
      await shell.must('claviger up lab --detach');
    }, 2 * COMMAND_MS);
    afterAll(() => shell.close(), COMMAND_MS);

    it('another LEMF than the KMS names is refused in words', { timeout: COMMAND_MS }, async () => {
      const line = `claviger warrant add ${WARRANT} --liid LIID-2 --xk lemf.stranger.example`;
      const { status, err } = await shell.enter(line);
      expect([status, err]).toEqual([1, expect.stringContaining('warrant LIID-2 is failed')]);
      const history = await shell.must('claviger warrant show LIID-2 --config lab/home1/officer-1.json');
      expect(history).toContain('lemf.stranger.example may not ask for keys here');
    });

    it(
      'a call whose keys the DF cannot fetch is heard at the LEMF',
      { timeout: 3 * COMMAND_MS },
      async () => {
        await shell.must(`claviger warrant add ${WARRANT} --liid LIID-1 --xk ${LEMF}`);
        const bob = shell.begin(
          'claviger ue run --config lab/home2/bob.json --play short.wav --record bob.wav',
        );
        try {
          await bob.until('it is registered', () => bob.output.includes('registered;'), COMMAND_MS);
          await shell.must(
            'claviger ue run --config lab/home1/alice.json --call sip:bob@home2.example --play short.wav',
          );
          await bob.until('the call is over', () => bob.output.includes('call ended'), COMMAND_MS);
        } finally {
          await bob.stop();
        }
        const report = shell.at('lab/state/home1/recovered/recover.json');
        const recovered = (): RecoveryReport['calls'][number] | undefined =>
          existsSync(report)
            ? (JSON.parse(readFileSync(report, 'utf8')) as RecoveryReport).calls.find(({ liid, packets }) => {
                return liid === 'LIID-1' && packets > 0;
              })
            : undefined;
        await expect.poll(() => recovered()?.recovered, TIMES).toBe(true);
        const call = recovered();
        expect(call).toMatchObject({ keysAsked: 2, records: { keys: 0 } });
        const file = call?.streams.find((stream) => stream.file?.endsWith('-alice.wav') === true)?.file ?? '';
        await expect.poll(() => wav('lab/state/home1/recovered', file), TIMES).toEqual(wav('bob.wav'));
        expect(asked()).toMatchObject([
          { outcome: 'answered', client: LEMF, lemf: LEMF, liid: 'LIID-1', xid: lemfTaskXid('LIID-1') },
        ]);
      },
    );
  },
);
