/** Error codes of HI1 (TS 103 120), by names of ours, and what each says unless there is more to say. */

export type Hi1ErrorName =
  /** 3000: it was not done. */
  | 'general'
  /** 3001: a feature that is not here. */
  | 'unsupported'
  /** 3002: two actions of a message have the same number. */
  | 'duplicateAction'
  /** 3003: not at the moment. */
  | 'transient'
  /** 3005: an element is missing. */
  | 'elementMissing'
  /** 3006: what stays as it was created cannot be changed. */
  | 'changeNotAllowed'
  /** 3007: a value cannot be taken. */
  | 'improperValue'
  /** 3008: the object has another generation. */
  | 'staleGeneration'
  /** 3010: there is an object with this identifier. */
  | 'exists'
  /** 3011: there is no such object to update. */
  | 'unknownForUpdate'
  /** 3012: the object has come to its end. */
  | 'finalState'
  /** 3014: there is no such object to give. */
  | 'unknownForGet'
  /** 3016: an associated object does not exist. */
  | 'linkUnresolved'
  /** 3017: an associated object has come to its end. */
  | 'linkExpired'
  /** 3018: an associated object was refused. */
  | 'linkRefused'
  /** 3019: not XML in UTF-8. */
  | 'encoding'
  /** 3020: not as the schema has it. */
  | 'schema'
  /** 3021: a version that is not supported. */
  | 'version';

interface Hi1Error {
  readonly code: number;
  readonly text: string;
}

export const HI1_ERRORS: Readonly<Record<Hi1ErrorName, Hi1Error>> = {
  general: { code: 3000, text: 'it was not done' },
  unsupported: { code: 3001, text: 'not supported' },
  duplicateAction: { code: 3002, text: 'two actions have this number' },
  transient: { code: 3003, text: 'not at the moment: try again' },
  elementMissing: { code: 3005, text: 'an element is missing' },
  changeNotAllowed: { code: 3006, text: 'this cannot be changed' },
  improperValue: { code: 3007, text: 'a value cannot be taken' },
  staleGeneration: { code: 3008, text: 'the object has changed meanwhile' },
  exists: { code: 3010, text: 'there is an object with this identifier' },
  unknownForUpdate: { code: 3011, text: 'there is no such object to update' },
  finalState: { code: 3012, text: 'the object has come to its end' },
  unknownForGet: { code: 3014, text: 'there is no such object' },
  linkUnresolved: { code: 3016, text: 'an associated object does not exist' },
  linkExpired: { code: 3017, text: 'an associated object has come to its end' },
  linkRefused: { code: 3018, text: 'an associated object was refused' },
  encoding: { code: 3019, text: 'not XML in UTF-8' },
  schema: { code: 3020, text: 'not as the schema has it' },
  version: { code: 3021, text: 'this version is not supported' },
};
