/**
 * A FHIR request as interactions see it: no web framework, and the same for an HTTP request and a batch entry.
 * https://hl7.org/fhir/R4/http.html
 */
import type { ResourceObject } from '../fhir/format/json.js';

export interface FhirRequest {
  /** Upper case. HEAD arrives as GET; http/ drops the body. */
  readonly method: string;
  /** Decoded path segments below the FHIR base: `['Patient', '1', '_history']`; [] is the base itself. */
  readonly path: readonly string[];
  /** Decoded pairs in the order given; form fields of POST _search come after those of the URL. */
  readonly query: readonly QueryPair[];
  /** By lower-case name. */
  header(name: string): string | undefined;
  /** The body's bytes, decompressed; absent or empty where there is none. */
  readonly body?: Buffer;
  /** The body as a tree, where a batch has parsed it already; `body` is then absent. */
  readonly resource?: ResourceObject;
}

export type QueryPair = readonly [name: string, value: string];
