/** What the user equipment takes from outside besides clock, randomness and log; `servers/kms-client.ts` has HTTPS. */

export interface KmsClient {
  /**
   * DER of the IBESysParams that a district publishes at its URI (RFC 5408 section 4.1).
   * @throws UeError `kms`
   */
  fetchParameters(district: string): Promise<Uint8Array>;
  /**
   * One REQUEST_KEY exchange with the user's own KMS: MIKEY messages both ways.
   * @throws UeError `kms`
   */
  requestKeys(message: Uint8Array): Promise<Uint8Array>;
}
