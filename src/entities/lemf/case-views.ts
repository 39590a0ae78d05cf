/**
 * What analysts see of calls, while they go on and afterwards: the list of them, one with its ladder and what was
 * recovered of it, one record with all that it says. Keys are never in it.
 *
 * A call is named by what its PDUs have in common, so that its name stays the same whoever reads the files, and when.
 */
import { jsonOf } from '../../bytes/json.ts';
import { fromUtf8, utf8 } from '../../bytes/octets.ts';
import { Form } from '../../bytes/schema.ts';
import { ClavigerError } from '../../bytes/errors.ts';
import Type from 'typebox';
import { describeMessage } from '../../mikey/describe.ts';
import type { DescribedMessage } from '../../mikey/describe.ts';
import { decodeMessage } from '../../mikey/message.ts';
import { keyManagementOf, parseKeyManagement } from '../../sip/key-management.ts';
import { describePsPdu } from '../../wire/shown/describe-pdu.ts';
import type { ShownFields } from '../../wire/shown/shown.ts';
import type { CallEntry } from '../../wire/analysts/calls.ts';
import { decodePsPdu } from '../../wire/hi/ps-pdu.ts';
import { callParties, stepsOf } from './call-steps.ts';
import type { CallParties, CallStep } from './call-steps.ts';
import type { CallMaterial } from './calls.ts';
import { LemfError } from './errors.ts';
import { isoTimeOrNull, liidText } from './notices.ts';
import { messagesOf, readRecords, recordsOf, textsOf } from './records.ts';
import { isCall } from './recover.ts';
import type { CallReport } from './recover.ts';
import { readSignalling } from './signalling.ts';
import type { Workspace } from './workspace.ts';

/** Steps of a ladder that are told; all are counted. */
const MOST_STEPS = 2000;

/** Some of the calls, the newest first. */
export interface CallList {
  readonly calls: readonly CallEntry[];
  /** What to ask for those before them by; absent: there are none. */
  readonly next?: number;
}

/** One call. */
export interface CallView extends CallEntry {
  readonly parties: CallParties;
  readonly steps: readonly CallStep[];
  /** Steps that there are beside these. */
  readonly further: number;
  /** What was recovered when it was tried last; `null`: nobody has yet. */
  readonly report: CallReport | null;
}

/** A PDU of HI2, and the MIKEY messages in it, payload by payload. */
export interface RecordView {
  readonly octets: number;
  readonly fields: ShownFields;
  readonly mikey: readonly (DescribedMessage | { readonly unreadable: string })[];
}

/** What may be asked. */
export type CaseQuestion =
  | { readonly kind: 'calls'; readonly before: number | null; readonly most: number }
  | { readonly kind: 'call'; readonly id: string }
  | { readonly kind: 'record'; readonly id: string; readonly source: string | null; readonly place: number }
  /** Whether a file of audio is that of a communication. */
  | { readonly kind: 'file'; readonly id: string; readonly name: string };

/** `null`: there is no such thing. */
export interface CaseAnswers {
  readonly calls: CallList;
  readonly call: readonly CallView[] | null;
  readonly record: RecordView | null;
  readonly file: true | null;
}

export interface CaseSources {
  readonly workspace: Workspace;
  /** The calls of a communication. @param key under which it was put away */
  readonly materials: (key: string) => readonly CallMaterial[];
  /** Whether something has come since a communication was recovered. */
  readonly isChanged: (session: number) => boolean;
}

export class CaseViews {
  readonly #sources: CaseSources;

  constructor(sources: CaseSources) {
    this.#sources = sources;
  }

  answer<Q extends CaseQuestion>(question: Q): CaseAnswers[Q['kind']];
  answer(question: CaseQuestion): CaseAnswers[CaseQuestion['kind']] {
    switch (question.kind) {
      case 'calls':
        return this.#list(question.before, question.most);
      case 'call':
        return this.#call(question.id);
      case 'record':
        return this.#record(question);
      case 'file': {
        const session = this.#sessionOf(question.id);
        const names = session === null ? [] : this.#sources.workspace.namesOf(session.id);
        return names.includes(question.name) ? true : null;
      }
    }
  }

  #list(before: number | null, most: number): CallList {
    const { workspace } = this.#sources;
    const sessions = workspace.sessionsBefore(before, most);
    const calls = sessions.flatMap(({ id, key }) => this.#entries(id, key));
    const last = sessions.at(-1);
    return { calls, ...(last === undefined || sessions.length < most ? {} : { next: last.place }) };
  }

