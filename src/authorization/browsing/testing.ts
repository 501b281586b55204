/**
 * A browser without a screen, for tests of the pages: keeps cookies, follows redirects until they leave the server, fills in
 * and sends the forms that it was shown.
 */

export interface Shown {
  readonly status: number;
  readonly url: string;
  readonly headers: Headers;
  readonly text: string;
}

/** Where the last redirect leads that is not to the server. */
export interface Left {
  readonly left: URL;
}

const REDIRECTS = 20;

export class Browsing {
  readonly #origin: string;
  readonly #cookies = new Map<string, { readonly value: string; readonly path: string }>();
  #shown: Shown | undefined;

  constructor(origin: string) {
    this.#origin = origin;
  }

  get shown(): Shown {
    if (this.#shown === undefined) throw new Error('no page is shown');
    return this.#shown;
  }

  open(url: string, init: RequestInit = {}): Promise<Shown | Left> {
    return this.#go(url, init);
  }

  /** Sends the form that holds what `fields` names, as it was shown but for those. */
  send(
    fields: Readonly<Record<string, string | readonly string[]>>,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Shown | Left> {
    const { text, url } = this.shown;
    const form = formsOf(text).find(({ names }) => Object.keys(fields).every((name) => names.has(name)));
    if (form === undefined)
      throw new Error(`no form on ${url} has ${Object.keys(fields).join(', ')}: ${text}`);
    const body = new URLSearchParams(form.hidden);
    for (const [name, value] of Object.entries(fields)) {
      body.delete(name);
      for (const one of [value].flat()) body.append(name, one);
    }
    const action = new URL(form.action, url).href;
    return this.#go(action, {
      method: 'POST',
      body,
      headers: { origin: this.#origin, 'sec-fetch-site': 'same-origin', ...more },
    });
  }

  async #go(first: string, init: RequestInit): Promise<Shown | Left> {
    let [url, asked] = [first, init];
    for (let at = 0; at < REDIRECTS; at++) {
      const headers = new Headers(asked.headers);
      const cookie = this.#cookiesFor(new URL(url).pathname);
      if (cookie !== '') headers.set('cookie', cookie);
      const answer = await fetch(url, { ...asked, headers, redirect: 'manual' });
      this.#keep(answer);
      const location = answer.headers.get('location');
      if (location === null) {
        this.#shown = { status: answer.status, url, headers: answer.headers, text: await answer.text() };
        return this.#shown;
      }
      await answer.arrayBuffer();
      const next = new URL(location, url);
      if (next.origin !== this.#origin) return { left: next };
      [url, asked] = [next.href, {}];
    }
    throw new Error('too many redirects');
  }

  #keep(answer: Response): void {
    for (const line of answer.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((each) => each.trim());
      const [name = '', value = ''] = pair.split('=', 2);
      const path = attributes.find((each) => /^path=/i.test(each))?.slice(5) ?? '/';
      const expires = attributes.find((each) => /^expires=/i.test(each))?.slice(8);
      const isOver =
        value === '' || (expires !== undefined && Date.parse(expires) < Date.parse('2001-01-01'));
      if (isOver) this.#cookies.delete(`${name} ${path}`);
      else this.#cookies.set(`${name} ${path}`, { value: pair.slice(name.length + 1), path });
    }
  }

  #cookiesFor(path: string): string {
    return [...this.#cookies]
      .filter(([, cookie]) => path.startsWith(cookie.path))
      .map(([name, { value }]) => `${name.split(' ')[0]}=${value}`)
      .join('; ');
  }
}

interface FoundForm {
  readonly action: string;
  readonly hidden: Record<string, string>;
  readonly names: ReadonlySet<string>;
}

function formsOf(text: string): readonly FoundForm[] {
  return [...text.matchAll(/<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)].map(
    ([, action = '', inner = '']) => ({
      action: unescaped(action),
      hidden: Object.fromEntries(
        [...inner.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(
          ([, name = '', value = '']) => [name, unescaped(value)],
        ),
      ),
      names: new Set([...inner.matchAll(/ name="([^"]*)"/g)].map(([, name = '']) => name)),
    }),
  );
}

function unescaped(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => SIGNS[name] ?? '');
}

const SIGNS: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
