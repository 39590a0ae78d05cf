/**
 * Paths in configurations: relative ones are taken from the folder of the file that names them, so that a folder of
 * configurations works from wherever it is used, and wherever it is moved to.
 */
import path from 'node:path';
import Type from 'typebox';

/** A file or folder on this machine. */
export function filePath(description: string, options: { absent?: string } = {}) {
  return Type.String({ description, isPath: true, ...options });
}

/** The parts of a JSON Schema that lead to paths. */
interface Node {
  readonly isPath?: boolean;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

/** A copy of settings, whatever they are, in which each path is what `change` makes of it; `place`: `tls.certificate`. */
export function mapPaths(
  node: Node,
  value: unknown,
  change: (file: string, place: string) => string,
  place = '',
): unknown {
  if (typeof value === 'string') return node.isPath === true ? change(value, place) : value;
  if (typeof value !== 'object' || value === null) return value;
  const { items, properties } = node;
  if (Array.isArray(value)) {
    if (items === undefined) return value;
    return value.map((element, at) => mapPaths(items, element, change, `${place}[${at}]`));
  }
  // No deeper than the schema goes, however deep the value is.
  if (properties === undefined) return value;
  const mapped = ([name, member]: [string, unknown]): [string, unknown] => {
    const inner = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const at = place === '' ? name : `${place}.${name}`;
    return [name, inner === undefined ? member : mapPaths(inner, member, change, at)];
  };
  return Object.fromEntries(Object.entries(value).map(mapped));
}

/** Settings with their relative paths taken from the folder of `file`. */
export function resolvePaths(node: Node, value: unknown, file: string): unknown {
  const folder = path.dirname(path.resolve(file));
  return mapPaths(node, value, (found) => {
    if (found === '' || found === ':memory:') return found;
    return path.resolve(folder, found);
  });
}
