/** What a pairing pool and its workers say to each other. */
import type { AffinePoint } from '../../../ibe/curve.ts';
import type { IbeErrorCode } from '../../../ibe/errors.ts';
import type { BfParameters } from '../../../ibe/parameters.ts';

/** A private key to be made with the master secret of that number. */
export interface PairingTask {
  readonly key: number;
  readonly id: Uint8Array;
}

/** To a worker. */
export type PairingOrder =
  /** A master secret for tasks to come; its octets are moved, not copied. */
  | {
      readonly kind: 'key';
      readonly key: number;
      readonly bf: BfParameters;
      readonly masterSecret: Uint8Array;
    }
  /** A master secret that is to be overwritten. */
  | { readonly kind: 'forget'; readonly key: number }
  | { readonly kind: 'task'; readonly number: number; readonly task: PairingTask }
  /** Overwrite what is secret, and end. */
  | { readonly kind: 'end' };

export type PairingResult =
  | { readonly kind: 'extracted'; readonly key: AffinePoint }
  | { readonly kind: 'failed'; readonly code: IbeErrorCode; readonly message: string };

/** From a worker. */
export interface PairingReply {
  readonly number: number;
  readonly result: PairingResult;
}
