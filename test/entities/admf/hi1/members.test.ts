/** Members of objects of HI1 (TS 103 120) and what becomes of each; statuses that a warrant comes to on its way. */
import { describe, expect, it } from 'vitest';
import { HI1_CORE, HI1_TASK } from '../../../../src/wire/hi1/names.ts';
import { HOUR, NOW, warrant } from '../support.ts';
import {
  active,
  at,
  authorisation,
  create,
  etsi,
  judgeAnswers,
  list,
  objectOf,
  OFFICER,
  openHi1,
  task,
  update,
  uuid,
} from './support.ts';

type Members = Readonly<Record<string, unknown>>;

judgeAnswers();

const element = (namespace: string, name: string, text = '') => ({
  ...{ namespace, prefix: '', name, type: null, text },
  children: [],
});

const foreign = (type: string) => ({
  kind: 'other' as const,
  identifier: uuid(9),
  element: {
    ...element(HI1_CORE, 'HI1Object'),
    type: { namespace: HI1_TASK, name: type },
    children: [element(HI1_CORE, 'ObjectIdentifier', uuid(9))],
  },
});

describe('R-91: an object', () => {
  it.each(['LDTaskObject', 'PrivateLDTaskObject', 'DeliveryObject', 'TrafficPolicyObject'])(
    'R-91: %s, of a type that is not here is refused with 3001',
    async (type) => {
      const lab = await openHi1();
      expect(await lab.outcomes(create(foreign(type)))).toEqual([3001]);
      expect(await lab.outcomes(update(foreign(type)))).toEqual([3011]);
    },
  );
});

