/** A KMS with two subscribers, alice with one device and carol with two, and what a device of alice asks. */
import { exampleHome, home, psk } from './home.ts';
import { open, request, type RequestOptions } from './client.ts';

export type Kms = Awaited<ReturnType<typeof home>>;

export async function homeWithSubscribers(): Promise<Kms> {
  const kms = await home();
  const alice = exampleHome().user.uri;
  await kms.enrol({
    id: 'alice',
    publicIdentities: [alice],
    aliases: ['tel:+15551001'],
    devices: [{ credential: 'alice-1', psk: psk(1), identity: alice }],
  });
  await kms.enrol({
    id: 'carol',
    publicIdentities: ['sip:carol@home1.example'],
    aliases: [],
    devices: [
      { credential: 'carol-phone', psk: psk(2), identity: 'sip:carol@home1.example;gr=phone' },
      { credential: 'carol-tablet', psk: psk(3), identity: 'sip:carol@home1.example;gr=tablet' },
    ],
  });
  return kms;
}

let nonce = 0;

/** A request of alice's device, unless `options` say otherwise; no two are alike. */
export function asked(kms: Kms, options: Partial<RequestOptions> = {}): RequestOptions {
  const { district, user } = exampleHome();
  return {
    psk: psk(1).expose(),
    uris: [user.uri],
    district,
    time: kms.clock.now() / 1000,
    rand: (++nonce).toString(16).padStart(32, '0'),
    ...options,
  };
}

/** What the answer to a request holds. */
export async function keysFor(kms: Kms, options: RequestOptions) {
  return open(await kms.requestKey.answer(request(options)), options);
}
