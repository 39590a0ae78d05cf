/**
 * How large PDUs may be. What is sent stays below what is taken: a PDU that the receiver cannot cut out of the stream
 * ends the connection, and all that waits behind it waits on.
 *
 *                      sent        taken (`Deframer`)
 *     header       60 KiB       <  64 KiB
 *     payload   1,000 KiB       <   1 MiB, which an HI2 or HI3 PDU has room for (`wire/hi`)
 */

/** Octets at most. */
export interface X2X3Sizes {
  /** Of the header with its attributes. */
  readonly header: number;
  readonly payload: number;
}

export const X2X3_TAKEN: X2X3Sizes = { header: 64 << 10, payload: 1 << 20 };

export const X2X3_SENT: X2X3Sizes = { header: 60 << 10, payload: 1_000 << 10 };
