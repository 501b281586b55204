/**
 * What may be fetched: which schemes, which hosts, which addresses.
 *
 * Invariant: a URL passes `checkUrl` and all addresses of its host pass `checkAddresses` before a connection is made, and
 * the connection goes to one of these addresses.
 */
import { isIP } from 'node:net';
import { addressKind } from './address.js';
import { FetchError } from './fetch-error.js';

export interface FetchPolicy {
  /** http is allowed beside https. */
  readonly plainHttp: boolean;
  /** `jwks.example.org`, `*.example.org` (what is below it), `*` (all). */
  readonly hosts: readonly string[];
  /** Hosts in the same notation that may have addresses of this machine and its networks; they need not stand in `hosts`. */
  readonly privateHosts: readonly string[];
}

/** The URL, when it may be fetched. */
export function checkUrl(text: string, policy: FetchPolicy): URL {
  if (!URL.canParse(text))
    throw new FetchError('url-refused', 'What is to be fetched is not an absolute URL.');
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && policy.plainHttp)) {
    const wanted = policy.plainHttp ? 'https or http' : 'https';
    throw new FetchError('url-refused', `A URL to fetch begins with ${wanted}, not with another scheme.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new FetchError('url-refused', 'A URL to fetch must not hold a user or a password.');
  }
  const host = hostOf(url);
  if (!isListed(host, policy.hosts) && !isListed(host, policy.privateHosts)) {
    throw new FetchError('url-refused', `${host} is not among the hosts that may be fetched from.`);
  }
  return url;
}

/** All of them must pass: a name with a public and a private address is a trick. */
export function checkAddresses(host: string, addresses: readonly string[], policy: FetchPolicy): void {
  const mayBePrivate = isListed(host, policy.privateHosts);
  for (const address of addresses) {
    const kind = addressKind(address);
    if (kind === 'public' || (kind === 'private' && mayBePrivate)) continue;
    throw new FetchError(
      'address-refused',
      `${host} leads to an address that is not public, so nothing is fetched from it.`,
    );
  }
}

/** The name or address of the host: lower case, without brackets and without the dot of the root. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

/** The hosts of a setting: names and patterns between commas or blanks. */
export function hostList(text: string | undefined): readonly string[] {
  return (text ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((host) => host !== '');
}

function isListed(host: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    if (pattern === '*') return true;
    if (pattern.startsWith('*.')) return isIP(host) === 0 && host.endsWith(pattern.slice(1));
    return host === pattern.replace(/^\[|\]$/g, '');
  });
}
