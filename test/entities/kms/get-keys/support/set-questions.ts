/** Questions of a set of vectors, and the answers of our KMS to them. */
import { fromBase64, fromUtf8, toHex } from '../../../../../src/bytes/octets.ts';
import type { IbeEngine } from '../../../../../src/ibe/engine.ts';
import type { GetKeysRequest } from '../../../../../src/wire/xk/get-keys.ts';
import { encodeGetKeysResponse, isGetKeysFailure } from '../../../../../src/wire/xk/get-keys.ts';
import { homeOf } from '../../../../ibake/support/vectors.ts';
import type { AnsweredForm, AskedForm, ExchangeForm, MessageForm } from '../../../../vector-sets/form.ts';
import { ask, TestRecords } from './kms.ts';

/** What of a set a question needs. */
export type QuestionSet = Pick<
  ExchangeForm,
  'kms' | 'messages' | 'altered' | 'updates' | 'legs' | 'abandoned'
>;

/**
 * A message by its name in the set: of an update or a leg by their number, of what nobody answered, altered, or of the
 * exchange.
 */
export function messageNamed(set: QuestionSet, name: string): Uint8Array {
  const [, list, number, own = ''] = /^(updates|legs)\/(\d+)\/(.+)$/.exec(name) ?? [];
  const part = list === undefined ? undefined : partOf(set, list, Number(number));
  const direct = set.altered?.[name] ?? messageIn(set.messages, name)?.message;
  const left = messageIn(set.abandoned, name.replace(/^abandoned\//, ''))?.message;
  const base64 =
    part === undefined ? (name.startsWith('abandoned/') ? left : direct) : messageIn(part, own)?.message;
  if (base64 === undefined) throw new Error(`no message ${name}`);
  return fromBase64(base64);
}

export function requestOf(set: QuestionSet, { target, question }: AskedForm): GetKeysRequest {
  const { iMessage1, rMessage1, iMessage2, rMessage2, updates = [] } = question;
  return {
    targetKmsIdentity: target,
    xid: '29f28e1c-f230-486a-a860-f5a784ab9172',
    iMessage1: messageNamed(set, iMessage1),
    rMessage1: messageNamed(set, rMessage1),
    iMessage2: iMessage2 === undefined ? null : messageNamed(set, iMessage2),
    rMessage2: rMessage2 === undefined ? null : messageNamed(set, rMessage2),
    updates: updates.map((update) => ({
      iMessage1: messageNamed(set, update.iMessage1),
      rMessage1: messageNamed(set, update.rMessage1),
    })),
    midCall: false,
  };
}

/** The answer as it goes over Xk, keys in hex as in a set; or the failure. */
export async function answerTo(
  set: QuestionSet,
  asked: AskedForm,
  engine: IbeEngine,
): Promise<AnsweredForm['answer'] | string> {
  const file = set.kms[asked.kms];
  if (file === undefined) throw new Error(`no KMS ${asked.kms}`);
  // Whom content was left for has no seed there, and needs none.
  const users = file.users ?? (file.user === undefined ? [] : [file.user]);
  const devices = users.filter(({ liSeed }) => liSeed !== undefined).map(({ uri }) => uri);
  const records = new TestRecords(homeOf(file), devices);
  const response = await ask(records, requestOf(set, asked), [asked.target], engine);
  if (isGetKeysFailure(response)) return response.failureIndication;
  const json = JSON.parse(fromUtf8(encodeGetKeysResponse(response).expose())) as AnsweredForm['answer'];
  const sessions = json.cryptoSessions as readonly { readonly sessionKey: string; readonly salt: string }[];
  const inHex = sessions.map((session) => ({
    ...session,
    sessionKey: toHex(fromBase64(session.sessionKey)),
    salt: toHex(fromBase64(session.salt)),
  }));
  return { ...json, cryptoSessions: inHex };
}

/* ---------------------------------------------------------------- helpers */

type Messages = Readonly<Record<string, MessageForm>>;

function messageIn(messages: Messages | undefined, name: string): MessageForm | undefined {
  return messages?.[name];
}

function partOf({ updates, legs }: QuestionSet, list: string, number: number): Messages | undefined {
  const parts: readonly { readonly number: number; readonly messages: Messages }[] | undefined =
    list === 'updates' ? updates : legs;
  return parts?.find((part) => part.number === number)?.messages;
}
