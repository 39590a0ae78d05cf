/** what phones of others do, as they do it, through a CSCF with real sockets. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Home } from './network.ts';
import { Network } from './network.ts';
import { RawPhone, routesOf } from './raw-phone.ts';

let network: Network;
let home: Home;
const phones: RawPhone[] = [];

async function phone(user: string): Promise<RawPhone> {
  const made = await RawPhone.connect(user, home.ports.TCP);
  phones.push(made);
  return made;
}

/** alice and carol, registered over TCP under contacts with the port that nothing listens on. */
async function registered(): Promise<{ alice: RawPhone; carol: RawPhone }> {
  const [alice, carol] = await Promise.all([phone('alice'), phone('carol')]);
  await alice.register('home1.example', '<sip:alice@127.0.0.1:5099;transport=tcp>');
  await carol.register('home1.example', '<sip:carol@127.0.0.1:5098;transport=tcp>');
  return { alice, carol };
}

const FROM_ALICE = ['From: <sip:alice@home1.example>;tag=a', 'Call-ID: c1'];
const TO_CAROL = 'To: <sip:carol@home1.example>';

beforeEach(async () => {
  network = new Network();
  home = await network.home('home1.example', ['alice', 'carol'], { media: false });
});

afterEach(async () => {
  for (const each of phones.splice(0)) each.close();
  await network.close();
});

