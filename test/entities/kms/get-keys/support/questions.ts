/** Questions about the exchange vectors. */
import type { GetKeysRequest } from '../../../../../src/wire/xk/get-keys.ts';
import { homesOf, messageOf, type Vector } from '../../../../ibake/support/vectors.ts';
import { TestRecords } from './kms.ts';

export const PARTS = ['initiator', 'responder'] as const;
export type Part = (typeof PARTS)[number];

export function requestOf(vector: Vector, part: Part): GetKeysRequest {
  return {
    targetKmsIdentity: vector.kms[part].user.uri,
    xid: '29f28e1c-f230-486a-a860-f5a784ab9172',
    iMessage1: messageOf(vector, 'I_MESSAGE_1'),
    rMessage1: messageOf(vector, 'R_MESSAGE_1'),
    iMessage2: messageOf(vector, 'I_MESSAGE_2'),
    rMessage2: messageOf(vector, 'R_MESSAGE_2'),
    updates: [],
    midCall: false,
  };
}

export function recordsOf(vector: Vector, part: Part): TestRecords {
  return new TestRecords(homesOf(vector)[part], [vector.kms[part].user.uri]);
}
