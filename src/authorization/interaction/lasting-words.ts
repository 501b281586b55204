/** How long access lasts, in words for people; the lifetimes themselves are in provider/lifetimes.ts. */

export function lastingWords(identity: readonly string[]): string {
  if (identity.includes('offline_access'))
    return 'until you end it, or the app has not been used for 90 days';
  if (identity.includes('online_access')) return 'while you are signed in, at most 12 hours';
  return 'for one hour';
}
