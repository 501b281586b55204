/**
 * Small durable facts of the house itself, kept in the tenant's store: which file was loaded, whether the demo
 * population is in. Not for resources.
 */
export interface Ledger {
  get(name: string): string | undefined;
  /** Durable when it resolves. */
  set(name: string, value: string): Promise<void>;
}
