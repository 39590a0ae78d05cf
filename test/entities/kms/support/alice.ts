/** Alice, as a subscriber of a KMS that is started from its configuration: what she asks for, and what is asked about her. */
import type { Clock, Random } from '../../../../src/bytes/ports.ts';
import type { InterceptTask } from '../../../../src/wire/x1/details.ts';
import type { Vector } from '../../../ibake/support/vectors.ts';
import { exampleFile } from '../../../support/shared.ts';
import { requestOf } from '../get-keys/support/questions.ts';
import { request } from './client.ts';
import { exampleHome } from './home.ts';

export const { district: DISTRICT } = exampleHome();
export const ALICE = exampleHome().user.uri;
/** Of her one device, in hex. */
export const PSK = '0f'.repeat(32);

export const question = requestOf(exampleFile('exchange-1.json') as Vector, 'initiator');

/** A task for her, an hour long; one minute of it is over. @param now Unix milliseconds */
export function taskAt(now: number): InterceptTask {
  const [startTime, endTime] = [Math.floor(now) - 60_000, Math.floor(now) + 3_600_000];
  return {
    xid: question.xid,
    targets: [{ name: 'sipUri', value: ALICE }],
    deliveryType: 'X2Only',
    dids: [],
    mediation: [{ liid: 'LIID1', deliveryType: 'HI2Only', startTime, endTime, dids: [] }],
  };
}

/** A REQUEST_KEY of hers. */
export function keyRequest({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
  const options = {
    psk: new Uint8Array(Buffer.from(PSK, 'hex')),
    uris: [ALICE],
    district: DISTRICT,
    time: clock.now() / 1000,
    rand: Buffer.from(random.bytes(16)).toString('hex'),
  };
  return { options, octets: request(options) };
}
