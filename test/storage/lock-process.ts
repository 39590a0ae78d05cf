/** A process that works with a folder: it says whether it got it, and keeps it until it is killed or told to give it up. */
import { lockState } from '../../src/storage/lock.ts';

const [, , folder = ''] = process.argv;

try {
  const held = lockState({ entity: 'kms', folders: [folder] }, Date.now());
  process.once('SIGTERM', () => {
    held.release();
    process.exit(0);
  });
  setInterval(() => undefined, 60_000);
  process.stdout.write(JSON.stringify({ pid: process.pid, error: null }) + '\n');
} catch (error) {
  process.stdout.write(JSON.stringify({ pid: process.pid, error: String(error) }) + '\n');
}
