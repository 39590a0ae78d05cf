/** A message of HI1 for people: its header in one line, then each action with what it carries, one member a line. */
import type { DictionaryEntry } from './common.ts';
import type { Hi1Message, Hi1Request, Hi1Response } from './messages.ts';
import { HI1_OBJECT } from './objects.ts';
import type { Hi1Object } from './objects.ts';
import type { XmlElement } from '../xml/tree.ts';
import { HI1_CORE } from './names.ts';

/** Lines, each with its line feed. */
export function renderHi1Message({ header, payload, signature }: Hi1Message): string {
  const { sender, receiver, version } = header;
  const what = payload.kind === 'requests' ? 'request' : 'response';
  const lines = [
    `HI1 ${what} ${header.transaction}`,
    `  from ${sender.CountryCode} ${shown(sender.UniqueIdentifier)} to ${receiver.CountryCode} ${shown(receiver.UniqueIdentifier)}`,
    `  at ${new Date(header.timestamp).toISOString()}, version ${version.etsi}, national profile ${shown(version.profileOwner)} ${shown(version.profileVersion)}`,
  ];
  if (payload.kind === 'error')
    lines.push(`ErrorInformation ${payload.error.ErrorCode}: ${shown(payload.error.ErrorDescription)}`);
  else for (const action of payload.actions) lines.push(...actionLines(action));
  if (signature !== undefined) lines.push('Signature: present, not checked');
  return lines.map((line) => `${line}\n`).join('');
}

function actionLines(action: Hi1Request | Hi1Response): string[] {
  const head = `action ${action.id} ${action.action}`;
  if (action.action === 'ErrorInformation')
    return [`${head} ${action.ErrorCode}: ${shown(action.ErrorDescription)}`];
  if (action.action === 'LIST') {
    const { objectType, lastChanged } = action;
    const filters = [
      ...(objectType === undefined ? [] : [`of type ${wordOf(objectType)}`]),
      ...(lastChanged === undefined ? [] : [`changed since ${lastChanged}`]),
    ];
    return [[head, ...filters].join(' ')];
  }
  if (action.action === 'LISTResponse')
    return [
      head,
      ...action.records.map(
        ({ objectType, identifier, generation, lastChanged }) =>
          `  ${shown(objectType.Value)} ${identifier}, generation ${generation}${lastChanged === undefined ? '' : `, changed ${lastChanged}`}`,
      ),
    ];
  const identifier = 'identifier' in action ? ` ${action.identifier}` : '';
  const object = 'object' in action ? action.object : undefined;
  return [`${head}${identifier}`, ...(object === undefined ? [] : objectLines(object))];
}

function objectLines(object: Hi1Object): string[] {
  const { name, type, children } = HI1_OBJECT.write({ namespace: HI1_CORE, name: 'HI1Object' }, object);
  const members = children.filter(
    (child) => child.name !== 'ObjectIdentifier' || child.namespace !== HI1_CORE,
  );
  return [
    `  ${shown(type?.name ?? name)} ${object.identifier}`,
    ...members.flatMap((member) => memberLines(member, '    ')),
  ];
}

/** An element with text in one line, a word of a dictionary too; others with what they have below. */
function memberLines(element: XmlElement, indent: string): string[] {
  const label = `${indent}${element.name}${element.type === null ? '' : ` (${shown(element.type.name)})`}`;
  const word = dictionaryWord(element);
  if (word !== null) return [`${label}: ${wordOf(word)}`];
  if (element.children.length === 0) return [`${label}: ${shown(element.text)}`];
  return [label, ...element.children.flatMap((child) => memberLines(child, `${indent}  `))];
}

function dictionaryWord({ children }: XmlElement): DictionaryEntry | null {
  const [owner, name, value, more] = children;
  const isWord =
    owner?.name === 'Owner' && name?.name === 'Name' && value?.name === 'Value' && more === undefined;
  return isWord ? { Owner: owner.text, Name: name.text, Value: value.text } : null;
}

function wordOf({ Owner, Name, Value }: DictionaryEntry): string {
  return `${shown(Value)} (${shown(Owner)} ${shown(Name)})`;
}

const LONGEST = 200;

/** Text of a stranger in one line, without what a terminal would obey. */
function shown(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}… (${line.length} characters)` : line;
}
