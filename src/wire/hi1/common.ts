/**
 * Types that all objects of HI1 share: entries of dictionaries, end points, details of approval, national parameters
 * (`ts_103120_Common.xsd`, `ts_103120_Core.xsd`). Keys are the names of elements, as people know them.
 */
import { optional } from '../../bytes/fields.ts';
import type { ValueOf } from '../../bytes/fields.ts';
import { XmlDocumentError } from '../xml/errors.ts';
import { formsOf, leaf, mapped, record } from '../xml/forms.ts';
import type { ElementForm } from '../xml/forms.ts';
import * as types from '../xml/simple-types.ts';
import type { XmlElement } from '../xml/tree.ts';
import { HI1_COMMON, HI1_CORE } from './names.ts';

const core = formsOf(HI1_CORE);
const common = formsOf(HI1_COMMON);

export const ISO_COUNTRY = leaf(types.token(/^[A-Z]{2}$/));
export const OBJECT_ID = leaf(types.uuid);
export const SHORT_TEXT = leaf(types.shortString);
export const LONG_TEXT = leaf(types.longString);
export const TRUTH = leaf(types.boolean);
/** A date with time and zone, as its text; `instantOf` says when that is. */
export const QUALIFIED_TIME = leaf(types.qualifiedDateTime);
/** Of any length, as decimal digits. */
export const NATURAL = leaf(types.nonNegativeInteger);

const DICTIONARY_ENTRY_PARTS = {
  Owner: common.one('Owner', SHORT_TEXT),
  Name: common.one('Name', SHORT_TEXT),
  Value: common.one('Value', SHORT_TEXT),
};

/** A word of a dictionary: whose, which, and the word. */
export type DictionaryEntry = ValueOf<typeof DICTIONARY_ENTRY_PARTS>;
export const DICTIONARY_ENTRY = record(DICTIONARY_ENTRY_PARTS);

const ENDPOINT_PARTS = {
  CountryCode: core.one('CountryCode', ISO_COUNTRY),
  UniqueIdentifier: core.one('UniqueIdentifier', LONG_TEXT),
};

/** Who sends and receives: a country and a name there. */
export type Hi1Endpoint = ValueOf<typeof ENDPOINT_PARTS>;
export const ENDPOINT_ID = record(ENDPOINT_PARTS);

export const UNSUCCESSFUL_PARTS = {
  ErrorCode: core.one('ErrorCode', leaf(types.wholeNumber(0))),
  ErrorDescription: core.one('ErrorDescription', LONG_TEXT),
};

/** Why something was not done. */
export type Unsuccessful = ValueOf<typeof UNSUCCESSFUL_PARTS>;
export const UNSUCCESSFUL = record(UNSUCCESSFUL_PARTS);

/** An abstract type that each country makes its own: kept as it came. Its first element is the country. */
export function national(namespace: string): ElementForm<XmlElement> {
  const country = { namespace, name: 'CountryCode' };
  const check = (element: XmlElement): XmlElement => {
    const [first] = element.children;
    const begins = first?.name === country.name && first.namespace === namespace;
    if (element.type === null || !begins)
      throw new XmlDocumentError(
        'schema',
        `${element.name}: a national type with its CountryCode is expected`,
      );
    ISO_COUNTRY.read(first);
    return element;
  };
  return { read: check, write: (name, element) => check({ ...element, ...name }) };
}

/** A choice as the name of its element and the value. */
export interface Chosen<K extends string, T> {
  readonly kind: K;
  readonly value: T;
}

export function chosen<K extends string, T>(kind: K, form: ElementForm<T>): ElementForm<Chosen<K, T>> {
  return mapped(
    form,
    (value) => ({ kind, value }),
    ({ value }) => value,
  );
}

const nationalCommon = national(HI1_COMMON);
const PARTIES = record({
  ApproverAlternateName: optional(common.one('ApproverAlternateName', LONG_TEXT)),
  ApproverEmailAddress: optional(
    common.one('ApproverEmailAddress', leaf(types.internationalisedEmailAddress)),
  ),
  ApproverPhoneNumber: optional(common.one('ApproverPhoneNumber', leaf(types.e164))),
});

/** Who approved what, when and how. */
export const APPROVAL_DETAILS = record({
  ApprovalType: optional(common.one('ApprovalType', LONG_TEXT)),
  ApprovalDescription: optional(common.one('ApprovalDescription', LONG_TEXT)),
  ApprovalReference: optional(common.one('ApprovalReference', LONG_TEXT)),
  ApproverDetails: optional(
    common.one(
      'ApproverDetails',
      record({
        ApproverName: optional(common.one('ApproverName', LONG_TEXT)),
        ApproverRole: optional(common.one('ApproverRole', LONG_TEXT)),
        ApproverIdentity: optional(
          common.one(
            'ApproverIdentity',
            record({ national: common.one('NationalApproverIdentity', nationalCommon) }),
          ),
        ),
        ApproverContactDetails: common.many('ApproverContactDetails', PARTIES),
      }),
    ),
  ),
  ApprovalTimestamp: optional(common.one('ApprovalTimestamp', QUALIFIED_TIME)),
  ApprovalIsEmergency: optional(common.one('ApprovalIsEmergency', TRUTH)),
  ApprovalDigitalSignature: optional(
    common.one(
      'ApprovalDigitalSignature',
      record({ national: common.one('NationalDigitalSignature', nationalCommon) }),
    ),
  ),
  ApprovalNationalDetails: optional(common.one('ApprovalNationalDetails', nationalCommon)),
});
