/**
 * Requests to the server of an export, with the access token where one belongs.
 *
 * Invariants: a token goes to the server itself, to others only by https, and never along with a redirect to another
 * origin (the fetcher sees to that); a token that was refused is renewed once for each request.
 */
import type { Fetched, Fetcher, FetchRequest } from '../../net/fetcher.js';
import { ExportProblem } from './problem.js';
import { mayCarrySecrets, type Tokens } from './tokens.js';

/** Retries are the caller's: it knows what may be repeated and what the server asked for. */
export type Asked = Omit<FetchRequest, 'attempts'> & { readonly withToken: boolean };

export class Talk {
  /** `tokens` undefined: the server is open. */
  constructor(
    private readonly base: URL,
    private readonly fetcher: Fetcher,
    private readonly tokens: Tokens | undefined,
  ) {}

  /** Throws FetchError for what may go away, ExportProblem for what does not. */
  async ask({ withToken, ...request }: Asked): Promise<Fetched> {
    const { tokens } = this;
    if (tokens === undefined || !withToken) return this.fetcher.fetch({ ...request, attempts: 1 });
    if (!mayCarrySecrets(new URL(request.url), this.base)) {
      throw new ExportProblem(
        `${new URL(request.url).host} wants the access token without https, on another host: nothing was sent.`,
      );
    }
    const token = await tokens.current();
    const answer = await this.#send(request, token);
    if (answer.status !== 401) return answer;
    answer.discard();
    return this.#send(request, await tokens.after(token));
  }

  #send(request: FetchRequest, token: string): Promise<Fetched> {
    const headers = { ...request.headers, authorization: `Bearer ${token}` };
    return this.fetcher.fetch({ ...request, headers, attempts: 1 });
  }
}
