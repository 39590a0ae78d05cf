/** A record of a run as the demo makes one, small, with every text that may be a stranger's chosen by the test. */
import { encodeWav } from '../../../src/media/wav.ts';
import type { ReportRecord } from '../../../src/lab/report/page.ts';
import type { DemoReport } from '../../../src/lab/scenarios/report.ts';
import type { ReferencePoint, TimelineEntry } from '../../../src/lab/timeline.ts';

/** What strangers write: phones and other networks, in names, start lines, headers, reasons. */
export interface StrangersTexts {
  /** Of users and phones. */
  readonly name: string;
  /** Of a Request-URI, a reason phrase, whatever is told. */
  readonly text: string;
}

export const HARMLESS: StrangersTexts = { name: 'alice', text: 'sip:bob@home2.example' };

const samples = (length: number): Int16Array =>
  Int16Array.from({ length }, (_, at) => ((at * 7919) % 20_000) - 10_000);

export function timelineOf({ name, text }: StrangersTexts): TimelineEntry[] {
  let at = 0;
  const entry = (reference: ReferencePoint, from: string, to: string, what: string): TimelineEntry => ({
    ...{ at: (at += 12.5), from, to, reference, what },
  });
  return [
    entry('lab', 'cscf.home1', '', 'cscf.home1.example is up'),
    entry('REQUEST_KEY', name, 'kms.home1', 'parameters, private keys, seeds'),
    entry('Gm', name, 'cscf.home1', 'REGISTER sip:home1.example'),
    entry('REQUEST_KEY', 'bob', 'kms.home2', 'parameters, private keys, seeds'),
    entry('HI1', 'authority', 'admf.home1', 'warrant LIID-ALICE'),
    entry('X1', 'admf.home1', 'kms.home1', 'ActivateTaskRequest'),
    entry('Gm', name, 'cscf.home1', `INVITE ${text}  [I_MESSAGE_1]`),
    entry('X2', 'cscf.home1', 'df.home1', `INVITE ${text} SIP/2.0`),
    entry('Mw', 'cscf.home1', 'cscf.home2', `INVITE ${text}  [I_MESSAGE_1]`),
    entry('Gm', 'cscf.home2', 'bob', `INVITE ${text}  [I_MESSAGE_1]`),
    entry('Gm', 'bob', 'cscf.home2', `183 ${text} (INVITE)  [R_MESSAGE_1]`),
    entry('Gm', name, 'cscf.home1', `PRACK ${text}  [I_MESSAGE_2]`),
    entry('Xk', 'df.home1', 'kms.home1', `get_keys for ${text}`),
    entry('Xk', 'kms.home1', 'df.home1', 'get_keys_response: 2 crypto sessions'),
    entry('HI2', 'df.home1', 'lemf.home1', 'decryptionKeysAvailable, CS ID 1'),
    entry('Gm', 'bob', 'cscf.home2', '200 OK (PRACK)  [R_MESSAGE_2]'),
    entry('Gm', name, 'unknown', `BYE ${text}`),
    entry('lab', 'lemf.home1', '', 'recovered recovered-alice.wav'),
  ];
}

export function recordOf(texts: StrangersTexts = HARMLESS, more: Partial<DemoReport> = {}): ReportRecord {
  const { name, text } = texts;
  const timeline = timelineOf(texts);
  const stream = {
    ...{
      ssrc: 0x47e77013,
      csId: 1,
      speaker: text,
      file: 'recovered-alice.wav',
      rtp: { file: 'recovered-alice.rtpdump', packets: 3 },
    },
    ...{ packets: 7, authenticated: 6, decryptedInNetwork: false },
    keys: [{ csId: 1, suite: text, mki: '', packets: 6, at: 0 }],
    events: [{ event: 5, timestamp: 0, duration: 800, at: 0.1 }],
    stretches: [{ kind: 'gap' as const, at: 0.05, seconds: 0.02, packets: 1 }],
    shortened: [],
  };
  const recovery = [{ liid: 'LIID-ALICE', streams: [stream], recovered: false, explanation: text }];
  const report = {
    ...{ state: 'done', scenario: text, target: text, faults: [`ue-ignores-seed=${text}`], passed: false },
    calls: [
      {
        ...{ callId: text, icid: text, target: text, role: 'initiator', caller: name, callee: 'bob' },
        sas: { caller: text, callee: text },
        times: { dialled: 70, established: 180, ended: 230 },
        cryptoSessions: [{ csId: 1, ssrc: 1, suite: text, packets: 7 }],
        millisecondsToKeyRecord: 193,
        recovery,
      },
    ],
    checks: [
      { name: `a check of ${text}`, passed: true, detail: `${text}, all equal` },
      { name: 'another check', passed: false, detail: text },
    ],
    warrants: [{ liid: 'LIID-ALICE', target: 'sip:alice@home1.example', home: 'home1' }],
    links: [
      { reference: 'X2', from: 'cscf.home1', to: 'df.home1', count: 10 },
      { reference: 'X3', from: 'gateway.home1', to: 'df.home1', count: 942 },
      { reference: 'Gm', from: name, to: 'cscf.home1', count: 4 },
    ],
    timeline,
    ...more,
  } as unknown as DemoReport;
  const sip = timeline.filter(({ reference }) => reference === 'Gm' || reference === 'Mw');
  const messages = sip.map(({ what }) =>
    Buffer.from(`${what}\r\nFrom: "${name}" <${text}>\r\nX-Strange: ${text}\r\n\r\n`),
  );
  return {
    report,
    summary: `a run of ${text}`,
    recordings: new Map([
      ['spoken-alice.wav', encodeWav(samples(800))],
      ['recovered-alice.wav', encodeWav(samples(800))],
      ['spoken-bob.wav', encodeWav(samples(700))],
    ]),
    messages,
  };
}
