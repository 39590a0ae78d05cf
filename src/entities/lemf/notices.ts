/** What reports say of notifications of a warrant itself (HI1-Operation). */
import { toHex } from '../../bytes/octets.ts';
import { toldBy } from '../../wire/hi/hi1.ts';
import type { Hi1Operation } from '../../wire/hi/hi1.ts';
import type { PsHeader } from '../../wire/hi/header.ts';
import { fromLatin1 } from '../../wire/hi/text.ts';
import { unixMsOf } from '../../wire/hi/time.ts';

export interface NoticeReport {
  /** In hex where it is not text. */
  readonly liid: string;
  /** `liActivated`, `liModified`, `liDeactivated`, `alarm`; `other`: what is not known here or cannot be read. */
  readonly operation: Hi1Operation['kind'];
  readonly time: string | null;
  /** Of an alarm, its text; else what is said of the target. */
  readonly text: string | null;
  /** Who sent it. */
  readonly source: string;
  readonly sequenceNumber: number;
}

export function noticeReport(header: PsHeader, operation: Hi1Operation, source: string): NoticeReport {
  const { time, text } = toldBy(operation);
  const stamped = header.time === undefined ? null : unixMsOf(header.time);
  return {
    liid: liidText(header.liid),
    operation: operation.kind,
    time: isoTimeOrNull(time ?? stamped),
    text: text === null ? null : printable(text),
    source,
    sequenceNumber: header.sequenceNumber,
  };
}

/** An LIID that is not text, in hex, as X1 has it: it goes to a terminal, too. */
export function liidText(liid: string): string {
  return /^[!-~]+$/.test(liid) ? liid : toHex(fromLatin1(liid, 'LIID'));
}

/** `null` also for a time that a header can say and no calendar has. */
export function isoTimeOrNull(unixMs: number | null): string | null {
  const date = new Date(unixMs ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

/** Others may send octets that are not characters. */
function printable(text: string): string {
  return text.replace(/[^ -~]/g, '\ufffd');
}
