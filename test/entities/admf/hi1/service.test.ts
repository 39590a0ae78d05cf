/** Warrants over HI1 (TS 103 120): what agencies ask, what becomes of it, and what they are told. */
import { describe, expect, it, vi } from 'vitest';
import { decodeHi1Message, encodeHi1Message } from '../../../../src/wire/hi1/messages.ts';
import type { Hi1ObjectOf } from '../../../../src/wire/hi1/objects.ts';
import { KEYS_PROFILE } from '../../../../src/entities/admf/hi1/task-warrants.ts';
import { lemfTaskXid } from '../../../../src/wire/xk/lemf-task.ts';
import { HOUR, NOW } from '../support.ts';
import {
  active,
  at,
  authorisation,
  create,
  CUSTOMS,
  deliveredTo,
  etsi,
  get,
  judgeAnswers,
  list,
  objectOf,
  OFFICER,
  openHi1,
  POLICE,
  task,
  update,
  uuid,
} from './support.ts';

judgeAnswers();

const NEW = { path: '/li/authorisation/new' };
const CANCELLED = { AuthorisationDesiredStatus: etsi('AuthorisationDesiredStatus', 'Cancelled') };
const document = objectOf('DocumentObject', 9, {
  DocumentReference: 'W1',
  DocumentBody: { Contents: 'AAAA', ContentType: 'text/plain' },
});
const bare = (kind: string, number: number, members: object = {}) => objectOf(kind, number, { ...members });

