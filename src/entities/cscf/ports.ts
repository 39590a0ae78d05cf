/**
 * What the CSCF takes from outside. `entities/cscf/start.ts` wires it: the media gateway over Iq, the point of interception with
 * the tasks that X1 has given this element.
 */
import type { LossesKnown, LostSessions } from '../../wire/iq/losses.ts';
import type { AnchoredStream, WantedSession } from '../../wire/iq/sessions.ts';
import type { Secret } from '../../bytes/secret.ts';
import type { Algorithm } from '../../sip/digest.ts';
import type { NetworkAddress } from '../../bytes/network-address.ts';
import type { Flow, NextHop, Protocol } from '../../sip/flow.ts';
import type { MemoryLimits } from './fair-memory.ts';

/** The media gateway, told the whole wanted state of a session whenever it changes. */
export interface MediaAnchor {
  /** @throws ClavigerError if the gateway cannot be reached or has no room */
  put(id: string, session: WantedSession): Promise<readonly AnchoredStream[]>;
  /** Ends a session; one that is gone is not an error. */
  delete(id: string): Promise<void>;
}

/** Says which media sessions have ended without our asking. */
export interface MediaLosses {
  /**
   * What was lost since; waits for something to tell, a few seconds at most.
   * @param known `null`: nothing is; only from where to go on is told then. @throws ClavigerError without an answer
   */
  lost(known: LossesKnown | null): Promise<LostSessions>;
  /** Whether a session is up. @throws ClavigerError without an answer */
  stands(id: string): Promise<boolean>;
}

/** One subscriber of this home. */
export interface Subscriber {
  /** Public identity, canonical: `sip:alice@home1.example`. */
  readonly identity: string;
  /** Further public identities: tel URIs, SIP URIs. */
  readonly aliases: readonly string[];
  /** Private identity: the user name of digest. */
  readonly username: string;
  readonly password: Secret;
  /** Digest algorithms that its challenges offer, one line each, in this order; else those of the node. */
  readonly algorithms?: readonly Algorithm[];
  /** SIP or tel URI that this subscriber's calls go to instead. */
  readonly forwardTo?: string;
  /** Where they go that this subscriber does not take. */
  readonly forwards?: Forwards;
  /** Another subscriber, which takes the calls that this one does not. */
  readonly mailbox?: MailboxSetting;
}

/** Why a subscriber does not take a call: every device is busy; it only rings; there is none, or none that can be reached. */
export type Untaken = 'busy' | 'unanswered' | 'unavailable';

/** SIP or tel URIs that calls go to which are not taken, by why. */
export interface Forwards {
  readonly busy?: string;
  readonly unanswered?: {
    readonly to: string;
    /** Milliseconds that a call rings before it goes there. */
    readonly afterMs: number;
  };
  readonly unavailable?: string;
}

/** Who takes the calls of a subscriber that it does not take itself. */
export interface MailboxSetting {
  /** Its public identity. */
  readonly identity: string;
  /** Milliseconds that a call rings before it goes there. */
  readonly afterMs: number;
}

/** A binding as it is kept: the contact as it was registered, and where it came from. */
export interface StoredBinding {
  /** A name-addr with its parameters. */
  readonly contact: string;
  readonly protocol: Protocol;
  readonly local: NetworkAddress;
  readonly remote: NetworkAddress;
  readonly source: NetworkAddress | null;
  readonly reachable: boolean;
  readonly callId: string;
  readonly cseq: number;
  /** Unix milliseconds. */
  readonly expires: number;
}

/** A kept binding with the flow that leads there: closed, if it was a connection. */
export type RestoredBinding = StoredBinding & { readonly flow: Flow };

/** What subscribers have registered, over restarts. When `save` returns, it is on disk. */
export interface RegistrationStore {
  /** All that has not expired, by public identity. */
  load(now: number): ReadonlyMap<string, readonly StoredBinding[]>;
  /** Puts these in place of what the subscriber had, and forgets what has expired. */
  save(identity: string, bindings: readonly StoredBinding[], now: number): void;
}

/** Another home: its domain, and where its CSCF is. */
export interface PeerHome {
  readonly domain: string;
  readonly cscf: NextHop;
}

/** How this CSCF is called and whom it knows. */
export interface CscfSettings {
  /** Domain of the subscribers, `home1.example`; also the realm of digest. */
  readonly domain: string;
  /** This node, `cscf.home1.example`, as in Via and Record-Route. */
  readonly host: string;
  /** The port that others reach it on, over TCP and UDP. */
  readonly port: number;
  /** The same over TLS; absent: there is none. */
  readonly tlsPort?: number;
  readonly subscribers: readonly Subscriber[];
  readonly peers: readonly PeerHome[];
  /** Prefixes of tel numbers (`+49`) to the domain that serves them. */
  readonly numbers: Readonly<Record<string, string>>;
  /** Digest algorithms offered, in this order. */
  readonly algorithms?: readonly Algorithm[];
  readonly limits?: Partial<CscfLimits>;
}

export interface CscfLimits {
  /** Calls at a time; beyond: 503. */
  readonly calls: number;
  /** Calls of one caller at a time, at most half of all; beyond: 486. */
  readonly callsOfOne: number;
  /** Senders whose requests the point of interception remembers before anybody has authenticated them. */
  readonly unadmitted: number;
  /** Contacts a subscriber may register. */
  readonly contacts: number;
  /** Seconds a registration lasts at least and at most. */
  readonly minExpires: number;
  readonly maxExpires: number;
  /** Milliseconds after which a call without any message is forgotten. */
  readonly callIdleMs: number;
  /** What is kept of sessions that stand and whose media are protected, so that interception can begin in mid-call. */
  readonly ongoing: MemoryLimits;
}

export const DEFAULT_CSCF_LIMITS: CscfLimits = {
  calls: 10_000,
  callsOfOne: 64,
  unadmitted: 4096,
  contacts: 8,
  minExpires: 10,
  maxExpires: 7200,
  callIdleMs: 24 * 3600_000,
  ongoing: { items: 10_000, octets: 256 << 20, lifeMs: 24 * 3600_000 },
};
