/**
 * Who a message says, within the trust domain, that its sender is (RFC 3325 section 9.1), and who else it names in
 * fields that are lists of addresses.
 *
 *     PAssertedID = "P-Asserted-Identity" HCOLON PAssertedID-value *(COMMA PAssertedID-value)
 *     PAssertedID-value = name-addr / addr-spec
 *
 * A value that cannot be read costs the others nothing: it is counted and left out, and reading goes on after
 * the next comma.
 */
import { SipError } from './errors.ts';
import { parseNameAddr } from './fields.ts';
import type { NameAddr } from './fields.ts';
import type { SipMessage } from './head-and-body.ts';
import { split } from './text.ts';

export const ASSERTED_IDENTITY = 'P-Asserted-Identity';

export interface ReadAddresses {
  readonly addresses: readonly NameAddr[];
  /** Values that could not be read. */
  readonly unreadable: number;
}

const NO_ADDRESSES: ReadAddresses = { addresses: [], unreadable: 0 };

/** What P-Asserted-Identity says. */
export function assertedIdentities(message: SipMessage): ReadAddresses {
  return readAddresses(message, ASSERTED_IDENTITY);
}

/** The values of a list of addresses over all its lines. */
export function readAddresses(message: SipMessage, field: string): ReadAddresses {
  const lines = message.all(field);
  if (lines.length === 0) return NO_ADDRESSES;
  const values = lines.flatMap((line) => valuesOf(line, field));
  const addresses = values.filter((value) => value !== null);
  return { addresses, unreadable: values.length - addresses.length };
}

function valuesOf(line: string, field: string): (NameAddr | null)[] {
  const read = (element: string): NameAddr | null => readOrNull(() => parseNameAddr(element, field));
  if (line === '') return [];
  return (readOrNull(() => split(line, ',')) ?? [line]).flatMap((element) => {
    const whole = read(element);
    if (whole !== null) return [whole];
    // Where a quote or bracket is not closed, any comma may end the value.
    const parts = element.split(',').map((part) => read(part.trim()));
    return [...parts.filter((part) => part !== null), null];
  });
}

function readOrNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof SipError) return null;
    throw error;
  }
}
