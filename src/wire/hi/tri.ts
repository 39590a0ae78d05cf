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
import { UNIVERSAL } from '../../bytes/der.ts';
import { concat } from '../../bytes/octets.ts';
import { elementsOf, primitive, requireContext, requireForm } from './ber.ts';
import { nullOf } from './contents.ts';
import { alternative, choice, component, converted, sequence } from './fields.ts';
import type { Alternative, Asn1Type } from './fields.ts';

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

/** SEQUENCE OF Option, a CHOICE of NULLs. */
const OPTIONS: Asn1Type<readonly number[]> = {
  constructed: true,
  universal: UNIVERSAL.sequence,
  read: (value, what) => {
    requireForm(value, true, what);
    return elementsOf(value.contents, what).map((option) => {
      requireContext(option, what);
      return option.number;
    });
  },
  contents: (tags) => concat(...tags.map((tag) => primitive(tag, new Uint8Array()))),
};

const OPTION_REQUEST = sequence([0], 'skipped', {
  requested: component(0, 'requestedOptions', OPTIONS),
});

const OPTION_RESPONSE = sequence([0, 1], 'skipped', {
  accepted: component(0, 'acceptedOptions', OPTIONS),
  declined: component(1, 'declinedOptions', OPTIONS),
});

type MessageOf<T extends TriMessage['type']> = Extract<TriMessage, { readonly type: T }>;

const ALTERNATIVES: Readonly<Record<string, Alternative<TriMessage>>> = {
  ...Object.fromEntries(
    Object.entries(PLAIN).map(([type, tag]) => [
      type,
      alternative<TriMessage>(tag, nullOf({ type: type as PlainTri })),
    ]),
  ),
  optionRequest: alternative<TriMessage>(
    9,
    converted(
      OPTION_REQUEST,
      (options): MessageOf<'optionRequest'> => ({ type: 'optionRequest', ...options }),
      (message) => message,
    ),
  ),
  optionResponse: alternative<TriMessage>(
    10,
    converted(
      OPTION_RESPONSE,
      (options): MessageOf<'optionResponse'> => ({ type: 'optionResponse', ...options }),
      (message) => message,
    ),
  ),
};

/** TRIPayload. */
export const TRI_PAYLOAD = choice<TriMessage>(ALTERNATIVES, ({ type }) => type, {
  unreadable: false,
  read: (value): MessageOf<'other'> => ({ type: 'other', tag: value.number, element: value.raw.slice() }),
  write: ({ element }: MessageOf<'other'>) => element,
});
