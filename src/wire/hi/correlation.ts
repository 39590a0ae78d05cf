/**
 * Correlation of records with records and with content, TS 33.108 annex B.9.
 *
 *     CorrelationValues ::= CHOICE { iri-to-CC  [0] IRI-to-CC-Correlation,
 *                                    iri-to-iri [1] OCTET STRING,
 *                                    both-IRI-CC [2] SEQUENCE { iri-CC [0] IRI-to-CC-Correlation, iri-IRI [1] OCTET STRING } }
 *     IRI-to-CC-Correlation ::= SEQUENCE { cc [0] SET OF OCTET STRING, iri [1] OCTET STRING OPTIONAL }
 *     IMS-VoIP-Correlation  ::= SET OF SEQUENCE { ims-iri [0] OCTET STRING, ims-cc [1] IRI-to-CC-Correlation OPTIONAL }
 */
import { berString } from '../../bytes/ber.ts';
import { derOctets, derSequence } from '../../bytes/der.ts';
import {
  choiceOf,
  constructed,
  Elements,
  formOf,
  malformed,
  octetStringsOf,
  optional,
  primitive,
  sequencesOf,
} from './ber.ts';

export interface IriToCc {
  readonly cc: readonly Uint8Array[];
  readonly iri?: Uint8Array;
}

/** At least one of the two. */
export interface Correlation {
  readonly iriToCc?: IriToCc;
  readonly iriToIri?: Uint8Array;
}

export interface ImsVoip {
  readonly imsIri: Uint8Array;
  readonly imsCc?: IriToCc;
}

/** [tag] CorrelationValues. */
export function encodeCorrelation(tag: number, { iriToCc, iriToIri }: Correlation): Uint8Array {
  if (iriToCc !== undefined && iriToIri !== undefined) {
    return constructed(tag, constructed(2, encodeIriToCc(0, iriToCc), primitive(1, iriToIri)));
  }
  if (iriToCc !== undefined) return constructed(tag, encodeIriToCc(0, iriToCc));
  return constructed(tag, primitive(1, iriToIri ?? new Uint8Array()));
}

export function decodeCorrelation(contents: Uint8Array): Correlation {
  const what = 'correlation';
  const choice = choiceOf(contents, what);
  switch (choice.number) {
    case 0:
      return { iriToCc: decodeIriToCc(formOf(choice, 'constructed', what)) };
    case 1:
      return { iriToIri: berString(choice, what).slice() };
    case 2: {
      const both = new Elements(formOf(choice, 'constructed', what), 'both-IRI-CC', [0, 1], 'refused');
      return { iriToCc: decodeIriToCc(both.inside(0, 'iri-CC')), iriToIri: both.octets(1, 'iri-IRI') };
    }
    default:
      throw malformed(`${what}: no alternative [${choice.number}]`);
  }
}

/** [tag] IMS-VoIP-Correlation. */
export function encodeImsVoip(tag: number, entries: readonly ImsVoip[]): Uint8Array {
  return constructed(
    tag,
    ...entries.map(({ imsIri, imsCc }) =>
      derSequence(
        primitive(0, imsIri),
        optional(imsCc, (cc) => encodeIriToCc(1, cc)),
      ),
    ),
  );
}

export function decodeImsVoip(contents: Uint8Array): ImsVoip[] {
  return sequencesOf(contents, 'imsVoIP').map((entry) => {
    const elements = new Elements(entry, 'imsVoIP', [0, 1], 'refused');
    const cc = elements.optionalInside(1, 'ims-cc');
    return {
      imsIri: elements.octets(0, 'ims-iri'),
      ...(cc === undefined ? {} : { imsCc: decodeIriToCc(cc) }),
    };
  });
}

function encodeIriToCc(tag: number, { cc, iri }: IriToCc): Uint8Array {
  return constructed(
    tag,
    constructed(0, ...cc.map(derOctets)),
    optional(iri, (octets) => primitive(1, octets)),
  );
}

function decodeIriToCc(contents: Uint8Array): IriToCc {
  const elements = new Elements(contents, 'IRI-to-CC', [0, 1], 'refused');
  const iri = elements.optionalOctets(1, 'iri');
  return { cc: octetStringsOf(elements.inside(0, 'cc'), 'cc'), ...(iri === undefined ? {} : { iri }) };
}
