/** Grants: the name that cursors and audit records know their holder by. */
import { expect, test } from 'vitest';
import { principalOf } from './grant.js';

test('a client that acts for itself is named by itself, one that acts for a person by both', () => {
  expect(principalOf('app')).toBe('client:app');
  expect(principalOf('app', 'subject-1')).toBe('user:subject-1 client:app');
});
