/** Names of X1 (TS 103 221-1 clauses 6.1 and 7): its namespaces, where documents go, and how large they may be. */
import { COMMON_NAMESPACE } from '../xml/namespaces.ts';
import type { XmlVocabulary } from '../xml/tree.ts';
import { formsOf } from '../xml/forms.ts';

export const X1_NAMESPACE = 'http://uri.etsi.org/03221/X1/2017/10';
export const HASHED_ID_NAMESPACE = 'http://uri.etsi.org/03221/X1/2017/10/HashedID';

/** Where an NE and where the ADMF take documents. */
export const X1_NE_PATH = '/X1/NE';
export const X1_ADMF_PATH = '/X1/ADMF';
/** Octets of a request at most. */
export const X1_SIZE_LIMIT = 1 << 20;
/** Octets of an answer that an element gives at most; what asks reads more than that (`answerOctets`). */
export const X1_ANSWER_LIMIT = 8 << 20;

export const X1_VOCABULARY: XmlVocabulary = {
  declared: new Map([
    [X1_NAMESPACE, ''],
    [COMMON_NAMESPACE, 'common'],
  ]),
  others: new Map([[HASHED_ID_NAMESPACE, 'hashed']]),
};

export const { one, many, list, choiceOf } = formsOf(X1_NAMESPACE);
