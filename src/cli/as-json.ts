/** What a command has done, for people or for scripts. */

/** `--json` of commands that say what they have done. */
export interface JsonFlag {
  readonly json?: true;
}

/** As JSON where that was asked for, else the text. */
export function tellDone(done: object, text: string, { json }: JsonFlag): void {
  process.stdout.write(json === true ? `${JSON.stringify(done, null, 2)}\n` : text);
}