describe('R-81: phones of others', () => {
  it('a phone over TCP whose Contact in the dialog has the port that it connects from gets ACK and BYE', async () => {
    const { alice, carol } = await registered();
    const contactOfAlice = `Contact: <sip:alice@127.0.0.1:${alice.port};transport=tcp>`;
    alice.request('INVITE', 'sip:carol@home1.example', [...FROM_ALICE, TO_CAROL, contactOfAlice]);
    const invite = await carol.next(/^INVITE/);
    const contactOfCarol = `sip:carol@127.0.0.1:${carol.port};transport=tcp`;
    carol.answer(invite, '200 OK', [`Contact: <${contactOfCarol}>`]);
    const accepted = await alice.next(/^SIP\/2\.0 200/);
    const dialog = [...FROM_ALICE, `${TO_CAROL};tag=carol`, ...routesOf(accepted, true)];
    alice.send([
      `ACK ${contactOfCarol} SIP/2.0`,
      `Via: SIP/2.0/TCP 127.0.0.1:${alice.port};branch=z9hG4bKack`,
      'Max-Forwards: 70',
      'CSeq: 1 ACK',
      ...dialog,
    ]);
    expect(await carol.next(/^ACK/)).toContain(contactOfCarol);
    carol.request('BYE', `sip:alice@127.0.0.1:${alice.port};transport=tcp`, [
      `From: <sip:carol@home1.example>;tag=carol`,
      'To: <sip:alice@home1.example>;tag=a',
      'Call-ID: c1',
      ...routesOf(invite, false),
    ]);
    alice.answer(await alice.next(/^BYE/), '200 OK');
    await carol.next(/^SIP\/2\.0 200[^]*BYE/);
    expect(home.cscf.calls).toBe(0);
  });

  it('of two phones of one subscriber over TCP, the one that spoke in the dialog gets BYE', async () => {
    const { alice, carol } = await registered();
    const other = await phone('alice');
    await other.register('home1.example', '<sip:alice@192.0.2.9;transport=tcp>', 'register-other');
    const contactOfAlice = `Contact: <sip:alice@127.0.0.1:${alice.port};transport=tcp>`;
    alice.request('INVITE', 'sip:carol@home1.example', [...FROM_ALICE, TO_CAROL, contactOfAlice]);
    const invite = await carol.next(/^INVITE/);
    carol.answer(invite, '200 OK', [`Contact: <sip:carol@127.0.0.1:${carol.port};transport=tcp>`]);
    await alice.next(/^SIP\/2\.0 200/);
    carol.request('BYE', `sip:alice@127.0.0.1:${alice.port};transport=tcp`, [
      `From: <sip:carol@home1.example>;tag=carol`,
      'To: <sip:alice@home1.example>;tag=a',
      'Call-ID: c1',
      ...routesOf(invite, false),
    ]);
    alice.answer(await alice.next(/^BYE/), '200 OK');
    await carol.next(/^SIP\/2\.0 200[^]*BYE/);
  });

  it('a preloaded Route with the address of the CSCF is its own; one with another port is not', async () => {
    const { alice, carol } = await registered();
    const route = (port: number): string => `Route: <sip:127.0.0.1:${port};transport=tcp;lr>`;
    alice.request('MESSAGE', 'sip:carol@home1.example', [...FROM_ALICE, TO_CAROL, route(home.ports.TCP)]);
    const message = await carol.next(/^MESSAGE/);
    expect(message).not.toMatch(/^Route:/m);
    carol.answer(message, '200 OK');
    await alice.next(/^SIP\/2\.0 200[^]*MESSAGE/);
    alice.request('MESSAGE', 'sip:carol@home1.example', [
      ...FROM_ALICE,
      TO_CAROL,
      route(home.ports.TCP === 9 ? 10 : 9),
    ]);
    await alice.next(/^SIP\/2\.0 404/);
  });

  it('one challenge at a time: a phone that gives up on an algorithm that it does not know gets in', async () => {
    const alice = await phone('alice');
    const aor = 'sip:alice@home1.example';
    const fields = [`From: <${aor}>;tag=r`, `To: <${aor}>`, 'Call-ID: r'];
    alice.request('REGISTER', 'sip:home1.example', [...fields, 'Contact: <sip:alice@127.0.0.1:5099>']);
    const refused = await alice.next(/^SIP\/2\.0 401/);
    expect(refused.match(/^WWW-Authenticate:.*$/gim)).toEqual([expect.stringContaining('algorithm=MD5')]);
  });

  it('SUBSCRIBE is record-routed, and the NOTIFYs of its dialog pass and are reported', async () => {
    const { alice, carol } = await registered();
    home.interception.add('sip:alice@home1.example');
    const event = ['Event: presence', `Contact: <sip:alice@127.0.0.1:5099;transport=tcp>`];
    alice.request('SUBSCRIBE', 'sip:carol@home1.example', [...FROM_ALICE, TO_CAROL, ...event]);
    const subscribe = await carol.next(/^SUBSCRIBE/);
    expect(routesOf(subscribe, false)).toHaveLength(1);
    carol.answer(subscribe, '200 OK', ['Expires: 600', 'Contact: <sip:carol@127.0.0.1:5098;transport=tcp>']);
    await alice.next(/^SIP\/2\.0 200[^]*SUBSCRIBE/);
    for (const state of ['active', 'terminated;reason=timeout']) {
      carol.request('NOTIFY', 'sip:alice@127.0.0.1:5099;transport=tcp', [
        'From: <sip:carol@home1.example>;tag=carol',
        'To: <sip:alice@home1.example>;tag=a',
        'Call-ID: c1',
        'Event: presence',
        `Subscription-State: ${state}`,
        ...routesOf(subscribe, false),
      ]);
      alice.answer(await alice.next(/^NOTIFY/), '200 OK');
      await carol.next(/^SIP\/2\.0 200[^]*NOTIFY/);
    }
    expect(home.interception.trace().filter((line) => line.endsWith('NOTIFY'))).toEqual([
      '< NOTIFY',
      '> 200 NOTIFY',
      '< NOTIFY',
      '> 200 NOTIFY',
    ]);
    expect(home.cscf.calls).toBe(0);
  });

  it.each(['SUBSCRIBE', 'PUBLISH'])(
    '%s to one’s own address is answered and does not bounce',
    async (method) => {
      const { alice } = await registered();
      alice.request(method, 'sip:alice@home1.example', [
        ...FROM_ALICE,
        'To: <sip:alice@home1.example>',
        'Event: presence',
        'Contact: <sip:alice@127.0.0.1:5099;transport=tcp>',
      ]);
      await alice.next(/^SIP\/2\.0 489/);
      expect(alice.received).toEqual([]);
    },
  );

  it('an ACK to a GRUU is translated to the contact like a BYE', async () => {
    const [alice, carol] = await Promise.all([phone('alice'), phone('carol')]);
    await alice.register('home1.example', '<sip:alice@127.0.0.1:5099;transport=tcp>');
    const contact = 'sip:carol@127.0.0.1:5098;transport=tcp';
    await carol.register('home1.example', `<${contact}>;+sip.instance="<urn:uuid:1>"`);
    const gruu = 'sip:carol@home1.example;gr=urn:uuid:1';
    alice.request('INVITE', gruu, [
      ...FROM_ALICE,
      TO_CAROL,
      'Contact: <sip:alice@127.0.0.1:5099;transport=tcp>',
    ]);
    carol.answer(await carol.next(/^INVITE/), '200 OK', [`Contact: <${gruu}>`]);
    const accepted = await alice.next(/^SIP\/2\.0 200/);
    alice.send([
      `ACK ${gruu} SIP/2.0`,
      `Via: SIP/2.0/TCP 127.0.0.1:${alice.port};branch=z9hG4bKack`,
      'Max-Forwards: 70',
      'CSeq: 1 ACK',
      ...FROM_ALICE,
      `${TO_CAROL};tag=carol`,
      ...routesOf(accepted, true),
    ]);
    expect(await carol.next(/^ACK/)).toMatch(new RegExp(`^ACK ${contact.replace(/\./g, '\\.')} SIP`));
  });

  it('OPTIONS to the node is answered to anybody, by name and by address', async () => {
    const stranger = await phone('stranger');
    for (const uri of ['sip:cscf.home1.example', `sip:127.0.0.1:${home.ports.TCP}`]) {
      stranger.request('OPTIONS', uri, [
        'From: <sip:x@elsewhere.example>;tag=x',
        `To: <${uri}>`,
        'Call-ID: o',
      ]);
      await stranger.next(/^SIP\/2\.0 200[^]*OPTIONS/);
    }
  });

  it('sips: is refused rather than carried in the clear: as a target and as a contact', async () => {
    const { alice } = await registered();
    alice.request('INVITE', 'sips:carol@home1.example', [
      ...FROM_ALICE,
      TO_CAROL,
      'Contact: <sip:alice@127.0.0.1:5099;transport=tcp>',
    ]);
    await alice.next(/^SIP\/2\.0 416/);
    await expect(
      alice.register('home1.example', '<sips:alice@127.0.0.1:5099;transport=tcp>', 'again'),
    ).rejects.toThrow(/SIP\/2\.0 400/);
  });
});
