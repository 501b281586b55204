/** Under which kinds the authorization server keeps its records: one list, so that no two meanings share a kind. */
export const KIND = {
  /** By client id. */
  client: 'client',
  /** By origin and client id, divided by a blank. */
  origin: 'client-origin',
  /** By subject. */
  user: 'user',
  /** By folded login: the subject. */
  login: 'login',
  /** By the hash of the login: how often signing in failed. */
  failures: 'sign-in-failures',
  /** By the hash of the login: a password is being tried. */
  attempt: 'sign-in-attempt',
  /** By algorithm and number. */
  signingKey: 'signing-key',
  /** By the hash of the token. */
  accessToken: 'access-token',
} as const;
