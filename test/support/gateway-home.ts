/** A home with a DF that takes X2 and X3 in, and a media gateway that runs from its configuration, on ports of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gatewayConfig } from '../../src/entities/gateway/config.ts';
import type { GatewayConfig } from '../../src/entities/gateway/config.ts';
import { startGateway } from '../../src/entities/gateway/start.ts';
import type { RunningGateway } from '../../src/entities/gateway/start.ts';
import { ElementHome, elementRuntime } from './elements.ts';
import { ownPorts } from './own-ports.ts';
import type { OwnPorts } from './own-ports.ts';

/** Ports that media have; the next one is that of its control. */
const MEDIA_PORTS = 16;

export class GatewayHome {
  readonly elements: ElementHome;
  /** Where elements find the DF. */
  readonly df: Readonly<Record<string, string>>;
  readonly #folder: string;
  readonly #block: OwnPorts;
  readonly #config: GatewayConfig;
  #gateway: RunningGateway;

  private constructor(
    elements: ElementHome,
    df: Readonly<Record<string, string>>,
    place: { readonly folder: string; readonly block: OwnPorts },
    config: GatewayConfig,
    gateway: RunningGateway,
  ) {
    this.elements = elements;
    this.df = df;
    this.#folder = place.folder;
    this.#block = place.block;
    this.#config = config;
    this.#gateway = gateway;
  }

  /** @param workers threads for media; 0: none */
  static async create(workers: number): Promise<GatewayHome> {
    const block = await ownPorts();
    const folder = mkdtempSync(path.join(tmpdir(), 'claviger-gateway-'));
    const elements = await ElementHome.create(folder);
    const df = { 'df.home1.example:41000': await elements.startDf() };
    const config = gatewayConfig({
      ...(await elements.settings('gateway', df)),
      media: { from: block.base, to: block.base + MEDIA_PORTS - 1 },
      control: { port: block.base + MEDIA_PORTS },
      workers,
    });
    const gateway = await startGateway(config, elementRuntime);
    return new GatewayHome(elements, df, { folder, block }, config, gateway);
  }

  get gateway(): RunningGateway {
    return this.#gateway;
  }

  /** Where it is controlled. */
  get control(): string {
    return `127.0.0.1:${this.#gateway.control.port}`;
  }

  async restart(): Promise<void> {
    await this.#gateway.stop();
    this.#gateway = await startGateway(this.#config, elementRuntime);
  }

  async close(): Promise<void> {
    await this.#gateway.stop();
    await this.elements.close();
    this.#block.release();
    rmSync(this.#folder, { recursive: true });
  }
}
