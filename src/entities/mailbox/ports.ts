/** What the mailbox keeps, and where. */
import type { DeliveredMessages } from '../../ibake/deferred.ts';

/** One m= line of a deposit that packets are kept of. */
export interface KeptMedium {
  /** Its place among all m= lines, from 0. */
  readonly index: number;
  readonly media: string;
  readonly protocol: string;
  readonly formats: readonly string[];
  /** Those that say what the formats are: rtpmap, fmtp, ptime. */
  readonly attributes: readonly string[];
  /** Hertz, of the time stamps of its first format. */
  readonly clockRate: number;
}

/** What is known of a message from its beginning. */
export interface MessageHead {
  /** Whom it is for: canonical address of record. */
  readonly recipient: string;
  /** Who left it, authenticated by the exchange. */
  readonly initiator: string;
  /** Unix milliseconds. */
  readonly time: number;
  readonly messages: DeliveredMessages;
  /** m= lines of the deposit, those of which nothing is kept included. */
  readonly lines: number;
  readonly media: readonly KeptMedium[];
}

/** A packet as it came: SRTP that nobody here has a key to. */
export interface KeptPacket {
  /** Its m= line, from 0. */
  readonly index: number;
  /** Milliseconds after the first packet of the message. */
  readonly at: number;
  readonly octets: Uint8Array;
}

/** A message that waits for whom it is for. */
export interface KeptMessage {
  readonly id: string;
  readonly head: MessageHead;
  readonly octets: number;
}

/** A message while it is being left. */
export interface MessageWriter {
  /** Octets so far. */
  readonly octets: number;
  append(packet: KeptPacket): void;
  /** It is complete, and durable when this returns. */
  finish(): KeptMessage;
  /** As if it had never been. */
  discard(): void;
}

export interface MessageStore {
  /** In the order in which they were left. */
  readonly waiting: readonly KeptMessage[];
  /** Durable when it returns. */
  create(head: MessageHead): MessageWriter;
  /** @throws MailboxError `damaged` */
  packets(id: string): readonly KeptPacket[];
  /** It was delivered, or its time is over. Durable when it returns. */
  remove(id: string): void;
}

export interface MailboxLimits {
  /** Messages that wait for one recipient. */
  readonly messagesOfOne: number;
  /** … of them, those that one caller has left. */
  readonly messagesFromOne: number;
  /** … of one caller, for whomever. */
  readonly messagesOfCaller: number;
  /** Messages in all. */
  readonly messages: number;
  /** Octets of all messages. */
  readonly octets: number;
  /** … of those for one recipient. */
  readonly octetsOfOne: number;
  /** … of those of one caller. */
  readonly octetsOfCaller: number;
  /** Milliseconds of one message. */
  readonly messageMs: number;
  /** Seconds for which a message waits. */
  readonly keepSeconds: number;
  /** Calls at once, in and out. */
  readonly calls: number;
  /** … of them, those in which one caller leaves a message. */
  readonly callsOfCaller: number;
  /** Milliseconds until a recipient is tried again who did not take a message. */
  readonly retryMs: number;
}
