/**
 * What the DF hands over, before any encoding: intercept related information for HI2 (TS 33.108 clause 7, events of
 * table 7.1) and content of communication for HI3. The encoder turns each record into one PS-PDU.
 */
import type { Secret } from '../../bytes/secret.ts';
import type { Described } from '../../wire/hi/session-start.ts';

/** A target identifier as X1 and attribute 17 name it: `sipUri`, `telUri`, `impu`, …; `null` if the POI gave none. */
export interface ObservedIdentity {
  readonly name: string | null;
  readonly value: string;
}

/** Seen from the target. */
export type RecordDirection = 'toTarget' | 'fromTarget' | 'unknown';

interface RecordBase {
  readonly liid: string;
  /** Communication identity number: allocated by the DF for each call and LIID. */
  readonly cin: number;
  /** Time of the event, Unix milliseconds, may have a fraction. */
  readonly time: number;
  /** 8 octets: correlation number of the IMS session, the same on X2, X3, HI2 and HI3. */
  readonly correlation: Uint8Array;
}

interface IriBase extends RecordBase {
  readonly observed: readonly ObservedIdentity[];
}

/** iMSevent unfilteredSIPmessage(1): the SIP message octet for octet. */
export interface SipMessageRecord extends IriBase {
  readonly kind: 'sip-message';
  readonly direction: RecordDirection;
  readonly sip: Uint8Array;
  /** Something of its body was taken out that the warrant does not cover: iMSevent sIPheaderOnly(2). */
  readonly isReduced?: boolean;
}

/** iMSevent startOfInterceptionForIMSEstablishedSession(4): what the keys of a call rest on that stands already. */
export interface SessionStartRecord extends IriBase {
  readonly kind: 'session-start';
  /** Of the offer. */
  readonly direction: RecordDirection;
  readonly offer: Described;
  readonly answer: Described;
}

/** CCKeyInfo: the key of one SRTP stream. */
export interface StreamKey {
  /** CS ID, 1 to 255. */
  readonly csId: number;
  readonly key: Secret;
  readonly salt: Secret;
}

/** iMSevent decryptionKeysAvailable(3): one record per key, a new one on every change. */
export interface KeyRecord extends IriBase {
  readonly kind: 'keys-available';
  readonly keyInfo: StreamKey;
}

/** MediaSec key retrieval failure: mediaSecFailureIndication genericFailure(0), whatever the cause. */
export interface KeyFailureRecord extends IriBase {
  readonly kind: 'key-failure';
}

export type IriRecord = SipMessageRecord | SessionStartRecord | KeyRecord | KeyFailureRecord;

/** Content, byte for byte as intercepted, still encrypted; or decrypted here, and said to be. */
export interface CcRecord extends RecordBase {
  readonly kind: 'cc';
  readonly direction: RecordDirection;
  /** What `content` is: an RTP or RTCP packet, or an IP packet that carries one. */
  readonly format: 'rtp' | 'ipv4' | 'ipv6';
  readonly content: Uint8Array;
  /** Distinguishes the streams of a call: transport addresses as observed, `source>destination`; may be empty. */
  readonly streamIdentifier: string;
  /** It was decrypted here, under the key of this crypto session; `null`: under one that the SDP showed. */
  readonly decrypted?: { readonly csId: number | null };
}

export type HandoverRecord = IriRecord | CcRecord;

/** HI1-Operation liActivated, liModified, liDeactivated: of a warrant, not of a call. */
export interface WarrantChangeRecord {
  readonly kind: 'li-activated' | 'li-modified' | 'li-deactivated';
  readonly liid: string;
  /** Of the report, Unix milliseconds. */
  readonly time: number;
  /** Targets of the warrant in words; `null`: not told. */
  readonly target: string | null;
}

/** HI1-Operation alarms-indicator: something of a warrant is wrong that no other record tells. */
export interface WarrantAlarmRecord {
  readonly kind: 'li-alarm';
  readonly liid: string;
  /** Of the report, Unix milliseconds. */
  readonly time: number;
  readonly information: string;
}

/** What is handed over of a warrant itself (HI1), on HI2 or HI3. */
export type NoticeRecord = WarrantChangeRecord | WarrantAlarmRecord;

/** cINReset of TS 102 232-1: the store was put back from a copy, and CINs of a warrant go on from one. */
export interface CinResetRecord {
  readonly kind: 'cin-reset';
  readonly liid: string;
  /** All that are given from now on are above it. */
  readonly cin: number;
  /** Unix milliseconds. */
  readonly time: number;
}

export type HandoverInterface = 'hi2' | 'hi3';
