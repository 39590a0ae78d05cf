/**
 * Correlation of records with records and with content, TS 33.108 annex B.9.
 *
 *     CorrelationValues ::= CHOICE { iri-to-CC  [0] IRI-to-CC-Correlation,
 *                                    iri-to-iri [1] OCTET STRING,
 *                                    both-IRI-CC [2] SEQUENCE { iri-CC [0] IRI-to-CC-Correlation, iri-IRI [1] OCTET STRING } }
 *     IRI-to-CC-Correlation ::= SEQUENCE { cc [0] SET OF OCTET STRING, iri [1] OCTET STRING OPTIONAL }
 *     IMS-VoIP-Correlation  ::= SET OF SEQUENCE { ims-iri [0] OCTET STRING, ims-cc [1] IRI-to-CC-Correlation OPTIONAL }
 */
import type { ValueOf } from '../../bytes/fields.ts';
import { octetString } from './contents.ts';
import {
  alternative,
  choice,
  component,
  converted,
  optionalComponent,
  sequence,
  sequenceOf,
} from './fields.ts';

const OCTETS = octetString();

const IRI_TO_CC_PARTS = {
  cc: component(0, 'cc', sequenceOf(OCTETS)),
  iri: optionalComponent(1, 'iri', OCTETS),
};

export type IriToCc = ValueOf<typeof IRI_TO_CC_PARTS>;

const IRI_TO_CC = sequence([0, 1], 'refused', IRI_TO_CC_PARTS);

/** At least one of the two. */
export interface Correlation {
  readonly iriToCc?: IriToCc;
  readonly iriToIri?: Uint8Array;
}

const BOTH = sequence([0, 1], 'refused', {
  iriToCc: component(0, 'iri-CC', IRI_TO_CC),
  iriToIri: component(1, 'iri-IRI', OCTETS),
});

const NONE = new Uint8Array();

/** CorrelationValues. */
export const CORRELATION = choice<Correlation>(
  {
    iriToCc: alternative(
      0,
      converted(
        IRI_TO_CC,
        (iriToCc): Correlation => ({ iriToCc }),
        ({ iriToCc }) => iriToCc ?? { cc: [] },
      ),
    ),
    iriToIri: alternative(
      1,
      converted(
        OCTETS,
        (iriToIri): Correlation => ({ iriToIri }),
        ({ iriToIri }) => iriToIri ?? NONE,
      ),
    ),
    both: alternative(
      2,
      converted(
        BOTH,
        (both): Correlation => both,
        ({ iriToCc = { cc: [] }, iriToIri = NONE }) => ({ iriToCc, iriToIri }),
      ),
    ),
  },
  ({ iriToCc, iriToIri }) =>
    iriToCc === undefined ? 'iriToIri' : iriToIri === undefined ? 'iriToCc' : 'both',
);

/** IMS-VoIP-Correlation. */
export const IMS_VOIP = sequenceOf(
  sequence([0, 1], 'refused', {
    imsIri: component(0, 'ims-iri', OCTETS),
    imsCc: optionalComponent(1, 'ims-cc', IRI_TO_CC),
  }),
);
