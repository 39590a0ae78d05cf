/** What a pairing pool and its workers say to each other. */
import type { AffinePoint } from '../ibe/curve.ts';
import type { BfCiphertext } from '../ibe/blocks.ts';
import type { IbeErrorCode } from '../ibe/errors.ts';
import type { BfParameters } from '../ibe/parameters.ts';

/** One operation with a master secret. */
export type PairingTask =
  | {
      readonly kind: 'decrypt-with-master';
      readonly params: BfParameters;
      readonly masterSecret: bigint;
      readonly id: Uint8Array;
      readonly ciphertext: BfCiphertext;
    }
  | {
      readonly kind: 'extract';
      readonly params: BfParameters;
      readonly masterSecret: bigint;
      readonly id: Uint8Array;
    };

export interface PairingRequest {
  readonly number: number;
  readonly task: PairingTask;
}

export type PairingResult =
  | { readonly kind: 'opened'; readonly message: Uint8Array | null }
  | { readonly kind: 'extracted'; readonly key: AffinePoint }
  | { readonly kind: 'failed'; readonly code: IbeErrorCode; readonly message: string };

export interface PairingReply {
  readonly number: number;
  readonly result: PairingResult;
}
