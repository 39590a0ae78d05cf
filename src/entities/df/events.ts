/** What happens in the DF, for whoever watches a laboratory run. No event holds keys or content. */

export type DfEvent =
  /** A PDU was taken in (copies are not). `summary`: start line of a SIP message, else empty. */
  | {
      readonly type: 'received';
      readonly at: number;
      readonly reference: 'x2' | 'x3';
      readonly xid: string;
      /** NFID of the point of interception. */
      readonly from: string;
      readonly octets: number;
      readonly summary: string;
    }
  /** A question went to the KMS. */
  | { readonly type: 'asked'; readonly at: number; readonly xid: string; readonly target: string }
  /** The KMS gave keys. */
  | {
      readonly type: 'keys';
      readonly at: number;
      readonly xid: string;
      readonly verified: boolean;
      readonly cryptoSessions: number;
    }
  /** The KMS gave a failure indication, or no answer (`no-answer`). */
  | { readonly type: 'no-keys'; readonly at: number; readonly xid: string; readonly reason: string }
  /** A record went into the outbox. */
  | {
      readonly type: 'record';
      readonly at: number;
      readonly kind: string;
      readonly liid: string;
      readonly cin: number;
      readonly sequenceNumber: number;
    }
  /** A notification of a warrant itself went into the outbox. */
  | {
      readonly type: 'notice';
      readonly at: number;
      readonly kind: string;
      readonly liid: string;
      readonly sequenceNumber: number;
    };

export type DfListener = (event: DfEvent) => void;
