/**
 * A laboratory whose KMS and DF are several processes, with the machine's own PostgreSQL and NATS server between them, by
 * the commands that an operator has.
 */
import { chmodSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missingNats } from '../support/nats-server.ts';
import { missingPostgresql } from '../support/postgresql.ts';
import { COMMAND_MS, LabShell } from '../support/lab-shell.ts';

interface Status {
  readonly state: string;
  readonly entities: readonly {
    readonly name: string;
    readonly pid: number | null;
    readonly ready: boolean;
  }[];
}

describe.skipIf(missingPostgresql() || missingNats())('claviger up --scale', () => {
  let shell: LabShell;
  let pids: number[] = [];
  beforeAll(async () => {
    shell = await LabShell.open();
    // As the superuser, engines are run by others, who must get there.
    chmodSync(shell.folder, 0o711);
  }, COMMAND_MS);
  afterAll(async () => {
    await shell.close();
  }, COMMAND_MS);

  it(
    'R-93: starts engines and several processes of KMS and DF, and says that all are ready',
    { timeout: COMMAND_MS },
    async () => {
      await shell.must('claviger init lab --scale --homes home1');
      await shell.must('claviger up lab --scale --detach');
      const { state, entities } = JSON.parse(await shell.must('claviger up lab --status --json')) as Status;
      expect(state).toBe('ready');
      expect(entities.filter(({ ready }) => !ready)).toEqual([]);
      expect(entities.map(({ name }) => name)).toEqual(
        expect.arrayContaining([
          ...['postgresql', 'nats-server', 'kms-1.home1', 'kms-2.home1'],
          ...['df-intake-1.home1', 'df-intake-2.home1', 'df-mediation-3.home1', 'df-delivery-2.home1'],
          ...['admf.home1', 'lemf.home1', 'cscf.home1'],
        ]),
      );
      pids = entities.flatMap(({ pid }) => pid ?? []);
      for (const name of ['postgresql', 'nats'])
        expect(statSync(shell.at('lab', 'engines', name)).mode & 0o777).toBe(0o700);
    },
  );

  it('R-93: a call is intercepted and recovered by way of all of them', { timeout: COMMAND_MS }, async () => {
    const { outcome, links } = JSON.parse(await shell.must('claviger selftest lab --json')) as {
      readonly outcome: string;
      readonly links: readonly { readonly state: string; readonly title: string }[];
    };
    expect(links.filter(({ state }) => state !== 'ok').map(({ title }) => title)).toEqual([]);
    expect(outcome).toBe('ok');
  });

  it('R-93: claviger down ends all of them, the engines as well', { timeout: COMMAND_MS }, async () => {
    await shell.must('claviger down lab');
    const left = pids.filter((pid) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    });
    expect(left).toEqual([]);
  });
});
