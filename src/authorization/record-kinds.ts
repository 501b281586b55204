/** Under which kinds the authorization server keeps its records: one list, so that no two meanings share a kind. */
export const KIND = {
  /** By client id. */
  client: 'client',
  /** By origin and client id, divided by a blank. */
  origin: 'client-origin',
  /** By the hash of the token: who holds it may register clients. */
  initialToken: 'initial-token',
  /** By the hash of the token and the number of the use, divided by a blank. */
  initialTokenUse: 'initial-token-use',
  /** By subject. */
  user: 'user',
  /** By folded login: the subject. */
  login: 'login',
  /** By the reference to who they are and the subject, divided by a blank. */
  userOfResource: 'user-of-resource',
  /** By the name of a list of people: it holds all that there are. */
  userList: 'user-list',
  /** By the hash of the login: how often signing in failed. */
  failures: 'sign-in-failures',
  /** By the hash of the login: a password is being tried. */
  attempt: 'sign-in-attempt',
  /** By the hash of the state: who went to the hospital's provider to sign in, and with what. */
  upstreamSignIn: 'upstream-sign-in',
  /** By the hash of issuer and subject there: the subject here. */
  upstreamAccount: 'upstream-account',
  /** By subject and the hash of the issuer, divided by a blank: the name of the account. */
  upstreamLink: 'upstream-link',
  /** By the hash of the launch value. */
  launch: 'launch',
  /** By the hash of the interaction: what was chosen so far. */
  progress: 'interaction-progress',
  /** By the hash of the grant: what its tokens are opened with. */
  grantContext: 'grant-context',
  /** By subject and the hash of the grant, divided by a blank: for the person's list of apps. */
  granted: 'granted-app',
  /** By algorithm and number. */
  signingKey: 'signing-key',
  /** By the hash of the token. */
  accessToken: 'access-token',
  /** A person who is signed in, in one browser: by the hash of its cookie. */
  session: 'Session',
  /** By the hash of the session's `uid`: the name of the session. */
  sessionUid: 'SessionUid',
} as const;
