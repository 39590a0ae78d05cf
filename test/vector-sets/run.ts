/** Runs `npm run vectors`. */
import { makeVectors } from './main.ts';

process.exitCode = await makeVectors(process.argv.slice(2), console);
