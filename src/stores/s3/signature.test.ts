/** Signatures of the examples that the specification works out. */
import { describe, expect, it } from 'vitest';
import { queryText, signed } from './signature.js';

const SIGNER = {
  region: 'us-east-1',
  credentials: {
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  },
};
const TIME = Date.UTC(2013, 4, 24);
const BUCKET = 'https://examplebucket.s3.amazonaws.com';

describe('a signature', () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html#example-signature-calculations
  it.each([
    [
      'of an object in a range',
      'GET',
      '/test.txt',
      { range: 'bytes=0-9' },
      '',
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'of an object that is stored',
      'PUT',
      '/test%24file.text',
      { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      'Welcome to Amazon S3.',
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    [
      'of a parameter without a value',
      'GET',
      `/?${queryText({ lifecycle: '' })}`,
      {},
      '',
      'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    ],
    [
      'of a list',
      'GET',
      `/?${queryText({ prefix: 'J', 'max-keys': '2' })}`,
      {},
      '',
      '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    ],
  ])('%s is the one of the specification', async (_case, method, path, headers, body, signature) => {
    const request = { method, url: new URL(`${BUCKET}${path}`), headers, body: Buffer.from(body) };

    const { authorization } = await signed(request, SIGNER, TIME);

    expect(authorization).toMatch(new RegExp(`Signature=${signature}$`));
  });

  it('covers the token of credentials that were lent', async () => {
    const lent = { ...SIGNER, credentials: { ...SIGNER.credentials, sessionToken: 'lent' } };
    const request = { method: 'GET', url: new URL(BUCKET), headers: {}, body: Buffer.alloc(0) };

    const headers = await signed(request, lent, TIME);

    expect(headers['x-amz-security-token']).toBe('lent');
    expect(headers.authorization).toContain(
      'SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,',
    );
  });
});

describe('a query', () => {
  it('is encoded, spaces too', () => {
    expect(queryText({ b: 'it is', a: 'x/y+z&' })).toBe('b=it%20is&a=x%2Fy%2Bz%26');
  });
});
