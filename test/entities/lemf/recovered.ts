/** Recovery of files that are in memory, as a report and the audio's octets. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RecoveryReport } from '../../../src/entities/lemf/recover.ts';
import { formatSource } from '../../../src/entities/lemf/sources.ts';
import type { SourceMark } from '../../../src/entities/lemf/sources.ts';
import { filesOf, recoverFolder } from '../../../src/entities/lemf/store/recovery.ts';
import type { FolderRecoverySettings } from '../../../src/entities/lemf/store/recovery.ts';
import type { HandoverKind } from '../../../src/entities/lemf/ports.ts';

export interface Recovered {
  readonly report: RecoveryReport;
  /** Names and contents of the WAV files, as the report lists them. */
  readonly audio: readonly { readonly name: string; readonly octets: Uint8Array }[];
}

export interface RecoveredOptions extends FolderRecoverySettings {
  /** Who sent what, where that is known. */
  readonly sources?: Readonly<Record<HandoverKind, readonly SourceMark[]>>;
}

export function recover(hi2: Uint8Array, hi3: Uint8Array, options: RecoveredOptions = {}): Recovered {
  const { sources, ...settings } = options;
  const folder = mkdtempSync(path.join(tmpdir(), 'claviger-recovered-'));
  try {
    for (const [kind, octets] of [
      ['hi2', hi2],
      ['hi3', hi3],
    ] as const) {
      writeFileSync(path.join(folder, `${kind}.ber`), octets);
      const notes = (sources?.[kind] ?? []).map(formatSource).join('');
      if (notes !== '') writeFileSync(path.join(folder, `${kind}.sources`), notes);
    }
    const out = path.join(folder, 'out');
    const paths = { hi2: path.join(folder, 'hi2.ber'), hi3: path.join(folder, 'hi3.ber') };
    const report = recoverFolder(paths, out, settings);
    const written = readFileSync(path.join(out, 'recover.json'), 'utf8');
    const told = `${JSON.stringify(report, null, 2)}\n`;
    if (written !== told) throw new Error('recover.json is not what is reported');
    const names = report.calls.flatMap(filesOf);
    const left = readdirSync(out).filter((name) => name !== 'recover.json' && !names.includes(name));
    if (left.length > 0) throw new Error(`left over: ${left.join(', ')}`);
    const audio = names.map((name) => ({
      name,
      octets: new Uint8Array(readFileSync(path.join(out, name))),
    }));
    return { report, audio };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
