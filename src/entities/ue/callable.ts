/** Whom a phone can call: SIP identities, and numbers that are known by one, since that is what keys are for. */
import { EndpointError } from '../../endpoint/errors.ts';
import { SipError } from '../../sip/errors.ts';
import { addressOfRecord, parseUri } from '../../sip/uri.ts';
import type { Uri } from '../../sip/uri.ts';

export interface Callable {
  /** Whether it calls by sips:, over TLS. */
  readonly secure: boolean;
  /** SIP identities by telephone number, as `addressOfRecord` has it. */
  readonly numbers: ReadonlyMap<string, string>;
}

/** Whom to call, as a SIP URI. @throws EndpointError `target` */
export function callable(target: string, { secure, numbers }: Callable): string {
  const uri = uriOfTarget(target);
  if (uri.kind === 'tel') {
    const identity = numbers.get(addressOfRecord(uri));
    if (identity !== undefined) return identity;
    throw new EndpointError(
      'target',
      'no SIP URI is known for this number: `numbers` in the settings has them',
    );
  }
  if (uri.kind !== 'sip') throw new EndpointError('target', 'not a SIP URI');
  if (uri.scheme === 'sips' && !secure)
    throw new EndpointError(
      'target',
      'sips: asks for TLS on every hop (RFC 5630), which this phone does not have',
    );
  return target;
}

/** As `callable`, of what others say: what cannot be called is passed over. */
export function callableOr(target: string, able: Callable): string[] {
  try {
    return [callable(target, able)];
  } catch (cause) {
    if (!(cause instanceof EndpointError)) throw cause;
    return [];
  }
}

/** @throws EndpointError `target` */
export function uriOfTarget(target: string): Uri {
  try {
    return parseUri(target);
  } catch (cause) {
    if (!(cause instanceof SipError)) throw cause;
    throw new EndpointError('target', 'not a SIP URI', { cause });
  }
}
