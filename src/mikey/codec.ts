/**
 * What a payload codec is. Every payload but SIGN begins with the next-payload octet; it belongs to the chain, so codecs
 * read and write what follows it.
 */
import type { Reader } from '../bytes/reader.ts';
import type { Writer } from '../bytes/writer.ts';

export interface PayloadCodec<P extends { readonly kind: string }> {
  /** Value of the next-payload field that announces it. */
  readonly type: number;
  readonly kind: P['kind'];
  /** SIGN alone: no next-payload octet, and nothing follows. */
  readonly endsChain?: true;
  /** The payload; `null` where an unregistered algorithm leaves its extent unknown. Broken ones throw. */
  decode(reader: Reader): P | null;
  encode(writer: Writer, payload: P): void;
}
