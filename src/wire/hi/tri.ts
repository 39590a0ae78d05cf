/**
 * Transport related information, TS 102 232-1 clauses 6.2 and 7: what delivery function and LEMF say to each other about
 * the transport itself.
 *
 *     TRIPayload ::= CHOICE {
 *       integrityCheck [0] IntegrityCheck,  testPDU [1] NULL,           paddingPDU [2] OCTET STRING,
 *       keep-alive [3] NULL,                keep-aliveResponse [4] NULL, firstSegmentFlag [5] NULL,
 *       lastSegmentFlag [6] NULL,  ...,     cINReset [7] NULL,          operatorLeaMessage [8] OperatorLeaMessage,
 *       optionRequest [9] OptionRequest,    optionResponse [10] OptionResponse,  optionComplete [11] NULL,
 *       pDUAcknowledgementRequest [12] NULL, pDUAcknowledgementResponse [13] NULL }
 *     OptionRequest  ::= SEQUENCE { requestedOptions [0] SEQUENCE OF Option, ... }
 *     OptionResponse ::= SEQUENCE { acceptedOptions [0] SEQUENCE OF Option, declinedOptions [1] SEQUENCE OF Option, ... }
 *     Option         ::= CHOICE { pDUAcknowledgement [0] NULL, ... }
 */
import type { DerValue } from '../../bytes/der.ts';
import { constructed, Elements, elementsOf, formOf, malformed, nothing } from './ber.ts';

/** The alternatives that carry nothing, by tag. */
const PLAIN = {
  testPDU: 1,
  keepAlive: 3,
  keepAliveResponse: 4,
  firstSegmentFlag: 5,
  lastSegmentFlag: 6,
  cinReset: 7,
  optionComplete: 11,
  pduAcknowledgementRequest: 12,
  pduAcknowledgementResponse: 13,
} as const;

export type PlainTri = keyof typeof PLAIN;
const PLAIN_NAMES = new Map<number, PlainTri>(
  Object.entries(PLAIN).map(([name, tag]) => [tag, name as PlainTri]),
);

/** Option tags, Option CHOICE. */
export const TRI_OPTION = { pduAcknowledgement: 0 } as const;

/** Options are the tags of the Option CHOICE; unknown ones survive. */
export type TriMessage =
  | { readonly type: PlainTri }
  | { readonly type: 'optionRequest'; readonly requested: readonly number[] }
  | {
      readonly type: 'optionResponse';
      readonly accepted: readonly number[];
      readonly declined: readonly number[];
    }
  /** integrityCheck, paddingPDU, operatorLeaMessage and what later versions add; `element` is the whole TLV. */
  | { readonly type: 'other'; readonly tag: number; readonly element: Uint8Array };

const OPTION_REQUEST = 9;
const OPTION_RESPONSE = 10;

/** The alternative, complete with its tag. */
export function encodeTri(message: TriMessage): Uint8Array {
  switch (message.type) {
    case 'optionRequest':
      return constructed(OPTION_REQUEST, options(0, message.requested));
    case 'optionResponse':
      return constructed(OPTION_RESPONSE, options(0, message.accepted), options(1, message.declined));
    case 'other':
      return message.element;
    default:
      return nothing(PLAIN[message.type]);
  }
}

export function decodeTri(value: DerValue): TriMessage {
  const type = PLAIN_NAMES.get(value.number);
  if (type !== undefined) {
    if (formOf(value, 'primitive', type).length > 0) throw malformed(`${type}: NULL with contents`);
    return { type };
  }
  if (value.number === OPTION_REQUEST) {
    const request = new Elements(
      formOf(value, 'constructed', 'optionRequest'),
      'optionRequest',
      [0],
      'skipped',
    );
    return { type: 'optionRequest', requested: optionsOf(request, 0, 'requestedOptions') };
  }
  if (value.number === OPTION_RESPONSE) {
    const what = 'optionResponse';
    const response = new Elements(formOf(value, 'constructed', what), what, [0, 1], 'skipped');
    return {
      type: 'optionResponse',
      accepted: optionsOf(response, 0, 'acceptedOptions'),
      declined: optionsOf(response, 1, 'declinedOptions'),
    };
  }
  return { type: 'other', tag: value.number, element: value.raw.slice() };
}

function options(tag: number, tags: readonly number[]): Uint8Array {
  return constructed(tag, ...tags.map(nothing));
}

function optionsOf(elements: Elements, tag: number, field: string): number[] {
  return elementsOf(elements.inside(tag, field), field).map((option) => {
    if (option.tagClass !== 'context') throw malformed(`${field}: ${option.tagClass} tag ${option.number}`);
    return option.number;
  });
}
