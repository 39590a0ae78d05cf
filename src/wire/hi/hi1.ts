/**
 * Notifications of HI1 that travel on HI2 and HI3, TS 102 232-1 module HI1NotificationOperations: that interception under
 * a warrant was activated, modified or deactivated, and alarms.
 *
 *     HI1-Operation ::= CHOICE {
 *       liActivated [1] Notification, liDeactivated [2] Notification, liModified [3] Notification,
 *       alarms-indicator [4] Alarm-Indicator, ..., national-HI1-ASN1parameters [5] National-HI1-ASN1parameters }
 *     Notification ::= SEQUENCE {
 *       domainID [0] OBJECT IDENTIFIER OPTIONAL,          lawfulInterceptionIdentifier [1] OCTET STRING (SIZE (1..25)),
 *       communicationIdentifier [2] CommunicationIdentifier OPTIONAL, timeStamp [3] TimeStamp, ...,
 *       national-HI1-ASN1parameters [5] … OPTIONAL,       target-Information [6] OCTET STRING (SIZE (1..256)) OPTIONAL }
 *     Alarm-Indicator ::= SEQUENCE {
 *       domainID [0] OBJECT IDENTIFIER OPTIONAL,          communicationIdentifier [1] CommunicationIdentifier OPTIONAL,
 *       timeStamp [2] TimeStamp,                          alarm-information [3] OCTET STRING (SIZE (1..256)), ...,
 *       lawfulInterceptionIdentifier [4] … OPTIONAL,      national-HI1-ASN1parameters [5] … OPTIONAL }
 *     National-HI1-ASN1parameters ::= SEQUENCE {
 *       domainID [0] OBJECT IDENTIFIER OPTIONAL,          countryCode [1] PrintableString (SIZE (2)), ... }
 *     CommunicationIdentifier ::= SEQUENCE {              -- of HI2Operations, not that of the PS-header
 *       communication-Identity-Number [0] OCTET STRING (SIZE (1..8)) OPTIONAL, network-Identifier [1] …, ... }
 *
 * `domainID` is for delivery by FTP and is not written. A HI1-Operation belongs to a warrant and to no communication: its
 * header needs no CIN. The module says nothing of its sequence numbers: a delivery function of ours numbers them for each
 * LIID by themselves, from 0.
 */
import type { ValueOf } from '../../bytes/fields.ts';
import { OBJECT_IDENTIFIER } from './contents.ts';
import {
  alternative,
  choice,
  component,
  ofKind,
  optionalComponent,
  OTHER_OR_UNREADABLE,
  sequence,
} from './fields.ts';
import type { OtherAlternative } from './fields.ts';
import { LIID } from './header.ts';
import { NETWORK_IDENTIFIER } from './party.ts';
import { latin1String, printableString } from './text.ts';
import { TIME_STAMP } from './time.ts';

/** Octets of an alarm's text, and of what is said of a target, at most. */
export const HI1_MOST_TEXT = 256;

/** One character an octet. */
const TEXT = latin1String(1, HI1_MOST_TEXT);

const COMMUNICATION = sequence([0, 1], 'skipped', {
  /** 1 to 8 digits. */
  identity: optionalComponent(0, 'communication-Identity-Number', latin1String(1, 8)),
  network: component(1, 'network-Identifier', NETWORK_IDENTIFIER),
});

const NATIONAL = sequence([0, 1], 'skipped', {
  domainId: optionalComponent(0, 'domainID', OBJECT_IDENTIFIER),
  countryCode: component(1, 'countryCode', printableString(2, 2)),
});

const NOTIFICATION_PARTS = {
  domainId: optionalComponent(0, 'domainID', OBJECT_IDENTIFIER),
  liid: component(1, 'lawfulInterceptionIdentifier', LIID),
  communication: optionalComponent(2, 'communicationIdentifier', COMMUNICATION),
  /** Of the report, Unix milliseconds. */
  time: component(3, 'timeStamp', TIME_STAMP),
  national: optionalComponent(5, 'national-HI1-ASN1parameters', NATIONAL),
  /** Number or name of the target. */
  target: optionalComponent(6, 'target-Information', TEXT),
};

/** Notification. */
export type Hi1Notification = ValueOf<typeof NOTIFICATION_PARTS>;

const NOTIFICATION = sequence([0, 1, 2, 3], 'skipped', NOTIFICATION_PARTS);

const ALARM_PARTS = {
  domainId: optionalComponent(0, 'domainID', OBJECT_IDENTIFIER),
  communication: optionalComponent(1, 'communicationIdentifier', COMMUNICATION),
  /** Of the report, Unix milliseconds. */
  time: component(2, 'timeStamp', TIME_STAMP),
  /** Free text. */
  information: component(3, 'alarm-information', TEXT),
  liid: optionalComponent(4, 'lawfulInterceptionIdentifier', LIID),
  national: optionalComponent(5, 'national-HI1-ASN1parameters', NATIONAL),
};

/** Alarm-Indicator. */
export type Hi1Alarm = ValueOf<typeof ALARM_PARTS>;

export type Hi1Operation =
  | {
      readonly kind: 'liActivated' | 'liDeactivated' | 'liModified';
      readonly notification: Hi1Notification;
    }
  | { readonly kind: 'alarm'; readonly alarm: Hi1Alarm }
  | OtherAlternative;

/** HI1-Operation. */
export const HI1_OPERATION = choice<Hi1Operation>(
  {
    liActivated: alternative(1, ofKind('liActivated', 'notification', NOTIFICATION)),
    liDeactivated: alternative(2, ofKind('liDeactivated', 'notification', NOTIFICATION)),
    liModified: alternative(3, ofKind('liModified', 'notification', NOTIFICATION)),
    alarm: alternative(4, ofKind('alarm', 'alarm', sequence([0, 1, 2, 3], 'skipped', ALARM_PARTS))),
  },
  ({ kind }) => kind,
  OTHER_OR_UNREADABLE,
);

/** Time and text of an operation, whichever it is; `null` where it has none. */
export function toldBy(operation: Hi1Operation): {
  readonly time: number | null;
  readonly text: string | null;
} {
  switch (operation.kind) {
    case 'alarm':
      return { time: operation.alarm.time, text: operation.alarm.information };
    case 'other':
      return { time: null, text: null };
    default:
      return { time: operation.notification.time, text: operation.notification.target ?? null };
  }
}
