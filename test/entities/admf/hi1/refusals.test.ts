/** What HI1 (TS 103 120) refuses, and as what. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../../src/bytes/octets.ts';
import { decodeHi1Message } from '../../../../src/wire/hi1/messages.ts';
import type { Hi1Object } from '../../../../src/wire/hi1/objects.ts';
import { missingShared, missingTool, sharedPath } from '../../../support/shared.ts';
import { judged } from '../../../wire/hi1/support.ts';
import { KEYS_PROFILE } from '../../../../src/entities/admf/hi1/task-warrants.ts';
import { HOUR, NOW } from '../support.ts';
import {
  active,
  at,
  authorisation,
  create,
  deliveredTo,
  etsi,
  get,
  judgeAnswers,
  list,
  objectOf,
  openHi1,
  POLICE,
  target,
  task,
  update,
  uuid,
} from './support.ts';

judgeAnswers();

const bare = (kind: string, number: number, members: object = {}) => objectOf(kind, number, { ...members });
const POLICIES = [{ Order: '1', ObjectIdentifier: uuid(98) }];

describe('R-91: what HI1 refuses, and as what', () => {
  const wrong: readonly [string, number | readonly number[], Hi1Object[]][] = [
    ['a task without a LIID', 3005, [task(3, { Reference: undefined })]],
    ['a task without an authorisation', 3005, [task(3, { AssociatedObjects: [] })]],
    ['a task without delivery', 3005, [task(3, { DeliveryDetails: undefined })]],
    ['a task of nobody’s authorisation', 3016, [task(3, { AssociatedObjects: [uuid(99)] })]],
    ['an object that exists', 3010, [authorisation(1)]],
    ['a LIID that is taken', 3007, [task(3, { Reference: 'LIID2' })]],
    ['content without IRI', 3001, [task(3, { DeliveryType: etsi('TaskDeliveryType', 'CCOnly') })]],
    [
      'a format of targets that is not ours',
      3007,
      [task(3, { TargetIdentifier: { TargetIdentifierValues: [target('IMSI', '001010123456789')] } })],
    ],
    [
      'a target that is not of its format',
      3007,
      [task(3, { TargetIdentifier: { TargetIdentifierValues: [target('InternationalE164', '+1 (212)')] } })],
    ],
    [
      'one service of the target alone',
      3001,
      [
        task(3, {
          TargetIdentifier: {
            TargetIdentifierValues: [target('SIPURI', 'sip:alice@home1.example')],
            ServiceType: etsi('ServiceType', 'Messaging'),
          },
        }),
      ],
    ],
    ['a policy of traffic', 3001, [task(3, { ListOfTrafficPolicyReferences: POLICIES })]],
    ['times outside the authorisation’s', 3007, [task(3, { Timespan: { EndTime: at(NOW + 9 * HOUR) } })]],
    ['an end that is past', 3007, [authorisation(3, { AuthorisationTimespan: { EndTime: at(NOW - 1000) } })]],
    [
      'an end before the start',
      3007,
      [authorisation(3, { AuthorisationTimespan: { StartTime: at(NOW + 2000), EndTime: at(NOW + 1000) } })],
    ],
    [
      'delivery by mail',
      3001,
      [
        task(3, {
          DeliveryDetails: [{ DeliveryAddress: { kind: 'EmailAddress', value: 'lea@example.org' } }],
        }),
      ],
    ],
    [
      'delivery over UDP',
      3007,
      [
        task(3, {
          DeliveryDetails: [
            {
              DeliveryAddress: {
                kind: 'IPAddressPort',
                value: { address: '192.0.2.1', port: 5, transport: 'udp' },
              },
            },
          ],
        }),
      ],
    ],
    [
      'delivery to an end point that is not agreed',
      3007,
      [
        task(3, {
          DeliveryDetails: [
            {
              DeliveryAddress: {
                kind: 'EndpointID',
                value: { CountryCode: 'YY', UniqueIdentifier: 'LEMF1' },
              },
            },
          ],
        }),
      ],
    ],
    [
      'a LEMF that is to ask the KMS itself, where that is not agreed (R-14)',
      3007,
      [task(3, { DeliveryDetails: [deliveredTo('LEMF1', KEYS_PROFILE)] })],
    ],
    [
      'a LEMF that is to ask for keys where there is no content',
      3007,
      [
        task(3, {
          DeliveryType: etsi('TaskDeliveryType', 'IRIOnly'),
          DeliveryDetails: [deliveredTo('LEMF2', KEYS_PROFILE)],
        }),
      ],
    ],
    [
      'another profile of delivery',
      3001,
      [task(3, { DeliveryDetails: [deliveredTo('LEMF2', etsi('DeliveryProfile', 'Fast'))] })],
    ],
    [
      'another handover format',
      3007,
      [
        task(3, {
          DeliveryDetails: [
            {
              DeliveryAddress: { kind: 'FQDN', value: 'a.example' },
              HandoverFormat: etsi('HandoverFormat', 'Fax'),
            },
          ],
        }),
      ],
    ],
    [
      'a status that is ours to set',
      3007,
      [authorisation(3, { AuthorisationStatus: etsi('AuthorisationStatus', 'Approved') })],
    ],
    ['an owner who is not the sender', 3007, [authorisation(3, { OwnerIdentifier: 'CUSTOMS' })]],
    ['a notification of the agency’s', 3001, [objectOf('NotificationObject', 3, {})]],
    [
      'a link to what was refused',
      [3007, 3018],
      [authorisation(5, { OwnerIdentifier: 'CUSTOMS' }), task(6, { AssociatedObjects: [uuid(5)] })],
    ],
  ];
  it('each with its code, and nothing changes', async () => {
    const lab = await active();
    const before = lab.desk.list();
    for (const [what, codes, objects] of wrong)
      expect(await lab.outcomes(create(...objects)), what).toEqual(
        typeof codes === 'number' ? [codes] : codes,
      );
    await lab.settle();
    expect(lab.desk.list()).toEqual(before);
    expect(await lab.outcomes(get(3, 5, 6))).toEqual([3014, 3014, 3014]);
  });

  it('updates of what is not there, is stale, or does not change', async () => {
    const lab = await active();
    const change = (members: object) => lab.outcomes(update(bare('LITaskObject', 2, members)));
    expect(await lab.outcomes(update(bare('LITaskObject', 99)))).toEqual([3011]);
    expect(await lab.outcomes(update(bare('AuthorisationObject', 2)))).toEqual([3007]);
    expect(await change({ Generation: '7' })).toEqual([3008]);
    expect(await change({ Reference: 'LIID9' })).toEqual([3006]);
    expect(await change({ Status: etsi('TaskStatus', 'Cancelled') })).toEqual([3006]);
    expect(
      await change({
        TargetIdentifier: { TargetIdentifierValues: [target('SIPURI', 'sip:bob@home1.example')] },
      }),
    ).toEqual([3006]);
    expect(await change({ ListOfTrafficPolicyReferences: POLICIES })).toEqual([3001]);
    expect(await change({ Timespan: { StartTime: at(NOW + 1000) } })).toEqual([3006]);
    expect(await change({ DesiredStatus: etsi('TaskDesiredStatus', 'Forgotten') })).toEqual([3007]);
    expect((await lab.object(2))['Generation']).toBe('1');
    expect(await change({ ExternalIdentifier: 'ours', Generation: '1' })).toEqual(['done']);
    expect(await lab.object(2)).toMatchObject({
      Generation: '2',
      ExternalIdentifier: 'ours',
      Reference: 'LIID2',
    });
  });

  it('numbers that stand twice, other actions, types that are not here', async () => {
    const lab = await active();
    const [one, two] = create(authorisation(3), authorisation(4));
    expect(
      await lab.outcomes([
        { ...one!, id: '7' },
        { ...two!, id: '7' },
      ]),
    ).toEqual([3000, 3002]);
    expect(
      await lab.outcomes([{ action: 'DELIVER', identifier: uuid(1), object: authorisation(1) }]),
    ).toEqual([3001]);
    expect(await lab.outcomes(list('Delivery'))).toEqual([3001]);
    const [listed] = await lab.ask(list('AuthorisationObject'));
    expect(listed).toMatchObject({ records: [{ identifier: uuid(1), owner: 'ACTOR01', generation: '1' }] });
  });

  it('on a workflow’s path what is not of it', async () => {
    const lab = await active();
    const on = (path: string, asked: Parameters<typeof lab.outcomes>[0]) => lab.outcomes(asked, { path });
    expect(await on('/li/authorisation/new', create(authorisation(3)))).toEqual([3005]);
    expect(await on('/li/authorisation/new', get(1))).toEqual([3001]);
    expect(await on('/li/authorisation/cancellation', update(bare('AuthorisationObject', 1)))).toEqual([
      3005,
    ]);
    expect(await on('/li/task/addition', create(authorisation(3)))).toEqual([3001]);
    expect(await on('/li/task/change-delivery', update(bare('LITaskObject', 2)))).toEqual([3005]);
    expect(await on('/li/task/cancellation', update(bare('LITaskObject', 2)))).toEqual([3005]);
  });

  it('messages that are not XML, not of the schema, of another version or for somebody else', async () => {
    const lab = await active();
    const { octets } = await lab.exchange(get(1));
    const raw = async (octets: Uint8Array) => {
      const { header, payload } = decodeHi1Message(
        (await lab.running.service.answer(octets, '/', POLICE)) ?? octets,
      );
      return [header.transaction, payload.kind === 'error' ? payload.error.ErrorCode : 'done'];
    };
    const nobody = '00000000-0000-0000-0000-000000000000';
    expect(await raw(utf8('not XML'))).toEqual([nobody, 3019]);
    expect(await raw(utf8('<a/>'))).toEqual([nobody, 3020]);
    const text = new TextDecoder().decode(octets);
    const [, own] = /TransactionIdentifier>([^<]*)/.exec(text) ?? [];
    expect(await raw(utf8(text.replaceAll('GET>', 'PUT>')))).toEqual([own, 3020]);
    const version = { etsi: 'V1.11.1', profileOwner: 'XX', profileVersion: 'v1.0' };
    const [refused] = await lab.ask(get(1), { header: { version } });
    expect(refused).toMatchObject({
      ErrorCode: 3021,
      ErrorDescription: expect.stringContaining('V1.12.1') as string,
    });
    expect(
      await lab.outcomes(get(1), { header: { receiver: { CountryCode: 'XX', UniqueIdentifier: 'ELSE' } } }),
    ).toEqual([3007]);
    const sender = { CountryCode: 'XX', UniqueIdentifier: 'CUSTOMS' };
    expect((await lab.exchange(get(1), { header: { sender } })).answer).toBeNull();
  });

  it('R-91, R-27: what cannot be put on record is not answered, and not done', async () => {
    const lab = await openHi1();
    lab.audit.fails = true;
    await expect(lab.exchange(create(authorisation(1)))).rejects.toThrow();
    lab.audit.fails = false;
    expect(await lab.outcomes(get(1))).toEqual([3014]);
    expect(lab.audit.events.filter(({ kind }) => kind.startsWith('hi1-'))).toMatchObject([
      { kind: 'hi1-request', agency: 'police', actions: `GET ${uuid(1)}` },
      { kind: 'hi1-answer', outcome: 'errors 3014' },
    ]);
  });

  it.skipIf(missingShared('cases/hi1'))("R-91: ETSI's examples are answered", async () => {
    // Of their own time: later, what changes something is not taken.
    const lab = await openHi1({}, { now: Date.UTC(2015, 8, 1, 12) });
    const given: Uint8Array[] = [];
    const answered = async (name: string) => {
      const octets = new Uint8Array(readFileSync(sharedPath(`cases/hi1/${name}`)));
      const answer = (await lab.running.service.answer(octets, '/', POLICE))!;
      given.push(answer);
      const { header, payload } = decodeHi1Message(answer);
      expect(header.transaction).toBe(decodeHi1Message(octets).header.transaction);
      return payload.kind === 'responses'
        ? payload.actions.map((each) => (each.action === 'ErrorInformation' ? each.ErrorCode : each.action))
        : payload;
    };
    expect(await answered('request1.xml')).toEqual(['CREATEResponse', 'CREATEResponse']);
    expect(await answered('request2.xml')).toEqual(['GETResponse', 'GETResponse']);
    expect(await answered('request3.xml')).toEqual(['CREATEResponse']);
    expect(await answered('response1.xml')).toMatchObject({ kind: 'error', error: { ErrorCode: 3007 } });
    if (!missingTool('xmllint')) expect(judged(given)).toBe('');
  });
});
