/**
 * What an interaction answers. Bodies are pieces, so that stored bytes travel from the store to the socket
 * uncopied and unparsed.
 */
export interface FhirResponse {
  readonly status: number;
  /** By lower-case name: etag, last-modified, location, content-location, allow … */
  readonly headers: Readonly<Record<string, string>>;
  /** When the version that is answered was stored, milliseconds: more exact than Last-Modified can say. */
  readonly lastUpdated?: number;
  /** Pieces of one UTF-8 body, in order; absent = no body. `application/fhir+json` unless content-type says else. */
  readonly body?: readonly Buffer[];
  /** In the place of `body`: one that is too large to be in memory. */
  readonly stream?: BodyStream;
}

/** Bytes that are read as they are sent. */
export interface BodyStream {
  readonly length: number;
  read(): AsyncIterable<Buffer>;
}
