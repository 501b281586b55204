/** Under which kinds the authorization server keeps its records: one list, so that no two meanings share a kind. */
export const KIND = {
  /** By client id. */
  client: 'client',
  /** By origin and client id, divided by a blank. */
  origin: 'client-origin',
  /** By algorithm and number. */
  signingKey: 'signing-key',
  /** By login. */
  user: 'user',
  userBySubject: 'user-subject',
  /** By login. */
  signInFailures: 'sign-in-failures',
  /** By the hash of the token. */
  accessToken: 'access-token',
} as const;
