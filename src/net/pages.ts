/**
 * Built files of a web application: a list that is fixed when the server starts, and nothing else of the disk. The
 * browser is told to run and load nothing but these files (Content Security Policy level 3), and to take no text for
 * markup (Trusted Types).
 *
 *     GET BASE/        index.html, asked for anew each time     200 with ETag, or 304 (RFC 9110 13.1.2)
 *     GET BASE/NAME    a file of the list                       the same; files named by their contents stay for good
 *     GET BASE         308 to BASE/
 */
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** One file as it goes out. */
export interface PageFile {
  readonly octets: Uint8Array;
  /** For Content-Type. */
  readonly type: string;
  /** A strong entity tag, with its quotes. */
  readonly tag: string;
  /** Whether its name changes with its contents. */
  readonly isLasting: boolean;
}

/** Files by their path below the base; that of the page itself is empty. */
export type PageFiles = ReadonlyMap<string, PageFile>;

/** Where the files come from, for a server that is told to have them. */
export type PageSource = () => Promise<PageFiles>;

/** What a page may do: run its own script in its own style, and ask its own server. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types lit-html',
].join('; ');

/** What a browser is told with each file. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

const SECONDS_OF_A_YEAR = 31_536_000;

/** A file of the list; `null`: nothing that a page has. @param name its path below the base, `index.html` for the page */
export function pageFile(name: string, octets: Uint8Array): PageFile | null {
  const type = TYPES[/\.(\w+)$/.exec(name)?.[1] ?? ''];
  if (type === undefined) return null;
  const digest = createHash('sha256').update(octets).digest('base64url');
  return { octets, type, tag: `"${digest}"`, isLasting: name.startsWith('assets/') };
}

/** Serves the files below a base, e.g. `/console`, and nothing beside them. */
export function servePages(server: FastifyInstance, base: string, files: PageFiles): void {
  server.get(base, (_request, reply) => reply.headers(PAGE_HEADERS).redirect(`${base}/`, 308));
  for (const [name, file] of files)
    server.get(`${base}/${name}`, (request, reply) => answerFile(request, reply, file));
}

function answerFile(request: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply {
  const lasting = `private, max-age=${SECONDS_OF_A_YEAR}, immutable`;
  void reply.headers({
    ...PAGE_HEADERS,
    etag: file.tag,
    'cache-control': file.isLasting ? lasting : 'private, no-cache',
  });
  if (isKnown(request.headers['if-none-match'], file.tag)) return reply.code(304).send();
  return reply.type(file.type).send(Buffer.from(file.octets));
}

/** Whether whoever asks has the file as it is: If-None-Match, compared weakly. */
function isKnown(field: string | undefined, tag: string): boolean {
  if (field === undefined) return false;
  const tags = field.split(',').map((each) => each.trim().replace(/^W\//, ''));
  return tags.includes(tag) || tags.includes('*');
}
