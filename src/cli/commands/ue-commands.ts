/** What a phone on the command line is told in a call, a line each on standard input. */
import { createInterface } from 'node:readline';
import { messageOf } from '../../bytes/errors.ts';
import type { PhoneCall } from '../../entities/ue/call.ts';

/** What a word does; what it gives is printed. */
const COMMANDS: Readonly<Record<string, (call: PhoneCall) => Promise<string>>> = {
  rekey: async (call) => {
    await call.rekey();
    return `new keys, read aloud: ${call.sas ?? 'none'}`;
  },
  hold: async (call) => {
    await call.hold();
    return 'the other end is held';
  },
  resume: async (call) => {
    await call.resume();
    return 'the other end is not held any more';
  },
  video: async (call) => {
    await call.addVideo();
    return 'the call has video';
  },
  offer: async (call) => {
    await call.askForOffer();
    return 'the other end has described its media anew';
  },
  hangup: async (call) => {
    await call.hangUp();
    return 'hung up';
  },
};

export const COMMAND_WORDS = Object.keys(COMMANDS).join(', ');

/**
 * Carries out one line after the other. Resolves when the call has ended, or there are no more lines; what cannot be done
 * is said, and changes nothing.
 */
export async function obey(
  call: PhoneCall,
  input: NodeJS.ReadableStream,
  say: (line: string) => void,
): Promise<void> {
  const lines = createInterface({ input });
  void call.ended.then(() => lines.close());
  for await (const line of lines) {
    const word = line.trim();
    if (word !== '') say(await carriedOut(call, word));
    if (call.state === 'ended') return;
  }
}

async function carriedOut(call: PhoneCall, word: string): Promise<string> {
  const command = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  if (command === undefined) return `no such command: ${JSON.stringify(word)}; there are ${COMMAND_WORDS}`;
  try {
    return await command(call);
  } catch (error) {
    return `${word}: ${messageOf(error)}`;
  }
}
