// One signed-in person over REST: what a live client needs of it.

/** An answer that is no success. `slug` is stable; `message` is for people. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly slug: string, message: string) {
    super(`${status} ${slug}: ${message}`);
  }
}

interface Tokens {
  accessToken: string;
  refreshToken: string;
  expiresIn: number; // seconds
}

const timeout = 10_000; // ms for one request

export class Session {
  private renewing?: Promise<void>;

  private constructor(readonly server: string, private tokens: Tokens) {}

  /** Signs in. A program keeps the refresh token itself, so it asks for it in the body. */
  static async signIn(server: string, login: string, password: string): Promise<Session> {
    const tokens = await request<Tokens>(server, 'POST', '/v1/sessions', {}, { login, password, carrier: 'body' });
    return new Session(server, tokens);
  }

  get accessToken(): string {
    return this.tokens.accessToken;
  }

  /** How long after a renewal the next one is due, in ms: well before the token ends. */
  get renewAfter(): number {
    return this.tokens.expiresIn * 1000 * (2 / 3);
  }

  /** A call with the token. With a position, the answer is at least as new as that. */
  async call<T>(method: string, path: string, position?: string): Promise<T> {
    const once = () =>
      request<T>(this.server, method, path, {
        Authorization: `Bearer ${this.tokens.accessToken}`,
        ...(position && { 'Parley-Position': position }),
      });
    try {
      return await once();
    } catch (error) {
      if (!(error instanceof ApiError) || error.slug !== 'auth.expired') throw error;
      await this.renew();
      return once();
    }
  }

  /** Trades the refresh token. Each is good for one renewal, so there is never more than one at work. */
  renew(): Promise<void> {
    this.renewing ??= request<Tokens>(this.server, 'POST', '/v1/sessions/refresh', {}, { refreshToken: this.tokens.refreshToken })
      .then((tokens) => void (this.tokens = tokens))
      .finally(() => (this.renewing = undefined));
    return this.renewing;
  }
}

async function request<T>(server: string, method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<T> {
  const answer = await fetch(server + path, {
    method,
    headers: { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(timeout),
  });
  if (answer.status === 204) return undefined as T;
  const envelope = await answer.json().catch(() => ({})); // something in between may answer in other words
  if (!answer.ok) throw new ApiError(answer.status, envelope.error ?? 'unknown', envelope.message ?? answer.statusText);
  return envelope.data;
}
