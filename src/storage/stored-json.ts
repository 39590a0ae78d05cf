/** JSON that comes back from a store: of the form that was written, or refused. */
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { StorageError } from './errors.ts';

/**
 * A reader of one kind of stored value. What is wrong is told by its place and what was expected: the value may be secret.
 * @param what e.g. `a stored task`, for the error @throws StorageError `damaged`
 */
export function storedJson<Schema extends TSchema>(
  schema: Schema,
  what: string,
): (text: string) => Static<Schema> {
  const form = Compile(schema);
  return (text) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new StorageError('damaged', `${what} is not JSON`);
    }
    if (form.Check(value)) return value;
    const [first] = form.Errors(value);
    const place = first === undefined || first.instancePath === '' ? '' : ` at ${first.instancePath}`;
    throw new StorageError(
      'damaged',
      `${what} is not of the form that is written${place}: ${first?.message ?? ''}`,
    );
  };
}
