/** What the user equipment takes from outside besides clock, randomness and log; `endpoint/kms-client.ts` has HTTPS. */

import type { PublishedParameters } from '../wire/pps/publication.ts';

export interface KmsClient {
  /**
   * What is published at a district's URI, or at that of a successor (RFC 5408 section 4.1).
   * @throws EndpointError `kms`
   */
  fetchParameters(uri: string): Promise<ParametersAnswer>;
  /**
   * One REQUEST_KEY exchange with the user's own KMS: MIKEY messages both ways.
   * @throws EndpointError `kms`
   */
  requestKeys(message: Uint8Array): Promise<KmsAnswer>;
}

/** A KMS has too much to do, or this user or address asks too often: another request after so many milliseconds. */
interface LaterAnswer {
  readonly kind: 'later';
  readonly afterMs: number;
}

export type ParametersAnswer =
  { readonly kind: 'parameters'; readonly parameters: PublishedParameters } | LaterAnswer;

export type KmsAnswer =
  | {
      readonly kind: 'answer';
      readonly octets: Uint8Array;
      /** The KMS's time (Unix milliseconds, whole seconds), by the Date of its answer; `null`: it does not say. */
      readonly date?: number | null;
    }
  | LaterAnswer;
