/** A reader of what comes from outside, as it is given mutated inputs. */
type ErrorClass = abstract new (...args: never[]) => Error;

export interface FuzzedDecoder {
  readonly name: string;
  /** What it says of inputs that it does not take. Anything else that it throws is a fault. */
  readonly errors: readonly ErrorClass[];
  readonly samples: () => readonly Uint8Array[];
  readonly decode: (octets: Uint8Array) => unknown;
}
