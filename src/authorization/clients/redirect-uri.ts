/**
 * Redirect URIs: where a code may be sent.
 * https://www.rfc-editor.org/rfc/rfc9700#section-4.1, https://www.rfc-editor.org/rfc/rfc8252#section-7
 *
 * Invariant: nobody on the way can read a code: https, a scheme that an application of the machine owns, or loopback.
 */
const LOOPBACK: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
/** `com.example.app`: a scheme that belongs to whoever owns the domain. */
const OWN_SCHEME = /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/;

/** What is wrong with it; undefined where nothing is. */
export function redirectUriProblem(uri: string): string | undefined {
  if (!URL.canParse(uri)) return `The redirect URI ${uri} is no absolute URL.`;
  const { protocol, hostname, hash, username, password } = new URL(uri);
  if (hash !== '' || uri.includes('#')) return `The redirect URI ${uri} has a fragment: leave it out.`;
  if (username !== '' || password !== '') return `The redirect URI ${uri} names a user: leave it out.`;
  if (uri.includes('*')) return `The redirect URI ${uri} has a wildcard: name each URI by itself.`;
  if (protocol === 'https:' || OWN_SCHEME.test(protocol)) return undefined;
  if (protocol === 'http:' && LOOPBACK.has(hostname)) return undefined;
  return `The redirect URI ${uri} must begin with https, with http://localhost or with a scheme of its own (com.example.app:).`;
}

/** For an application of the machine rather than of a web server. */
export function isNative(uri: string): boolean {
  const { protocol, hostname } = new URL(uri);
  return protocol !== 'https:' && (protocol !== 'http:' || LOOPBACK.has(hostname));
}
