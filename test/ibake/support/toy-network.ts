/** A network of two homes over an engine that costs nothing, for tests of what messages do to states. */
import type { AffinePoint } from '../../../src/ibe/curve.ts';
import type { IbeEngine } from '../../../src/ibe/engine.ts';
import { canonicalIdentity } from '../../../src/ibake/identity.ts';
import type { EndpointKeys } from '../../../src/ibake/ports.ts';
import { identityAt } from './network.ts';
import { Network, type TestEndpoint } from './scenario.ts';
import { toyEngine } from './toy-engine.ts';

export class ToyNetwork extends Network {
  readonly #identities = new Map<AffinePoint, Uint8Array>();
  readonly engine: IbeEngine = toyEngine((key) => this.#identities.get(key) ?? new Uint8Array());

  override endpoint(addressOfRecord: string, device = addressOfRecord): TestEndpoint {
    const endpoint = super.endpoint(addressOfRecord, device);
    const home = this.homes.find(({ host }) => host === canonicalIdentity(device).host);
    if (home === undefined) throw new Error('no home');
    const privateKey: EndpointKeys['privateKey'] = (uri, time) => {
      if (uri !== addressOfRecord && uri !== device) return null;
      const point = { ...home.bf.P };
      this.#identities.set(point, identityAt(home, uri, time));
      return point;
    };
    endpoint.keys.privateKey = privateKey;
    return { ...endpoint, engine: this.engine };
  }
}
