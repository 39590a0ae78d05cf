/** Names of HI1 (TS 103 120): namespaces of its schemas, how documents declare them, and how large they may be. */
import type { XmlVocabulary } from '../xml/tree.ts';
import { COMMON_NAMESPACE } from '../xml/namespaces.ts';

export const HI1_CORE = 'http://uri.etsi.org/03120/common/2019/10/Core';
export const HI1_COMMON = 'http://uri.etsi.org/03120/common/2016/02/Common';
export const HI1_AUTHORISATION = 'http://uri.etsi.org/03120/common/2020/09/Authorisation';
export const HI1_TASK = 'http://uri.etsi.org/03120/common/2020/09/Task';
export const HI1_DOCUMENT = 'http://uri.etsi.org/03120/common/2020/09/Document';
export const HI1_NOTIFICATION = 'http://uri.etsi.org/03120/common/2016/02/Notification';

export const HI1_VOCABULARY: XmlVocabulary = {
  declared: new Map([
    [HI1_CORE, ''],
    [HI1_COMMON, 'common'],
    [HI1_AUTHORISATION, 'auth'],
    [HI1_TASK, 'task'],
    [HI1_DOCUMENT, 'doc'],
    [HI1_NOTIFICATION, 'notification'],
  ]),
  others: new Map([[COMMON_NAMESPACE, 'etsi']]),
};

/** Octets of a message at most. */
export const HI1_SIZE_LIMIT = 4 << 20;
/** Octets of an answer at most; who asks reads as much. */
export const HI1_ANSWER_LIMIT = 8 << 20;
/** Actions of a message at most. */
export const HI1_MOST_ACTIONS = 256;
