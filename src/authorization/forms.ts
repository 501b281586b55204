/**
 * Forms of our own pages, coming back.
 *
 * Invariant: a form counts only where it came from our own page: the browser says so (Sec-Fetch-Site, Origin), and it
 * carries the token that the page was given, which no other site can know.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const MAX_BYTES = 64 * 1024;
const FORM = 'application/x-www-form-urlencoded';

/** What is wrong with a form that came, to be shown on a page. */
export class FormError extends Error {
  override readonly name = 'FormError';

  constructor(
    readonly status: 400 | 403 | 413 | 415,
    message: string,
  ) {
    super(message);
  }

  /** It was not one of our pages that sent it. */
  get isForged(): boolean {
    return this.status === 403;
  }
}

export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== FORM) throw new FormError(415, `What a page sends is ${FORM}.`);
  return new URLSearchParams((await readBody(request)).toString('utf8'));
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > MAX_BYTES) throw new FormError(413, 'What was sent is too long.');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Makes and checks the tokens of forms; `about` is what a form is bound to: its interaction and who is signed in. */
export class FormTokens {
  readonly #key: string;
  readonly #origin: string;

  constructor(key: string, issuer: string) {
    this.#key = key;
    this.#origin = new URL(issuer).origin;
  }

  make(about: string): string {
    return createHmac('sha256', this.#key).update(`form ${about}`).digest('base64url');
  }

  /** Throws FormError. */
  check(request: IncomingMessage, form: URLSearchParams, about: string): void {
    const { origin, 'sec-fetch-site': site } = request.headers;
    const isOwn =
      (site === undefined || site === 'same-origin') && (origin === undefined || origin === this.#origin);
    const expected = Buffer.from(this.make(about));
    const given = Buffer.from(form.get('csrf') ?? '');
    if (isOwn && given.length === expected.length && timingSafeEqual(given, expected)) return;
    throw new FormError(
      403,
      'This form did not come from our page, or is no longer valid. Go back and try again.',
    );
  }
}
