/**
 * The worker's side of what primary and workers say to each other.
 *
 * Invariant: who asks for metrics gets an answer, if need be that the primary gave none.
 */
import { Refusal } from '../fhir/outcome.js';
import { type FromPrimary, type FromWorker, isOurs } from './worker-messages.js';

const PATIENCE_MILLISECONDS = 5_000;

export class WorkerChannel {
  readonly #waiting = new Map<number, (text: string) => void>();
  readonly #families: () => Promise<object[]>;
  #lastAsk = 0;

  constructor(families: () => Promise<object[]>) {
    this.#families = families;
    process.on('message', (message: unknown) => {
      if (isOurs<FromPrimary>(message)) this.#hear(message);
    });
  }

  /** The text of all workers' metrics. */
  allMetrics(): Promise<string> {
    this.#lastAsk += 1;
    const ask = this.#lastAsk;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(ask);
        reject(
          new Refusal('unavailable', 'The primary process did not answer: ask again.', {
            'retry-after': '5',
          }),
        );
      }, PATIENCE_MILLISECONDS);
      this.#waiting.set(ask, (text) => {
        clearTimeout(timer);
        this.#waiting.delete(ask);
        resolve(text);
      });
      tell({ fairway: 'all-metrics-wanted', ask });
    });
  }

  #hear(message: FromPrimary): void {
    if (message.fairway === 'all-metrics') {
      this.#waiting.get(message.ask)?.(message.text);
      return;
    }
    const { ask } = message;
    void this.#families().then((families) => tell({ fairway: 'metrics', ask, families }));
  }
}

/** There is work for the job processes, which are the primary's. */
export function tellOfJobs(): void {
  tell({ fairway: 'jobs' });
}

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}
