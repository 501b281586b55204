/**
 * The asynchronous context that oidc-provider carries along with each of its requests. From the first of them on Node tells
 * its hooks of every promise and every socket of the process, reads of resources included, which took a twentieth of a read; so
 * it is ended whenever no request of the provider is under way.
 *
 * Invariant: while a request of any provider in this process is being answered, the context stays.
 */
import contextOfRequests from 'oidc-provider/lib/helpers/als.js';

let underWay = 0;

/** Work of the provider on one request, all of it. */
export async function inContext<T>(work: () => Promise<T>): Promise<T> {
  underWay += 1;
  try {
    return await work();
  } finally {
    underWay -= 1;
    if (underWay === 0) setImmediate(endUnused); // the provider's own steps around this one end first
  }
}

function endUnused(): void {
  if (underWay === 0) contextOfRequests.disable();
}
