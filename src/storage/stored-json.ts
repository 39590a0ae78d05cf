/** What comes back from a store: of the form that was written, or refused. */
import type { StaticDecode, TSchema } from 'typebox';
import { faultText, Form } from '../bytes/schema.ts';
import { StorageError } from './errors.ts';

/**
 * A reader of one kind of stored value. What is wrong is told by its place and what was expected: the value may be secret.
 * @param what e.g. `a stored task`, for the error @throws StorageError `damaged`
 */
export function storedForm<Schema extends TSchema>(
  schema: Schema,
  what: string,
): (value: unknown) => StaticDecode<Schema> {
  const form = new Form(schema);
  return (value) =>
    form.readOr(value, ([fault]) => {
      const wrong = fault === undefined ? '' : `: ${faultText(fault, 'it', 'member')}`;
      return new StorageError('damaged', `${what} is not of the form that is written${wrong}`);
    });
}

/** As `storedForm`, of JSON. */
export function storedJson<Schema extends TSchema>(
  schema: Schema,
  what: string,
): (text: string) => StaticDecode<Schema> {
  const read = storedForm(schema, what);
  return (text) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new StorageError('damaged', `${what} is not JSON`);
    }
    return read(value);
  };
}