  /** As they were reported, where nothing has come since; else by their records. */
  #entries(session: number, key: string): CallEntry[] {
    const reports = this.#reports(session);
    if (reports !== null && !this.#sources.isChanged(session))
      return reports.map((report) => ({ ...entryOf(report), id: idOfKey(key) }));
    return this.#read(session, key).map(
      ({ steps: _, further: __, parties: ___, report: ____, ...entry }) => entry,
    );
  }

  #call(id: string): readonly CallView[] | null {
    const session = this.#sessionOf(id);
    return session === null ? null : this.#read(session.id, session.key);
  }

  #read(session: number, key: string): CallView[] {
    const { workspace, materials, isChanged } = this.#sources;
    const reports = this.#reports(session) ?? [];
    return materials(key).flatMap((call): CallView[] => {
      const records = readRecords(call, workspace);
      const signalling = readSignalling(messagesOf(call, workspace), records.targetUris);
      if (!isCall(call, records, signalling)) return [];
      const report = reports.find(({ source }) => source === call.source) ?? null;
      const steps: CallStep[] = [];
      let further = 0;
      for (const record of recordsOf(call, workspace)) {
        for (const step of stepsOf(record)) {
          if (steps.length < MOST_STEPS) steps.push(step);
          else further++;
        }
      }
      return [
        {
          ...{ id: idOfKey(key), liid: liidText(call.liid), cin: call.cin, source: call.source },
          ...{ from: signalling.from, to: signalling.to, ended: signalling.ended, packets: call.packets },
          firstTime: isoTimeOrNull(call.firstTime),
          lastTime: isoTimeOrNull(call.lastTime),
          recovered: report === null || isChanged(session) ? null : report.recovered,
          parties: callParties(signalling),
          ...{ steps, further, report },
        },
      ];
    });
  }

  #record({ id, source, place }: Extract<CaseQuestion, { kind: 'record' }>): RecordView | null {
    const { workspace, materials } = this.#sources;
    const session = this.#sessionOf(id);
    const call = session === null ? undefined : materials(session.key).find((each) => each.source === source);
    if (call === undefined) return null;
    let at = 0;
    for (const row of workspace.iri(call.session, call.owners)) {
      if (at++ !== place) continue;
      const pdu = decodePsPdu(workspace.readIri(row).slice());
      const records = pdu.payload.kind === 'iri' ? pdu.payload.records : [];
      const texts = records.flatMap(({ contents }) => textsOf(contents));
      return {
        octets: row.length,
        fields: describePsPdu(pdu),
        mikey: texts.flatMap(({ octets, body }) => describedMikey(body ?? octets)),
      };
    }
    return null;
  }

  /** `null`: it was not recovered yet. */
  #reports(session: number): CallReport[] | null {
    const result = this.#sources.workspace.result(session);
    if (result === null) return null;
    const damaged = () => new LemfError('damaged', 'what was recovered of a call cannot be read');
    return REPORTS.readOr(jsonOf(`[${result.calls}]`), damaged);
  }

  #sessionOf(id: string): { readonly id: number; readonly key: string } | null {
    const key = keyOfId(id);
    const session = key === null ? null : this.#sources.workspace.sessionId(key);
    return key === null || session === null ? null : { id: session, key };
  }
}

const TEXT = Type.Union([Type.String(), Type.Null()]);
/** What the thread has written itself: by what of it is looked at here. */
const REPORTS = new Form(
  Type.Array(
    Type.Unsafe<CallReport>(
      Type.Object(
        {
          ...{ liid: Type.String(), cin: Type.Number(), source: TEXT, from: TEXT, to: TEXT },
          ...{ firstTime: TEXT, lastTime: TEXT, ended: Type.Boolean(), packets: Type.Number() },
          ...{ recovered: Type.Boolean(), streams: Type.Array(Type.Unknown()) },
        },
        { additionalProperties: true },
      ),
    ),
  ),
);

function entryOf(report: CallReport): Omit<CallEntry, 'id'> {
  const { liid, cin, source, from, to, firstTime, lastTime, ended, packets, recovered } = report;
  return { liid, cin, source, from, to, firstTime, lastTime, ended, packets, recovered };
}

/** For addresses: the key in base64url. */
function idOfKey(key: string): string {
  return Buffer.from(utf8(key)).toString('base64url');
}

const KEY = new Form(Type.Tuple([Type.String(), Type.Union([Type.Number(), Type.Null()]), Type.String()]));

/** The key of a communication by its name; `null`: it is not that of one. */
export function keyOfId(id: string): string | null {
  if (!/^[\w-]{1,400}$/.test(id)) return null;
  try {
    const key = fromUtf8(new Uint8Array(Buffer.from(id, 'base64url')));
    return 'value' in KEY.read(jsonOf(key)) ? key : null;
  } catch {
    return null;
  }
}

function describedMikey(text: Uint8Array): RecordView['mikey'][number][] {
  return keyManagementOf(Buffer.from(text).toString('latin1')).map((attribute) => {
    try {
      const { data } = parseKeyManagement(attribute);
      return describeMessage(decodeMessage(data), data.length);
    } catch (error) {
      if (error instanceof ClavigerError) return { unreadable: error.message };
      throw error;
    }
  });
}
