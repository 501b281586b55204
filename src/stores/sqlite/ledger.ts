/** The ledger in the store's own file: read here, written by the writer thread. */
import type { Ledger } from '../../ports/ledger.js';
import type { View } from './view.js';
import type { Writer } from './writer.js';

export function sqliteLedger(view: View, writer: Writer): Ledger {
  return {
    get: (name) => view.connection.get<[string]>('SELECT value FROM ledger WHERE name = ?', name)?.[0],
    set: (name, value) => writer.setLedger(name, value),
  };
}
