/** `claviger demo --console`: the demo's network stays up, with a console for each of its people. */
import { officerConfig } from '../entities/admf/config-officer.ts';
import { pinoLogger } from '../host/log.ts';
import type { StayingNetwork } from '../lab/scenarios/demo.ts';
import type { Bridge } from '../console/bridge.ts';
import { untilTold } from './commands/run.ts';
import { openConsole } from './console-link.ts';
import { openLink, ownDesktop } from './open-link.ts';
import type { OpenedLink } from './open-link.ts';

/**
 * Prints the links, and resolves at SIGINT or SIGTERM.
 * @param opens whether the first is opened in a browser, where somebody sits at a desktop
 */
export async function stayWithConsole(
  { people, calls }: StayingNetwork,
  { opens }: { readonly opens: boolean },
): Promise<void> {
  const logger = pinoLogger('warn', 'console');
  const stopped = untilTold(logger);
  const open: { readonly name: string; readonly bridge: Bridge }[] = [];
  let opened: OpenedLink | null = null;
  try {
    for (const { name, config } of people) {
      const more = { logger, port: 0, laboratory: calls };
      open.push({ name, bridge: await openConsole(officerConfig(config), more) });
    }
    const links = open.map(({ name, bridge }) => [name, bridge.link] as const);
    const [first] = links;
    if (opens && first !== undefined) opened = await openLink(first[1], ownDesktop());
    process.stdout.write(linksText(links, opened !== null));
    await stopped;
  } finally {
    opened?.close();
    for (const { bridge } of open) await bridge.close();
  }
}

function linksText(links: readonly (readonly [string, string])[], isFirstOpened: boolean): string {
  const openedNote = (at: number): string =>
    isFirstOpened && at === 0 ? ', which opens in your browser' : '';
  return [
    ...['', 'The network stays up until Ctrl-C. Its consoles, each link for one browser, once'],
    ...links.map(([name, link], at) => `  ${name}${openedNote(at)}\n    ${link}`),
    '',
    'Enter a warrant as officer-1, approve it as officer-2 in a private window, call again',
    ...['(view Laboratory), then see and hear it as analyst, and its keys as auditor', '', ''],
  ].join('\n');
}
