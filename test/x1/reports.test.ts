import { describe, expect, it } from 'vitest';
import { X1Reporter } from '../../src/x1/reports.ts';
import { X1ExchangeError } from '../../src/x1/requester.ts';
import { TaskTable } from '../../src/x1/tasks.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { destination, DID, MemoryStore, task, XID } from '../poi/support.ts';
import { silent } from '../support/silent.ts';

async function open() {
  const clock = new ManualClock();
  const table = await TaskTable.open(clock, new MemoryStore());
  await table.createDestination(destination);
  await table.activate(task);
  const sent: string[] = [];
  const admf = { fault: null as null | 'no-answer' | 'refused' };
  const request = (report: { type: string }) => {
    if (admf.fault !== null) return Promise.reject(new X1ExchangeError(admf.fault, 'away'));
    sent.push(report.type);
    return Promise.resolve({});
  };
  const reporter = new X1Reporter({ admf: { request: request as never }, table, clock, logger: silent });
  const breathe = () => new Promise((resolve) => setImmediate(resolve));
  return { clock, table, sent, admf, reporter, breathe };
}

describe('reports to the ADMF', () => {
  it('wait while it is away, and then go in order', async () => {
    const { clock, sent, admf, reporter, breathe } = await open();
    admf.fault = 'no-answer';
    reporter.raised(DID, 'unreachable');
    reporter.taskIssue(XID, 'loss');
    reporter.elementIssue('overload');
    await breathe();
    expect(sent).toEqual([]);
    clock.advance(1000);
    await breathe();
    admf.fault = null;
    clock.advance(1999);
    await breathe();
    expect(sent).toEqual([]);
    clock.advance(1);
    await breathe();
    expect(sent).toEqual(['ReportDestinationIssue', 'ReportTaskIssue', 'ReportNEIssue']);
  });

  it('that it refuses are not sent again', async () => {
    const { clock, sent, admf, reporter, breathe } = await open();
    admf.fault = 'refused';
    reporter.elementIssue('overload');
    await breathe();
    admf.fault = null;
    clock.advance(100_000);
    await breathe();
    expect(sent).toEqual([]);
  });

  it('are bounded while it is away, the newest kept', async () => {
    const { clock, sent, admf, reporter, breathe } = await open();
    admf.fault = 'no-answer';
    for (let i = 0; i < 1000; i += 1) reporter.elementIssue(`${i}`);
    await breathe();
    admf.fault = null;
    clock.advance(1000);
    await breathe();
    expect(sent).toHaveLength(256);
  });

  it('are the present condition until cleared, or until what they are about is gone', async () => {
    const { table, sent, reporter, breathe } = await open();
    reporter.raised(DID, 'unreachable');
    reporter.taskIssue(XID, 'loss');
    reporter.elementIssue('overload');
    expect([
      reporter.destinationFaults(DID),
      reporter.taskFaults(XID),
      reporter.elementFaults(),
    ]).toMatchObject([
      [{ description: 'unreachable' }],
      [{ description: 'loss' }],
      [{ description: 'overload' }],
    ]);
    reporter.cleared(DID);
    reporter.cleared(DID);
    reporter.elementCleared();
    await table.deactivate(XID);
    expect([reporter.destinationFaults(DID), reporter.taskFaults(XID), reporter.elementFaults()]).toEqual([
      [],
      [],
      [],
    ]);
    await breathe();
    expect(sent).toHaveLength(5);
  });

  it('end with the element', async () => {
    const { clock, sent, admf, reporter, breathe } = await open();
    admf.fault = 'no-answer';
    reporter.elementIssue('overload');
    await breathe();
    reporter.stop();
    admf.fault = null;
    clock.advance(100_000);
    await breathe();
    expect(sent).toEqual([]);
  });
});
