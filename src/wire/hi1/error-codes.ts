/** Error codes of HI1 (TS 103 120), by names of ours, and what each says unless there is more to say. */

export const HI1_ERRORS = {
  general: { code: 3000, text: 'it was not done' },
  /** A feature that is not here. */
  unsupported: { code: 3001, text: 'not supported' },
  /** Of a message. */
  duplicateAction: { code: 3002, text: 'two actions have this number' },
  transient: { code: 3003, text: 'not at the moment: try again' },
  elementMissing: { code: 3005, text: 'an element is missing' },
  /** It stays as it was created. */
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
} as const satisfies Readonly<Record<string, { readonly code: number; readonly text: string }>>;

export type Hi1ErrorName = keyof typeof HI1_ERRORS;
