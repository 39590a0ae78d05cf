/** The set of content that is left with a mailbox, and delivered (RFC 6267 section 3.3, profile section 3). */
import { toHex } from '../../src/bytes/octets.ts';
import { keyedStream } from '../../src/endpoint/csb-updates.ts';
import { readIMessage2 } from '../../src/ibake/messages.ts';
import type { CryptoSession } from '../../src/ibake/session-keys.ts';
import { encodeRtp } from '../../src/media/rtp.ts';
import { sessionKeys } from '../../src/media/srtp/kdf.ts';
import { SrtpSender } from '../../src/media/srtp/stream.ts';
import { asked, headOf, kmsOf, refused, withQuestions } from './call-sets.ts';
import { exchange } from './exchange.ts';
import type { DeferredForm, ExchangeForm } from './form.ts';
import { unconfirmed, whole } from './questions.ts';
import type { Suite } from './sets.ts';
import { homeForm, World } from './world.ts';
import { cryptoSessionForm, secretKeyForm } from './written.ts';

const ALICE = 'sip:alice@home1.example;gr=urn:uuid:a3b2c1d0-7dec-11d0-a765-00a0c91e6bf6';
const BOB = 'sip:bob@home2.example';
const MAILBOX = 'sip:mailbox@home2.example';
const PACKETS = 3;

/** Alice leaves content for bob with his mailbox, which hands on three of the messages and the packets as they came. */
export async function deferredSet(seed: string, { curve, prfFunc, policy }: Suite): Promise<ExchangeForm> {
  const world = new World(seed, 'deferred');
  const [alice, mailbox] = [
    world.party('alice', 'initiator', ALICE),
    world.party('mailbox', 'mailbox', MAILBOX),
  ];
  const made = exchange(world, {
    from: alice,
    callee: BOB,
    media: [{ ssrc: world.ssrc(), policy }],
    ...{ curve, prfFunc },
    by: [{ party: mailbox, ssrcs: [world.ssrc()] }],
    policy: { acceptMailbox: (responder) => responder === MAILBOX },
  });
  const [leg] = made.legs;
  const content = leg?.leg.contentSessions() ?? null;
  const sk = leg?.leg.deferredKey ?? null;
  const iMessage2 = readIMessage2(leg?.iMessage2 ?? new Uint8Array());
  if (leg === undefined || content === null || sk === null || iMessage2.esk === null)
    throw new Error('no ESK');
  const time = made.iMessage1.t.seconds;
  const home = mailbox.home;
  const set = {
    ...headOf('deferred', seed, made, { i: ALICE, r: BOB, mailbox: MAILBOX }),
    kms: {
      ...kmsOf(made, alice, { mailbox: [mailbox] }),
      recipient: homeForm(home, [{ uri: BOB, seed: false }], time),
    },
    recoverableSK: secretKeyForm(alice, iMessage2, iMessage2.esk, leg.sessions.initiator.csb),
    deferred: {
      sk: toHex(sk.expose()),
      inPlaceOfTgk: toHex(sk.expose().slice(0, prfFunc === 1 ? 32 : 20)),
      cryptoSessions: content.map(cryptoSessionForm),
      packets: content.flatMap((session) => packetsOf(world, session)),
    },
  };
  const questions = [whole(), unconfirmed()].flatMap((question) => [
    asked('sender', 'initiator', ALICE, question),
    asked('recipient', 'recipient', BOB, question),
  ]);
  return withQuestions(
    set,
    [...questions, asked('mailbox', 'mailbox', MAILBOX, whole())],
    [
      refused(
        'somebody else at the recipient’s KMS',
        'recipient',
        'sip:carol@home2.example',
        whole(),
        'target-not-party',
      ),
    ],
  );
}

/** RTP and SRTP of the first packets of a stream; the second has a marker. */
function packetsOf(world: World, session: CryptoSession): DeferredForm['packets'][number][] {
  const stream = keyedStream(session);
  const sender = new SrtpSender(stream);
  const { encryption, authentication, salt } = sessionKeys(stream, 'rtp');
  const isGcm = session.policy.saltOctets === 12;
  const keys = { ke: toHex(encryption), ...(isGcm ? {} : { ka: toHex(authentication) }), ks: toHex(salt) };
  const [first, start] = [world.ssrc() % 60_000, world.ssrc()];
  return Array.from({ length: PACKETS }, (_, at) => {
    const payload = world.octets(20 + 7 * at);
    const rtp = encodeRtp({
      ...{ marker: at === 1, payloadType: 8, sequenceNumber: first + at, ssrc: session.ssrc },
      ...{ timestamp: (start + 160 * at) % 2 ** 32, csrc: [], extension: null, payload },
    });
    const srtp = toHex(sender.protect(rtp.slice()));
    return { csId: session.csId, roc: 0, rtp: toHex(rtp), payload: toHex(payload), sessionKeys: keys, srtp };
  });
}
