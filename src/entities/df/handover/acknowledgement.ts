/**
 * Whether a LEMF has to acknowledge what it is sent (pDUAcknowledgement of TS 102 232-1), by destination:
 *
 *     required    agreed at the start of each connection, or nothing is sent
 *     preferred   agreed, or else as `off`
 *     off         not asked for
 *
 * Without it a PDU counts as delivered when the LEMF has answered a keep-alive that was sent after it: it has read it
 * then, and nobody knows whether it has stored it.
 */
export const ACKNOWLEDGEMENTS = ['required', 'preferred', 'off'] as const;

export type Acknowledgement = (typeof ACKNOWLEDGEMENTS)[number];

/** What holds for destinations of a host, or of one of its ports. */
export interface DestinationTerms {
  readonly host: string;
  /** Absent: all that have no row of their own. */
  readonly port?: number | undefined;
  readonly acknowledgement: Acknowledgement;
}

export interface AcknowledgementTerms {
  /** Where no row is. */
  readonly acknowledgement: Acknowledgement;
  readonly destinations: readonly DestinationTerms[];
}

/** What holds for one destination. */
export function acknowledgementOf(
  { acknowledgement, destinations }: AcknowledgementTerms,
  { host, port }: { readonly host: string; readonly port: number },
): Acknowledgement {
  const rows = destinations.filter((row) => row.host.toLowerCase() === host.toLowerCase());
  const own = rows.find((row) => row.port === port) ?? rows.find((row) => row.port === undefined);
  return own?.acknowledgement ?? acknowledgement;
}

/** A row that another one is about as well; `null`: there is none. */
export function repeatedTerms(rows: readonly DestinationTerms[]): DestinationTerms | null {
  const keys = rows.map(({ host, port }) => `${host.toLowerCase()} ${String(port)}`);
  return rows.find((_, at) => keys.indexOf(keys[at] ?? '') !== at) ?? null;
}
