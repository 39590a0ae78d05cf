/** Numbers of HI2 and HI3 by the names that the standards give them, and times by the calendar. */
import { IMS_EVENT, IRI_TYPE } from '../hi/eps-iri.ts';
import { TIME_STAMP_QUALIFIER } from '../hi/header.ts';
import { FRAME_TYPE, MMCC_PROTOCOL } from '../hi/ipmm-cc.ts';
import { PAYLOAD_DIRECTION } from '../hi/ps-pdu.ts';
import { ICE_TYPE, T_PDU_DIRECTION } from '../hi/voip-cc.ts';

type Names = Readonly<Record<string, number>>;

/** By the member that holds the number. */
const BY_MEMBER: Readonly<Record<string, Names>> = {
  iriType: IRI_TYPE,
  recordType: IRI_TYPE,
  imsEvent: IMS_EVENT,
  timeStampQualifier: TIME_STAMP_QUALIFIER,
  direction: PAYLOAD_DIRECTION,
  frameType: FRAME_TYPE,
  protocol: MMCC_PROTOCOL,
  iceType: ICE_TYPE,
};

/** The name of a number; the number as text where it has none. */
export function nameIn(names: Names, value: number): string {
  return Object.keys(names).find((name) => names[name] === value) ?? String(value);
}

/** What the number that a member of `holder` is stands for; `null`: for itself. */
export function meaningOf(member: string, value: number, holder: object): string | null {
  // A direction that is of TS 33.108 counts otherwise.
  if (member === 'direction' && 'correlationNumber' in holder) return nameIn(T_PDU_DIRECTION, value);
  if (member === 'time') return calendarTime(value / 1000);
  const names = BY_MEMBER[member];
  return names === undefined ? null : nameIn(names, value);
}

/**
 * Seconds since 1970 by the calendar, in UTC; in digits where no calendar has them.
 * @param fraction of a second, from 0 to below 1
 */
export function calendarTime(seconds: number, fraction = seconds - Math.floor(seconds), digits = 3): string {
  const whole = new Date(Math.floor(seconds) * 1000);
  if (Number.isNaN(whole.getTime()) || fraction >= 1) return `${seconds} s and ${fraction} s since 1970`;
  return `${whole.toISOString().slice(0, -5)}${fraction.toFixed(digits).slice(1)}Z`;
}
