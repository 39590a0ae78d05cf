/** The Reason header field (RFC 3326): why a request ends or gives up a call, as far as it says so by a status of SIP. */
import { SipError } from './errors.ts';
import type { SipMessage } from './head-and-body.ts';
import { decimal, paramOf, parseParams, split } from './text.ts';

/** `SIP;cause=503` */
export function formatReason(cause: number): string {
  return `SIP;cause=${cause}`;
}

/** The status of SIP that a message names as its reason; `null`: it names none, or none that can be read. */
export function reasonIn(message: Pick<SipMessage, 'all'>): number | null {
  for (const field of message.all('Reason')) {
    try {
      const cause = split(field, ',')
        .map(causeOf)
        .find((each) => each !== null);
      if (cause !== undefined) return cause;
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
    }
  }
  return null;
}

/** @throws SipError `syntax` */
function causeOf(value: string): number | null {
  const [protocol = '', ...params] = split(value, ';');
  if (protocol.trim().toUpperCase() !== 'SIP') return null;
  const cause = decimal(paramOf(parseParams(params.join(';'), 'Reason'), 'cause') ?? '', 700);
  return cause !== null && cause >= 300 ? cause : null;
}