describe('R-91: a task', () => {
  const destination = (address: string, IRIorCC: string) => ({
    DeliveryAddress: { kind: 'FQDN', value: address },
    IRIorCC: etsi('IRIorCC', IRIorCC),
  });

  it('R-91: goes to one destination for IRI and another for content', async () => {
    const lab = await openHi1();
    const details = [destination('iri.example:7001', 'IRI'), destination('cc.example:7002', 'CC')];
    expect(await lab.outcomes(create(authorisation(1), task(2, { DeliveryDetails: details })))).toEqual([
      'done',
      'done',
    ]);
    await lab.settle();
    expect(lab.desk.find('LIID2')?.warrant.lemf).toEqual({
      hi2: { host: 'iri.example', port: 7001 },
      hi3: { host: 'cc.example', port: 7002 },
    });
    const twice = [...details, destination('more.example:7003', 'CC')];
    expect(await lab.outcomes(create(task(3, { DeliveryDetails: twice })))).toEqual([3007]);
    expect(await lab.outcomes(create(task(3, { DeliveryDetails: details.slice(0, 1) })))).toEqual([3005]);
    expect(await lab.outcomes(create(task(3, { DeliveryDetails: details.slice(1) })))).toEqual([3005]);
  });

  it('R-91: with a profile, encryption or parameters of a country is refused', async () => {
    const lab = await active();
    const national = (name: string) => ({
      ...element(HI1_TASK, name),
      type: { namespace: 'urn:nat', name: 'Parameters' },
      children: [element(HI1_TASK, 'CountryCode', 'XX')],
    });
    for (const more of [
      { DeliveryProfile: etsi('DeliveryProfile', 'Fast') },
      { EncryptionDetails: national('EncryptionDetails') },
      { NationalDeliveryParameters: national('NationalDeliveryParameters') },
    ]) {
      const details = [{ DeliveryAddress: { kind: 'FQDN', value: 'lemf.example' }, ...more }];
      expect(await lab.outcomes(create(task(3, { DeliveryDetails: details })))).toEqual([3001]);
    }
  });

  it('R-91: a task with the flag is an emergency', async () => {
    const lab = await openHi1();
    const flagged = task(2, { Flags: [etsi('TaskFlag', 'IsEmergency')] });
    await lab.ask(create(authorisation(1), flagged, task(3)));
    await lab.settle();
    expect([await lab.statusOf(1), await lab.statusOf(2), await lab.statusOf(3)]).toEqual([
      'EmergencyApproval',
      'Active',
      'AwaitingApproval',
    ]);
  });

  it.each([
    ['AuthorisationApprovalDetails', (details: Members) => [authorisation(1, details), task(2)]],
    ['ApprovalDetails', (details: Members) => [authorisation(1), task(2, details)]],
  ])('R-91: %s: an approval in an emergency is one', async (member, of) => {
    const lab = await openHi1();
    await lab.ask(create(...of({ [member]: [{ ApprovalReason: 'danger', ApprovalIsEmergency: true }] })));
    await lab.settle();
    expect([await lab.statusOf(1), await lab.statusOf(2)]).toEqual(['EmergencyApproval', 'Active']);
  });

  it('R-91: waits for its start, and then for elements', async () => {
    const lab = await openHi1();
    await lab.ask(create(authorisation(1), task(2, { Timespan: { StartTime: at(NOW + 60_000) } })));
    await lab.settle();
    await lab.desk.approve('LIID2', OFFICER);
    await lab.settle();
    expect([await lab.statusOf(1), await lab.statusOf(2)]).toEqual(['Approved', 'AwaitingProvisioning']);
    lab.elements.cscf.fault = 'lost-request';
    await lab.settle(60_000);
    expect(lab.desk.find('LIID2')?.state).toBe('provisioning');
    expect(await lab.statusOf(2)).toBe('AwaitingProvisioning');
    lab.elements.cscf.fault = null;
    await lab.settle(60_000);
    expect(await lab.statusOf(2)).toBe('Active');
  });

  it('R-91: is in Error where an element refuses it', async () => {
    const lab = await openHi1();
    lab.elements.gateway.fault = 'refuse';
    await lab.ask(create(authorisation(1), task(2)));
    await lab.settle();
    await lab.desk.approve('LIID2', OFFICER);
    await lab.settle(6000);
    expect(await lab.statusOf(2)).toBe('Error');
    expect(await lab.notices()).toContain(`LITaskObject ${uuid(2)} is Error`);
    for (const { table } of Object.values(lab.elements)) expect(table.tasks()).toHaveLength(0);
  });

  it('R-91: is Invalid, and says why, where the desk cannot take it any more', async () => {
    const lab = await openHi1();
    await lab.running.followUp.stop();
    expect(await lab.outcomes(create(authorisation(1), task(2)))).toEqual(['done', 'done']);
    // An officer has taken the LIID meanwhile.
    await lab.desk.enter({ ...warrant, liid: 'LIID2', endTime: NOW + HOUR }, OFFICER);
    const { followUp } = lab.start();
    await followUp.begin();
    await followUp.queue.ended();
    await lab.settle();
    expect(await lab.statusOf(2)).toBe('Invalid');
    expect(await lab.object(2)).toMatchObject({
      InvalidReason: { ErrorCode: 3000, ErrorDescription: expect.stringContaining('LIID2') as string },
    });
    await followUp.stop();
  });
});

describe('R-91: a notification', () => {
  it('R-91: that was read is marked so, and nothing else of it changes', async () => {
    const lab = await active();
    const [listed] = await lab.ask(list('Notification'));
    const [first] = listed?.action === 'LISTResponse' ? listed.records : [];
    const change = (members: object) =>
      lab.outcomes(
        update({ ...objectOf('NotificationObject', 0, { ...members }), identifier: first!.identifier }),
      );
    expect(await change({ NotificationDetails: 'nothing has happened' })).toEqual([3006]);
    expect(await change({ NewNotification: false })).toEqual(['done']);
    const [read] = await lab.ask([{ action: 'GET', identifier: first!.identifier }]);
    expect(read).toMatchObject({
      object: {
        members: {
          NewNotification: false,
          NotificationType: { Value: 'StatusChange' },
          NotificationDetails: expect.stringContaining(' is ') as string,
        },
      },
    });
  });
});
