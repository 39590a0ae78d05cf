import { afterAll, describe, expect, it } from 'vitest';
import { IssueBook } from '../../../src/entities/admf/issues.ts';
import { X1AdmfHandler } from '../../../src/entities/admf/reports.ts';
import { systemRandom } from '../../../src/host/runtime.ts';
import { X1Requester } from '../../../src/x1/requester.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { missingShared, missingTool } from '../../support/shared.ts';
import { ADMF, DID, NE, RecordingAudit, XID } from '../../poi/support.ts';
import { SCHEMA, xmllint } from '../../wire/x1/support.ts';
import { silent } from '../../support/silent.ts';

const documents: Uint8Array[] = [];

afterAll(() => {
  if (missingShared(SCHEMA) || missingTool('xmllint')) return;
  expect(xmllint(documents)).toBe('');
});

function open({ identifier = NE, admf = ADMF, certificate = NE } = {}) {
  const clock = new ManualClock();
  const audit = new RecordingAudit();
  const recorder = (_from: string, _to: string, octets: Uint8Array) => void documents.push(octets);
  const elements = [NE, 'df.home1.example'];
  const issues = new IssueBook();
  const common = { clock, logger: silent, audit, issues };
  const handler = new X1AdmfHandler({ ...common, identifier: ADMF, elements, recorder });
  const element = new X1Requester({
    side: 'ne',
    admfIdentifier: admf,
    neIdentifier: identifier,
    clock,
    random: systemRandom(),
    transport: (octets) => handler.handle(octets, { commonName: certificate, dnsNames: [] }),
  });
  return { issues, element, audit };
}

const ping = { type: 'Ping' } as const;

describe('X1 at the ADMF', () => {
  it('keeps issues until they are cleared, and all of them on record', async () => {
    const { issues, element, audit } = open();
    await element.request({ type: 'ReportTaskIssue', xid: XID, report: 'Warning', details: 'loss' });
    await element.request({ type: 'ReportTaskIssue', xid: XID, report: 'TerminatingFault', code: 1000 });
    await element.request({ type: 'ReportDestinationIssue', did: DID, report: 'NonTerminatingFault' });
    await element.request({ type: 'ReportNEIssue', issue: 'Alert', description: 'overload', code: 1 });
    await element.request(ping);
    expect(issues.list()).toMatchObject([
      { element: NE, about: 'task', id: XID, severity: 'TerminatingFault', code: 1000 },
      { about: 'destination', id: DID },
      { about: 'element', severity: 'Alert', description: 'overload' },
    ]);
    await element.request({ type: 'ReportTaskIssue', xid: XID, report: 'AllClear', code: 9000 });
    await element.request({ type: 'ReportNEIssue', issue: 'FaultCleared', description: 'overload' });
    expect(issues.list()).toMatchObject([{ about: 'destination' }]);
    expect(audit.events.filter(({ kind }) => kind === 'x1-issue')).toHaveLength(6);
  });

  it.each([
    [1050, { certificate: 'df.home1.example' }],
    [1060, { identifier: 'mme.home1.example', certificate: 'mme.home1.example' }],
    [1040, { admf: 'admf.home2.example' }],
  ])('answers %i to %o', async (code, who) => {
    const { element, audit } = open(who);
    await expect(element.request(ping)).rejects.toMatchObject({ error: { code } });
    expect(audit.events).toMatchObject([{ kind: 'x1-refused', code }]);
  });

  it('takes no orders', async () => {
    const { element } = open();
    await expect(element.request({ type: 'DeactivateAllTasks' })).rejects.toMatchObject({
      error: { code: 1000 },
    });
  });
});
