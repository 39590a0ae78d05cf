/**
 * What is asked of the audit log at an admin listener: `/audit?from=N&most=M&for=NAME`, records from N on, M of them at
 * most. An ADMF, which asks for people at its own door, says for whom; auditors ask for themselves.
 */
import Type from 'typebox';
import { Form, faultText, strict } from '../bytes/schema.ts';

/** Records of the audit log in one answer. */
const MOST_RECORDS = 1_000;
/** Characters of a person's name. */
const LONGEST_NAME = 256;

export interface AuditLook {
  readonly from: number;
  readonly most: number;
  /** Whom an ADMF asks for; `null`: whoever asks. */
  readonly for: string | null;
}

const WHOLE = (most: number, absent: string) =>
  Type.String({
    pattern: '^(0|[1-9][0-9]{0,14})$',
    default: absent,
    errorMessage: `a whole number, ${most} at most`,
  });

const QUERY = new Form(
  strict({
    from: WHOLE(Number.MAX_SAFE_INTEGER, '0'),
    most: WHOLE(MOST_RECORDS, String(MOST_RECORDS)),
    for: Type.Optional(
      Type.String({ minLength: 1, maxLength: LONGEST_NAME, errorMessage: 'the name of a person' }),
    ),
  }),
);

/** @returns what is asked, or what is wrong with the query, in words */
export function readAuditLook(query: unknown): AuditLook | string {
  const read = QUERY.read({ ...(query as object) });
  if (!('value' in read))
    return read.faults.map((each) => faultText(each, 'the query', 'parameter')).join('; ');
  const [from, most] = [Number(read.value.from), Number(read.value.most)];
  if (most > MOST_RECORDS) return `most is not a whole number, ${MOST_RECORDS} at most`;
  return { from, most, for: read.value.for ?? null };
}

/** The other direction. */
export function auditLookQuery(look: AuditLook): string {
  const whom = look.for === null ? '' : `&for=${encodeURIComponent(look.for)}`;
  return `from=${look.from}&most=${look.most}${whom}`;
}
