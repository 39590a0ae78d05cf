/** Keys of streams out of what the KMS answers, and out of descriptions that show them (RFC 4568). */
import { ClavigerError } from '../../../bytes/errors.ts';
import { concat } from '../../../bytes/octets.ts';
import { Secret } from '../../../bytes/secret.ts';
import { decodeMessage } from '../../../mikey/message.ts';
import { suiteByName } from '../../../media/srtp/suites.ts';
import { seenDescription } from '../../../sip/descriptions.ts';
import { mediaProtection } from '../../../sip/media-protection.ts';
import { parseMessage } from '../../../sip/message.ts';
import { usableSdesKeys } from '../../../sip/sdes.ts';
import type { GetKeysAnswer, GetKeysRequest } from '../../../wire/xk/get-keys.ts';
import type { OpeningKey } from '../ports.ts';

/** Octets of the MKI in MIKEY-IBAKE: the SPI of the speaker's ECCPT. */
const MIKEY_MKI = 8;

/** Copies: whoever asked wipes the answer. */
export function answeredKeys(
  { rMessage1, updates }: GetKeysRequest,
  { cryptoSessions }: GetKeysAnswer,
): OpeningKey[] {
  const rocs = rolloverCounters(updates.at(-1)?.rMessage1 ?? rMessage1);
  return cryptoSessions.map(({ csId, ssrc, cipher, sessionKey, salt }) => ({
    ...{ csId, ssrc, cipher },
    keyAndSalt: Secret.of(concat(sessionKey.expose(), salt.expose())),
    roc: rocs.get(csId) ?? 0,
    mkiLength: MIKEY_MKI,
  }));
}

/** Of a SIP message; none where it cannot be read. */
export function shownKeys(sip: Uint8Array): OpeningKey[] {
  try {
    const description = seenDescription(parseMessage(sip));
    const lines = description === null ? [] : mediaProtection(description).flatMap(({ crypto }) => crypto);
    return lines.flatMap((line): OpeningKey[] => {
      const usable = usableSdesKeys(line, suiteByName);
      if (usable === null) return [];
      return usable.keys.map(({ keyAndSalt, mkiLength }) => ({
        ...{ csId: null, ssrc: null, cipher: usable.suite.name },
        ...{ keyAndSalt, roc: 0, mkiLength },
      }));
    });
  } catch (error) {
    if (error instanceof ClavigerError) return [];
    throw error;
  }
}

/** By crypto session, as the map says; a MIKEY message that the KMS has answered can be read. */
function rolloverCounters(rMessage1: Uint8Array): ReadonlyMap<number, number> {
  try {
    const { csIdMap } = decodeMessage(rMessage1).header;
    if (csIdMap.kind !== 'srtp-id') return new Map();
    return new Map(csIdMap.entries.map(({ roc }, at) => [at + 1, roc]));
  } catch (error) {
    if (error instanceof ClavigerError) return new Map();
    throw error;
  }
}
