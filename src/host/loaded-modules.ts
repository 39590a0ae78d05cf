/** What code this thread has loaded, by what the engine itself says: neither a list that somebody keeps, nor a guess. */
import { Session } from 'node:inspector';

/** URLs of the project's modules and of its dependencies, in no particular order. */
export function loadedModules(): string[] {
  const urls = new Set<string>();
  const session = new Session();
  session.connect();
  try {
    session.on('Debugger.scriptParsed', ({ params }) => void urls.add(params.url));
    // The engine tells of all scripts at once, before this returns.
    session.post('Debugger.enable');
    session.post('Debugger.disable');
  } finally {
    session.disconnect();
  }
  return [...urls].filter((url) => url.startsWith('file:'));
}
