import { fromUtf8, utf8 } from '../../../../src/bytes/octets.ts';
import { Secret } from '../../../../src/bytes/secret.ts';
import { EndpointError, PolicyRefusal } from '../../../../src/endpoint/errors.ts';
import type { ExchangeResult, KeyAgreement } from '../../../../src/endpoint/key-exchange.ts';
import { SRTP_SUITE } from '../../../../src/media/srtp/suites.ts';

/** A key exchange in clear words: what the calls do with messages is tested here, not the messages. */
export function agreementInWords(
  name: string,
  spoil: { message?: string; curve?: boolean; policy?: boolean } = {},
  hold: () => Promise<void> = () => Promise.resolve(),
): KeyAgreement {
  const key = (fill: number) => Secret.of(new Uint8Array(16).fill(fill));
  const result = (peer: string, i: number, r: number): ExchangeResult => ({
    peer,
    sas: 'same-same',
    isDeferred: false,
    sessions: [i, r].map((ssrc, at) => ({
      suite: SRTP_SUITE.aesCm128HmacSha1Tag80,
      masterKey: key(at),
      masterSalt: Secret.of(new Uint8Array(14).fill(at)),
      csId: at + 1,
      ssrc,
      mki: new Uint8Array(8).fill(at + 1),
      roc: 0,
    })),
    update: () => Promise.reject(new EndpointError('key-exchange', 'there are no updates')),
    answerUpdate: () => Promise.reject(new EndpointError('key-exchange', 'there are no updates')),
    settle: () => {},
    wipe: () => {},
  });
  const say = (...words: unknown[]) => {
    const [word] = words;
    return utf8(word === spoil.message ? 'spoilt' : words.join(' '));
  };
  const hear = (octets: Uint8Array, expected: string): string[] => {
    const [word, ...rest] = fromUtf8(octets).split(' ');
    if (word !== expected) throw new EndpointError('key-exchange', `${expected} does not verify`);
    return rest;
  };
  return {
    initiate: (_, [own = 0], curve) =>
      Promise.resolve({
        iMessage1: say('I1', own, name),
        answer: async (r1) => {
          if (spoil.curve === true && curve !== 8) throw new EndpointError('other-curve', 'on another curve');
          const [ssrc, peer = ''] = hear(r1, 'R1');
          await hold();
          return {
            iMessage2: say('I2'),
            confirm: async (r2) => {
              hear(r2, 'R2');
              await Promise.resolve();
              return result(peer, own, Number(ssrc));
            },
          };
        },
        refusal: (octets) =>
          fromUtf8(octets) === 'E 10' ? { csbId: 1, errorNo: 10, name: 'Invalid SPpar' } : null,
        close: () => {},
      }),
    respond: async (i1, [own = 0]) => {
      if (spoil.policy === true) throw new PolicyRefusal(utf8('E 10'), 10, 'Invalid SPpar');
      const [ssrc, peer = ''] = hear(i1, 'I1');
      await Promise.resolve();
      return {
        rMessage1: say('R1', own, name),
        confirm: async (i2) => {
          hear(i2, 'I2');
          await Promise.resolve();
          return { rMessage2: say('R2'), result: result(peer, Number(ssrc), own) };
        },
        close: () => {},
      };
    },
  };
}
