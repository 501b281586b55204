/**
 * The private key that a client signs its assertions with: a JWK, a key set with one private key, or PEM.
 * https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
 *
 * Invariant: the key fits one of the two algorithms that every server of the specification has; no message holds any of it.
 */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { isObject, type JsonObject, type JsonValue } from '../../fhir/format/json.js';
import { JsonSyntaxError, parseJson } from '../../fhir/format/parse.js';
import { ExportProblem } from './problem.js';

export interface SigningKey {
  readonly key: KeyObject;
  readonly algorithm: 'ES384' | 'RS384';
  /** Says which of the client's registered keys it is. */
  readonly kid: string;
}

const SMALLEST_MODULUS_BITS = 2048;

/** `kid`: for keys that do not say it themselves; else their thumbprint (RFC 7638). */
export async function readSigningKey(text: string, kid: string | undefined): Promise<SigningKey> {
  const found = text.includes('-----BEGIN') ? { key: fromPem(text), kid: undefined } : fromJson(text);
  const algorithm = algorithmOf(found.key);
  const thumbprint = () =>
    calculateJwkThumbprint(createPublicKey(found.key).export({ format: 'jwk' }) as JWK); // it is one
  return { key: found.key, algorithm, kid: kid ?? found.kid ?? (await thumbprint()) };
}

function fromPem(text: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    throw new ExportProblem('The key file is no private key in PEM that can be read without a passphrase.', {
      cause: error,
    });
  }
}

function fromJson(text: string): { readonly key: KeyObject; readonly kid: string | undefined } {
  const jwk = privateJwk(text);
  try {
    // node:crypto looks at all members.
    const key = createPrivateKey({ key: jwk as JWK & { kty: string }, format: 'jwk' });
    return { key, kid: typeof jwk.kid === 'string' && jwk.kid !== '' ? jwk.kid : undefined };
  } catch (error) {
    throw new ExportProblem('The key of the key file cannot be used: it is no whole private key.', {
      cause: error,
    });
  }
}

function privateJwk(text: string): JsonObject {
  const parsed = parsedKey(text);
  const keys = isObject(parsed) && Array.isArray(parsed.keys) ? parsed.keys : [parsed];
  const usable = keys.filter(isObject).filter((key) => typeof key.d === 'string');
  const [only, ...others] = usable;
  if (only === undefined) {
    throw new ExportProblem('The key file holds no private key: give the JWK with its private part, or PEM.');
  }
  if (others.length > 0)
    throw new ExportProblem('The key file holds several private keys: give one of them.');
  return only;
}

function parsedKey(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new ExportProblem('The key file is neither a JWK nor PEM.');
  }
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): SigningKey['algorithm'] {
  if (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'secp384r1') return 'ES384';
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= SMALLEST_MODULUS_BITS) {
    return 'RS384';
  }
  throw new ExportProblem('The key must be P-384 (ES384) or RSA of 2048 bits or more (RS384).');
}
