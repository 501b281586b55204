/** What oidc-provider keeps of the request that it is answering; it has no types of its own. */
declare module 'oidc-provider/lib/helpers/als.js' {
  import type { AsyncLocalStorage } from 'node:async_hooks';

  const contextOfRequests: AsyncLocalStorage<unknown>;
  // biome-ignore lint/style/noDefaultExport: it is how oidc-provider exports it
  export default contextOfRequests;
}
