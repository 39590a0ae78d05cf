import { plainText } from './format.ts';

/** An answer that is not what was asked for, in words for the reader. */
export class AskRefusal extends Error {
  /** As the interface has it; `unreachable` where there was no answer. */
  readonly code: string;
  readonly status: number;

  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** What the reader is told of it. @throws what is not a refusal */
export function refusalText(error: unknown): string {
  if (error instanceof AskRefusal) return plainText(error.message);
  throw error;
}
