import { expect, it } from 'vitest';
import { isLoopback } from './loopback.js';

it.each(['localhost', 'LOCALHOST', 'app.localhost', '127.0.0.1', '127.8.9.10', '::1', '[::1]'])(
  'knows %s as this machine',
  (host) => {
    expect(isLoopback(host)).toBe(true);
  },
);

it.each([
  '0.0.0.0',
  '::',
  '10.0.0.1',
  'example.org',
  'localhost.example.org',
  '127.0.0.1.example.org',
  '127.1',
  '',
])('does not take %j for this machine', (host) => {
  expect(isLoopback(host)).toBe(false);
});
