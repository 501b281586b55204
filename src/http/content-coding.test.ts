import { expect, it } from 'vitest';
import { preferredCoding } from './content-coding.js';

it.each([
  ['gzip, deflate, br', 'br'],
  ['gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['br;q=0.5, gzip;q=0.9', 'gzip'],
  ['br;q=0, gzip;q=0', undefined],
  ['*', 'br'],
  ['br;q=0, *', 'gzip'],
  ['identity', undefined],
  ['gzip;q=x', undefined],
  ['', undefined],
])('takes for Accept-Encoding %j the coding %s', (header, coding) => {
  expect(preferredCoding(header)).toBe(coding);
});
