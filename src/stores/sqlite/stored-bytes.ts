/**
 * The canonical bytes of a version: `meta` is spliced in between the two pieces of a PreparedResource.
 */
export function storedBytes(
  write: { readonly type: string; readonly id: string; readonly metaRest: string; readonly rest: string },
  versionId: string,
  lastUpdated: number,
): Buffer {
  return Buffer.from(
    `{"resourceType":"${write.type}","id":${JSON.stringify(write.id)},"meta":{"versionId":"${versionId}",` +
      `"lastUpdated":"${new Date(lastUpdated).toISOString()}"${write.metaRest}}${write.rest}`,
  );
}
