/**
 * The certificates of one run of the laboratory: an authority that is forgotten with the run, a few days of validity, keys
 * in files of mode 0600.
 */
import path from 'node:path';
import type { TlsFiles } from '../../net/tls.ts';
import { makeFolder, writeWhole } from '../../storage/files.ts';
import { LabAuthority } from '../pki/authority.ts';
import { certificateName } from '../pki/folder.ts';
import type { Subject, Validity } from '../pki/authority.ts';

const WEEK_MS = 7 * 86_400_000;

export class LabPki {
  readonly #folder: string;
  readonly #authority: LabAuthority;
  /** The authority's certificate file. */
  readonly authorities: string;
  readonly #validity: Validity;
  /** Settings of revocation lists; empty: there are none. */
  readonly lists: Pick<TlsFiles, 'revocationLists'>;

  /**
   * @param folder of the authority, with `ca.pem`
   * @param lists file of revocation lists; absent: there are none
   */
  constructor(folder: string, authority: LabAuthority, validity: Validity, lists?: string) {
    this.#folder = folder;
    this.#authority = authority;
    this.#validity = validity;
    this.authorities = path.join(folder, 'ca.pem');
    this.lists = lists === undefined ? {} : { revocationLists: [lists] };
  }

  /** Makes an authority whose files live in `folder`. `validity`: when, or Unix milliseconds that a week around will do. */
  static async create(
    folder: string,
    validity: Validity | number,
    name = 'Claviger laboratory',
  ): Promise<LabPki> {
    const { from, to } =
      typeof validity === 'number' ? { from: validity - WEEK_MS, to: validity + WEEK_MS } : validity;
    makeFolder(folder, 0o700);
    const authority = await LabAuthority.create(name, { from, to });
    writeWhole(path.join(folder, 'ca.pem'), authority.certificate);
    return new LabPki(folder, authority, { from, to });
  }

  /** A certificate for `subject`, and its files. */
  async issue(subject: Subject): Promise<TlsFiles> {
    const { certificate, privateKey } = await this.#authority.issue(subject, this.#validity);
    const name = certificateName(subject);
    const files = {
      certificate: path.join(this.#folder, `${name}.pem`),
      privateKey: path.join(this.#folder, `${name}.key`),
      authorities: this.authorities,
      ...this.lists,
    };
    writeWhole(files.certificate, certificate);
    writeWhole(files.privateKey, privateKey, { mode: 0o600 });
    return files;
  }
}
