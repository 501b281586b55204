/** Which addresses are public, and which URLs may be fetched. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { addressKind } from './address.js';
import { FetchError } from './fetch-error.js';
import { checkUrl, type FetchPolicy, hostList, hostOf } from './policy.js';

const CASES = JSON.parse(readFileSync('src/net/cases/addresses.json', 'utf8')) as Record<string, string[]>;

const ANYWHERE: FetchPolicy = { plainHttp: false, hosts: ['*'], privateHosts: [] };

describe('addresses', () => {
  it.each(Object.entries(CASES).flatMap(([kind, all]) => all.map((address) => [kind, address])))(
    'are %s: %s',
    (kind, address) => {
      expect(addressKind(address)).toBe(kind);
    },
  );
});

describe('URLs', () => {
  it.each([
    ['jwks.json', 'absolute URL'],
    ['http://keys.example.org/', 'begins with https'],
    ['file:///etc/passwd', 'begins with https'],
    ['ftp://keys.example.org/', 'begins with https'],
    ['data:application/json,{}', 'begins with https'],
    ['https://user:secret@keys.example.org/', 'user or a password'],
    ['https://user@keys.example.org/', 'user or a password'],
  ])('are refused: %s', (url, why) => {
    expect(() => checkUrl(url, ANYWHERE)).toThrow(why);
  });

  it('never tells the password that it refuses', () => {
    expect(() => checkUrl('https://user:secret@keys.example.org/', ANYWHERE)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('secret') }),
    );
  });

  it.each([
    ['keys.example.org', 'keys.example.org', true],
    ['keys.example.org', 'KEYS.example.ORG', true],
    ['keys.example.org', 'keys.example.org.', true],
    ['*.example.org', 'keys.example.org', true],
    ['*.example.org', 'example.org', false],
    ['*.example.org', 'keysexample.org', false],
    ['keys.example.org', 'keys.example.org.evil.net', false],
    ['keys.example.org', 'evilkeys.example.org', false],
    ['[::1]', '[::1]', true],
    ['*.1', '127.0.0.1', false],
  ])('with %s in the list, %s may be fetched from: %s', (listed, host, may) => {
    const policy = { ...ANYWHERE, hosts: hostList(listed) };

    const check = (): URL => checkUrl(`https://${host}/`, policy);

    if (may) expect(hostOf(check())).toBe(host.toLowerCase().replace(/^\[|\]$|\.$/g, ''));
    else expect(check).toThrow(FetchError);
  });
});
