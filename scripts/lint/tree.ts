/**
 * What no rule on one file can see: circles of imports, and names that two files export.
 *
 * Every import counts, type-only ones too: who reads a file reads what it imports, whatever is left of it at run time.
 */
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** Texts of TypeScript files by path. */
export type Tree = ReadonlyMap<string, string>;

/** The TypeScript files below a folder. */
export function readTree(folder: string): Tree {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => path.join(folder, file));
  return new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));
}

/**
 * Files that import each other, directly or by way of others, each group sorted (Tarjan's strongly connected
 * components); a file that imports itself is a group of one.
 */
export function importCircles(tree: Tree): string[][] {
  const imports = new Map([...tree].map(([file, text]) => [file, importsOf(file, text)]));
  const circles: string[][] = [];
  const order = new Map<string, number>();
  const open: string[] = [];
  /** The earliest file that is still open and can be reached from this one. */
  const visit = (file: string): number => {
    const own = order.size;
    order.set(file, own);
    open.push(file);
    let earliest = own;
    for (const next of imports.get(file) ?? []) {
      if (!imports.has(next)) continue;
      const known = order.get(next);
      if (known === undefined) earliest = Math.min(earliest, visit(next));
      else if (open.includes(next)) earliest = Math.min(earliest, known);
    }
    if (earliest < own) return earliest;
    const group = open.splice(open.indexOf(file));
    if (group.length > 1 || imports.get(file)?.includes(file)) circles.push(group.sort());
    return own;
  };
  for (const file of tree.keys()) if (!order.has(file)) visit(file);
  return circles;
}

/** Names that are exported more than once, with the files that export them; exporting at second hand counts. */
export function doubledNames(tree: Tree): Map<string, string[]> {
  const files = new Map<string, string[]>();
  for (const [file, text] of tree)
    for (const name of new Set(exportedNames(file, text)))
      files.set(name, [...(files.get(name) ?? []), file]);
  return new Map([...files].filter(([, places]) => places.length > 1));
}

/* ---------------------------------------------------------------- helpers */

function importsOf(file: string, text: string): string[] {
  return ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => path.join(path.dirname(file), name));
}

/** `*` with the module's name for `export * from`. */
function exportedNames(file: string, text: string): string[] {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest).statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement)) return namesOfClause(statement);
    if (ts.isExportAssignment(statement)) return ['default'];
    const isExported =
      ts.canHaveModifiers(statement) &&
      ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
    if (isExported !== true) return [];
    if (ts.isVariableStatement(statement))
      return statement.declarationList.declarations.flatMap(({ name }) => boundNames(name));
    const { name } = statement as ts.Statement & { readonly name?: ts.Identifier };
    return [name?.text ?? 'default'];
  });
}

function namesOfClause({ exportClause }: ts.ExportDeclaration): string[] {
  if (exportClause === undefined) return ['*'];
  if (ts.isNamespaceExport(exportClause)) return [exportClause.name.text];
  return exportClause.elements.map(({ name }) => name.text);
}

function boundNames(name: ts.BindingName): string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isBindingElement(element) ? boundNames(element.name) : []));
}
