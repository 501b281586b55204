/**
 * Why something was not fetched.
 *
 * Invariant: the text names the host that was asked for, never the addresses of its network nor a URL's path or query: it
 * may be shown to whoever gave the URL.
 */
export type FetchErrorKind =
  /** The URL itself is not one that may be fetched: its scheme, a password in it, its host. */
  | 'url-refused'
  /** The host has an address that may not be reached. */
  | 'address-refused'
  | 'redirect-refused'
  /** The name has no address, nobody answers, the connection broke, TLS failed. */
  | 'failed'
  | 'timed-out'
  | 'too-large'
  /** Too much is under way to this host already. */
  | 'busy'
  /** The host has failed so often that it is left alone for a while. */
  | 'resting';

export class FetchError extends Error {
  override readonly name = 'FetchError';

  constructor(
    readonly kind: FetchErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
