/**
 * Signature Version 4, by headers: who asks, and that nobody changed what is asked for. `aws4fetch` signs; what it signs is
 * sent by the fetcher of `net/`, like all that leaves the server.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 *
 * Invariant: every header and the body are vouched for.
 */
import { createHash } from 'node:crypto';
import { AwsV4Signer } from 'aws4fetch';

export interface BucketCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of credentials that were lent for a while. */
  readonly sessionToken?: string | undefined;
}

export interface Unsigned {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Signer {
  readonly region: string;
  readonly credentials: BucketCredentials;
}

/** The headers with those that vouch for them; `time` in milliseconds since 1970. All names are lower case. */
export async function signed(
  { method, url, headers, body }: Unsigned,
  { region, credentials }: Signer,
  time: number,
): Promise<Readonly<Record<string, string>>> {
  const { sessionToken, ...keys } = credentials;
  const signer = new AwsV4Signer({
    method,
    url: url.href,
    headers: { ...headers, 'x-amz-content-sha256': createHash('sha256').update(body).digest('hex') },
    ...keys,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service: 's3',
    region,
    datetime: new Date(time).toISOString().replace(/[-:]|\.\d+/g, ''),
    allHeaders: true,
  });
  const { headers: all } = await signer.sign();
  return Object.fromEntries(all);
}

/** Encoded so that nobody reads it otherwise: a `+` would be a space to some. */
export function queryText(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
}
