/** What a LEMF was told of warrants (HI1-Operation), as recovery lists it. */
import { describe, expect, it } from 'vitest';
import { concat } from '../../../src/bytes/octets.ts';
import { LI_PS_DOMAIN } from '../../../src/wire/hi/header.ts';
import { encodePsPdu } from '../../../src/wire/hi/ps-pdu.ts';
import { delivered, InterceptedCall, LIID, notified } from './call.ts';
import { recover } from './recovered.ts';

describe('R-91: what was told of warrants', () => {
  const time = Date.UTC(2030, 0, 2);
  const notices = notified([
    { kind: 'li-activated', liid: LIID, time, target: 'sip:alice@home1.example' },
    { kind: 'li-alarm', liid: LIID, time, information: 'loss' },
  ]);

  it('is listed once in whichever file it is, and is no record, session or call', () => {
    const call = new InterceptedCall('exchange-1.json', { packets: 3 });
    const hi2 = concat(...delivered([...call.signalling, ...call.keys]));
    const hi3 = concat(...delivered(call.content));
    const plain = recover(hi2, hi3);
    const told = recover(concat(notices[0]!, hi2, ...notices), concat(hi3, ...notices));
    expect(told.report.calls).toEqual(plain.report.calls);
    expect(told.report.otherSessions).toEqual([]);
    expect(told.report.notifications).toEqual([
      {
        liid: LIID,
        operation: 'liActivated',
        time: '2030-01-02T00:00:00.000Z',
        text: 'sip:alice@home1.example',
        source: 'df.home1.example',
        sequenceNumber: 0,
      },
      expect.objectContaining({ operation: 'alarm', text: 'loss', sequenceNumber: 1 }),
    ]);
    const { hi2: of2, hi3: of3 } = told.report.files;
    expect([of2.notifications, of2.duplicates, of3.notifications, of3.duplicates]).toEqual([3, 1, 2, 2]);
    expect([of2.undecodableInAll, of3.undecodableInAll]).toEqual([0, 0]);
  });

  it('of no time, with octets that are not characters, of a kind that is not known', () => {
    const header = { domainId: LI_PS_DOMAIN, liid: '\u001b[2J', operatorIdentifier: 'x', sequenceNumber: 4 };
    const element = Uint8Array.of(0xa9, 0x00);
    const pdus = [
      encodePsPdu({ header, payload: { kind: 'hi1', operation: { kind: 'other', tag: 9, element } } }),
      encodePsPdu({
        header: { ...header, cin: 7 },
        payload: { kind: 'hi1', operation: { kind: 'alarm', alarm: { time, information: '\u001b]' } } },
      }),
    ];
    const { report } = recover(concat(...pdus), new Uint8Array());
    const about = { liid: '1b5b324a', source: '', sequenceNumber: 4 };
    expect(report.notifications).toEqual([
      { ...about, operation: 'other', time: null, text: null },
      { ...about, operation: 'alarm', time: '2030-01-02T00:00:00.000Z', text: '\ufffd]' },
    ]);
    expect(report.calls).toEqual([]);
  });
});