describe('R-91: a warrant over HI1', () => {
  it('R-91: arrives, is approved by an officer, is carried out, is cancelled by the agency, and each step is notified', async () => {
    const lab = await openHi1();
    expect(await lab.outcomes(create(authorisation(1), task(2), document), NEW)).toEqual([
      'done',
      'done',
      'done',
    ]);
    await lab.settle();
    expect([await lab.statusOf(1), await lab.statusOf(2)]).toEqual(['AwaitingApproval', 'AwaitingApproval']);
    expect(lab.desk.find('LIID2')).toMatchObject({
      state: 'submitted',
      authors: ['HI1 police'],
      warrant: {
        targets: [{ name: 'sipUri', value: 'sip:alice@home1.example' }],
        delivery: 'IRI+CC',
        startTime: NOW,
        endTime: NOW + HOUR,
        lemf: { hi2: { host: 'lemf.example', port: 8002 }, hi3: { host: 'lemf.example', port: 8003 } },
      },
    });
    expect(lab.elements.cscf.table.tasks()).toHaveLength(0);

    await lab.desk.approve('LIID2', OFFICER);
    await lab.settle();
    expect([await lab.statusOf(1), await lab.statusOf(2)]).toEqual(['Approved', 'Active']);
    for (const { table } of Object.values(lab.elements)) expect(table.tasks()).toHaveLength(1);

    const path = '/li/authorisation/cancellation';
    expect(await lab.outcomes(update(bare('AuthorisationObject', 1, CANCELLED)), { path })).toEqual(['done']);
    await lab.settle(6000);
    expect([await lab.statusOf(1), await lab.statusOf(2)]).toEqual(['Cancelled', 'Cancelled']);
    for (const { table } of Object.values(lab.elements)) expect(table.tasks()).toHaveLength(0);
    expect(await lab.notices()).toEqual(
      expect.arrayContaining([
        `LITaskObject ${uuid(2)} is Active`,
        `AuthorisationObject ${uuid(1)} is Approved`,
        `LITaskObject ${uuid(2)} is Cancelled`,
        `AuthorisationObject ${uuid(1)} is Cancelled`,
      ]),
    );
    expect(await lab.outcomes(update(bare('LITaskObject', 2)))).toEqual([3012]);
  });

  it('R-91: objects come back as they came, unknown and national members included', async () => {
    const lab = await openHi1();
    const national = {
      ...{ namespace: 'http://uri.etsi.org/03120/common/2020/09/Authorisation', prefix: 'auth' },
      ...{ name: 'LaterMember', type: null, text: '', children: [] },
      attributes: [{ namespace: '', prefix: '', name: 'lang', value: 'de' }],
    };
    const { kind, identifier, members } = authorisation(1) as Hi1ObjectOf<'AuthorisationObject'>;
    const unknown = [{ after: 'AuthorisationTimespan', element: national }];
    await lab.ask(create({ kind, identifier, members, unknown }));
    // No schema has it, so this answer is not among those that xmllint judges.
    const asked = encodeHi1Message(lab.messageOf(get(1)));
    const answer = decodeHi1Message((await lab.running.service.answer(asked, '/', POLICE))!);
    expect(answer.payload).toMatchObject({
      actions: [{ object: { identifier, members: { ...members, Generation: '1' }, unknown } }],
    });
  });

  it('R-91: a request is carried out whole or not at all', async () => {
    const lab = await openHi1();
    const bad = task(3, { Reference: 'LIID3', DeliveryType: etsi('TaskDeliveryType', 'Everything') });
    expect(await lab.outcomes([...create(authorisation(1), task(2), bad), ...get(1)], { path: '/' })).toEqual(
      [3000, 3000, 3007, 3014],
    );
    await lab.settle();
    expect(await lab.outcomes(get(1, 2, 3))).toEqual([3014, 3014, 3014]);
    expect(lab.desk.list()).toEqual([]);
  });

  it("R-91: another agency's objects do not exist", async () => {
    const lab = await active();
    const agency = CUSTOMS;
    expect(
      await lab.outcomes([...get(1, 2), ...update(bare('AuthorisationObject', 1, CANCELLED))], { agency }),
    ).toEqual([3014, 3014, 3011]);
    expect(await lab.ask(list(), { agency })).toEqual([{ id: '0', action: 'LISTResponse', records: [] }]);
    expect(await lab.outcomes(create(task(5)), { agency })).toEqual([3016]);
    // The same identifier is free for others.
    expect(await lab.outcomes(create(authorisation(1)), { agency })).toEqual(['done']);
    await lab.settle();
    expect(await lab.statusOf(2)).toBe('Active');
  });

  it('R-91: a transaction is done once, and answered as before', async () => {
    const lab = await openHi1();
    const transaction = uuid(500);
    const first = await lab.exchange(create(authorisation(1), task(2)), { transaction });
    const again = await lab.running.service.answer(first.octets, '/', POLICE);
    expect(again).toEqual(first.answer);
    expect(await lab.outcomes(create(authorisation(3)), { transaction })).toEqual([3007]);
    expect(await lab.outcomes(get(3))).toEqual([3014]);
    await lab.settle();
    expect(lab.desk.list()).toHaveLength(1);
  });

  it('R-91: what cannot be stored is answered with 3003, and not done', async () => {
    const lab = await openHi1();
    const saving = vi.spyOn(lab.store.hi1, 'save').mockRejectedValueOnce(new Error('the disk is full'));
    const transaction = uuid(501);
    const asked = create(authorisation(1), task(2));
    expect(await lab.outcomes(asked, { transaction })).toEqual([3003]);
    await lab.settle();
    expect(await lab.outcomes(get(1, 2))).toEqual([3014, 3014]);
    expect(lab.desk.list()).toEqual([]);
    saving.mockRestore();
    // It is the agency's to send it again, under the same number.
    expect(await lab.outcomes(asked, { transaction })).toEqual(['done', 'done']);
  });

  it('R-91: an authorisation without tasks expires by time alone, and the agency is told', async () => {
    const lab = await openHi1();
    await lab.running.followUp.begin();
    await lab.ask(create(authorisation(1)));
    await lab.settle(HOUR - 120_000);
    expect(await lab.statusOf(1)).toBe('AwaitingApproval');
    await lab.settle(240_000);
    expect(await lab.statusOf(1)).toBe('Expired');
    expect(await lab.notices()).toEqual([`AuthorisationObject ${uuid(1)} is Expired`]);
    await lab.running.followUp.stop();
  });

  it('R-91: what was stored before a crash is worked off after it, once', async () => {
    const lab = await openHi1();
    await lab.running.followUp.stop();
    expect(await lab.outcomes(create(authorisation(1), task(2)))).toEqual(['done', 'done']);
    await lab.settle();
    expect(lab.desk.list()).toEqual([]);
    // Once more after the desk has entered it, and nobody has noted that.
    for (let turn = 0; turn < 2; turn += 1) {
      const [due] = await lab.store.hi1.tasksWith('LIID2');
      await lab.store.hi1.save([{ ...due!, task: { ...due!.task!, due: 'all' } }], null);
      const { followUp } = lab.start();
      await followUp.begin();
      await followUp.queue.ended();
      await lab.settle();
      await followUp.stop();
      expect(lab.desk.list()).toMatchObject([{ state: 'submitted', version: lab.desk.list()[0]!.version }]);
      expect(await lab.desk.history('LIID2')).toHaveLength(2);
    }
  });

  it('R-91: an extension waits for an officer, and its tasks end later', async () => {
    const lab = await active();
    const path = '/li/authorisation/extension';
    const until = (ms: number) =>
      bare('AuthorisationObject', 1, { AuthorisationTimespan: { EndTime: at(NOW + ms) } });
    expect(await lab.outcomes(update(until(HOUR / 2)), { path })).toEqual([3007]);
    expect(await lab.outcomes(update(until(2 * HOUR)), { path })).toEqual(['done']);
    await lab.settle();
    expect(lab.desk.find('LIID2')).toMatchObject({
      warrant: { endTime: NOW + HOUR },
      pending: { by: 'HI1 police' },
    });
    expect(await lab.outcomes(update(until(3 * HOUR)), { path })).toEqual([3006]);
    await lab.desk.approve('LIID2', OFFICER);
    await lab.settle();
    expect(lab.desk.find('LIID2')).toMatchObject({ state: 'active', warrant: { endTime: NOW + 2 * HOUR } });
  });

  it('R-91: delivery changes, a task is suspended, resumed and cancelled', async () => {
    const lab = await active();
    const details = [
      { DeliveryAddress: { kind: 'EndpointID', value: { CountryCode: 'XX', UniqueIdentifier: 'LEMF1' } } },
    ];
    const path = '/li/task/change-delivery';
    expect(
      await lab.outcomes(update(bare('LITaskObject', 2, { DeliveryDetails: details })), { path }),
    ).toEqual(['done']);
    await lab.settle();
    await lab.desk.approve('LIID2', OFFICER);
    await lab.settle();
    expect(lab.desk.find('LIID2')?.warrant.lemf.hi2).toEqual({ host: 'lemf2.example', port: 9002 });

    const wish = (value: string) =>
      update(bare('LITaskObject', 2, { DesiredStatus: etsi('TaskDesiredStatus', value) }));
    expect(await lab.outcomes(wish('Suspended'))).toEqual(['done']);
    await lab.settle(6000);
    expect([await lab.statusOf(1), await lab.statusOf(2)]).toEqual(['Suspended', 'Suspended']);
    expect(lab.elements.cscf.table.tasks()).toHaveLength(0);
    expect(await lab.outcomes(wish('Active'))).toEqual(['done']);
    await lab.settle();
    await lab.desk.approve('LIID2', OFFICER);
    await lab.settle();
    expect(await lab.statusOf(2)).toBe('Active');
    expect(await lab.outcomes(wish('Cancelled'), { path: '/li/task/cancellation' })).toEqual(['done']);
    await lab.settle(6000);
    expect(await lab.statusOf(2)).toBe('Cancelled');
  });

  it('R-14: a task has the LEMF that it delivers to ask the KMS itself, where that is agreed, and takes it back', async () => {
    const lab = await active();
    const change = async (details: object) => {
      const path = '/li/task/change-delivery';
      const asked = update(bare('LITaskObject', 2, { DeliveryDetails: [details] }));
      const outcomes = await lab.outcomes(asked, { path });
      await lab.settle();
      return outcomes;
    };
    expect(await change(deliveredTo('LEMF2', KEYS_PROFILE))).toEqual(['done']);
    expect(lab.desk.find('LIID2')?.warrant.xk).toBeUndefined();
    await lab.desk.approve('LIID2', OFFICER);
    await lab.settle();
    expect(lab.desk.find('LIID2')?.warrant.xk).toBe('lemf.police.example');
    const own = (): unknown => lab.elements.kms.table.task(lemfTaskXid('LIID2'));
    expect(own()).not.toBeNull();
    // Without the profile nobody may ask: that narrows, and is so at once.
    expect(await change(deliveredTo('LEMF2'))).toEqual(['done']);
    expect(lab.desk.find('LIID2')?.warrant.xk).toBeFalsy();
    expect(own()).toBeNull();
  });

  it('R-14: a LEMF whom the KMS does not let ask is refused in words, and the task stays as it was', async () => {
    const lab = await active();
    const details = [deliveredTo('LEMF3', KEYS_PROFILE)];
    await lab.ask(update(bare('LITaskObject', 2, { DeliveryDetails: details })));
    await lab.settle();
    await lab.desk.approve('LIID2', OFFICER);
    await lab.settle();
    expect(lab.desk.find('LIID2')).toMatchObject({
      state: 'active',
      warrant: { lemf: { hi2: { port: 8002 } } },
    });
    const history = await lab.desk.history('LIID2');
    expect(JSON.stringify(history)).toContain('lemf.stranger.example may not ask for keys here');
  });

  it('R-91: what is asked for while a warrant cannot take it yet is done when it can', async () => {
    const lab = await openHi1({ approval: 'two' });
    await lab.ask(
      create(authorisation(1), task(2, { DesiredStatus: etsi('TaskDesiredStatus', 'Suspended') })),
    );
    await lab.settle();
    // It is to be suspended before anybody has approved it.
    expect(lab.desk.find('LIID2')?.state).toBe('submitted');
    await lab.desk.approve('LIID2', OFFICER);
    await lab.settle();
    expect(lab.desk.find('LIID2')?.state).toMatch(/^suspend/);
    // It is resumed, and content left out, while it is being suspended.
    await lab.settle(6000);
    await lab.desk.resume('LIID2', OFFICER);
    await lab.desk.approve('LIID2', { by: 'bert', reason: 'ordered' });
    await lab.settle();
    await lab.desk.suspend('LIID2', OFFICER);
    await lab.settle();
    expect(lab.desk.find('LIID2')?.state).toBe('suspending');
    const wish = {
      DesiredStatus: etsi('TaskDesiredStatus', 'Active'),
      DeliveryType: etsi('TaskDeliveryType', 'IRIOnly'),
    };
    expect(await lab.outcomes(update(objectOf('LITaskObject', 2, wish)))).toEqual(['done']);
    await lab.settle();
    expect(lab.desk.find('LIID2')).toMatchObject({ state: 'suspending', pending: null });
    await lab.settle(6000);
    expect(lab.desk.find('LIID2')).toMatchObject({
      ...{ state: 'suspended', warrant: { delivery: 'IRI' } },
      pending: { by: 'HI1 police', change: { kind: 'resume' } },
    });
    await lab.desk.approve('LIID2', OFFICER);
    await lab.settle();
    expect(await lab.statusOf(2)).toBe('Active');
  });

  it('R-91: an emergency is carried out on one approval, and lapses without the second', async () => {
    const lab = await openHi1();
    const flags = { AuthorisationFlags: [etsi('AuthorisationFlag', 'IsEmergency')] };
    expect(await lab.outcomes(create(authorisation(1, flags), task(2)), NEW)).toEqual(['done', 'done']);
    await lab.settle();
    expect([await lab.statusOf(1), await lab.statusOf(2)]).toEqual(['EmergencyApproval', 'Active']);
    await lab.settle(HOUR / 2 + 6000);
    expect([await lab.statusOf(1), await lab.statusOf(2)]).toEqual(['Expired', 'Expired']);
    expect(lab.elements.cscf.table.tasks()).toHaveLength(0);
  });

  it('R-91: an officer rejects, time ends, and the agency is told', async () => {
    const lab = await openHi1();
    await lab.ask(create(authorisation(1), task(2), task(3)), NEW);
    await lab.settle();
    await lab.desk.reject('LIID2', OFFICER);
    await lab.desk.approve('LIID3', OFFICER);
    await lab.settle();
    expect([await lab.statusOf(1), await lab.statusOf(2), await lab.statusOf(3)]).toEqual([
      'Approved',
      'Rejected',
      'Active',
    ]);
    await lab.settle(HOUR + 6000);
    expect([await lab.statusOf(1), await lab.statusOf(3)]).toEqual(['Expired', 'Expired']);
    expect(await lab.outcomes(create(task(4)), { path: '/li/task/addition' })).toEqual([3017]);
  });
});
