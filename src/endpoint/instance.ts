/**
 * What tells the devices of one user apart: a URN, which the device registers as its instance (RFC 5626 section 4.1). The
 * `gr` that the registrar makes of it (RFC 5627), the address of record with which is the device's public GRUU, is the one
 * of its device identity in MIKEY:
 *
 *     +sip.instance="<urn:uuid:f81d4fae-…>"      sip:bob@home2.example;gr=urn:uuid:f81d4fae-…
 */

/** The instance of a device identity; `null`: it has no `gr`, or one that is not of a URN. */
export function instanceIn(device: string): string | null {
  const gr = /;gr=([^;]*)$/.exec(device)?.[1];
  if (gr === undefined) return null;
  const urn = gr.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return /^urn:[A-Za-z0-9][A-Za-z0-9-]{1,31}:[!-~]+$/i.test(urn) && !/[<>"]/.test(urn) ? urn : null;
}
